//! What the health gate asks for, on a host of each mode.

use super::super::*;
use super::world::{Contents, World, apply_told, config_map, contents};
use gabion_bundle::Mode;
use serde_json::{Value, json};

fn probe(name: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "app", "annotations": {"gabion.dev/probe": "true"}}})
}

fn is_job(call: &str) -> bool {
    call.starts_with("kubectl apply") || call.starts_with("kubectl delete")
}

#[test]
fn a_probe_is_run_by_the_gate_and_leaves_nothing_behind() {
    let world = World::new();
    let mut first = contents();
    first.waves[2].1.push(probe("denied"));
    let (ended, said) = apply_told(&world, &first);
    assert_eq!(ended.unwrap(), Outcome::Settled(1));
    assert!(said.contains(&"probe Job app/denied: as it must be".to_owned()), "{said:?}");
    // After everything else: away with one that was left, the job, and away again.
    let calls = world.calls();
    let last: Vec<&str> = calls.iter().filter(|it| is_job(it)).map(|it| &it[..12]).collect();
    assert_eq!(last[last.len() - 3..], ["kubectl dele", "kubectl appl", "kubectl dele"], "{calls:?}");
    assert_eq!(last.len(), 4 + 3, "no wave brings it: {calls:?}");
    assert!(!world.objects().iter().any(|it| it.contains("|Job|")));
    assert!(!world.current().unwrap().objects.iter().any(|it| it.object.kind == "Job"));
    // It is nothing that drifts, and each change runs it again.
    assert!(world.host().status().unwrap().wrong.is_empty());
    first.waves[2].1[0] = config_map("settings", "2");
    let (ended, said) = apply_told(&world, &first);
    assert_eq!(ended.unwrap(), Outcome::Settled(2));
    assert_eq!(said.iter().filter(|it| it.starts_with("probe ")).count(), 1, "{said:?}");
}

#[test]
fn what_is_let_through_and_must_be_denied_takes_the_change_back() {
    let world = World::new();
    world.apply(&contents(), Wishes::default()).unwrap();
    let mut second = contents();
    second.waves[2].1 = vec![config_map("settings", "2"), probe("denied")];
    world.knob("sick", Some("denied"));
    let error = world.apply(&second, Wishes::default()).unwrap_err();
    let LiveError::Returned { failed: 2, .. } = &error else { panic!("{error}") };
    assert!(told(&error).contains("the probe `Job app/denied`"), "{}", told(&error));
    assert_eq!(world.current().unwrap().number, 1);
    assert!(!world.objects().iter().any(|it| it.contains("|Job|")), "{:?}", world.objects());
}

/// A definition that the stand-in serves objects of.
fn definition(group: &str, kind: &str) -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("{}s.{group}", kind.to_lowercase())},
        "spec": {"group": group, "names": {"kind": kind, "plural": format!("{}s", kind.to_lowercase())}, "scope": "Namespaced"}})
}

/// A certificate by this issuer, and one that the host itself can sign.
fn certificates(mode: Option<Mode>, issuer: &Value) -> Contents {
    let mut it = contents();
    it.mode = mode.map(|mode| (mode, if mode == Mode::Sealed { &[][..] } else { &["ghcr.io"][..] }));
    for kind in ["Issuer", "Certificate"] {
        it.waves[0].1.push(definition("cert-manager.io", kind));
    }
    let issuer = json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": {"name": "issuer", "namespace": "app"}, "spec": issuer});
    let certificate = json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "web", "namespace": "app"},
        "spec": {"issuerRef": {"name": "issuer"}}});
    it.waves[3].1.extend([issuer, certificate]);
    it
}

#[test]
fn a_certificate_of_others_is_told_and_not_waited_for() {
    for (mode, words) in [(Mode::Connected, "up to servers of others"), (Mode::Sealed, "needs a network")] {
        let world = World::new();
        fs_err::create_dir_all(world.path("var/lib/rancher/k3s/server/stand-in")).unwrap();
        world.knob("sick", Some("web"));
        let (ended, said) = apply_told(&world, &certificates(Some(mode), &json!({"acme": {}})));
        assert_eq!(ended.unwrap(), Outcome::Settled(1), "{mode:?}");
        let told: Vec<_> = said.iter().filter(|it| it.starts_with("Certificate app/web: ")).collect();
        assert!(told.len() == 1 && told[0].contains(words), "{mode:?}: {said:?}");
        // Whoever asks how the host is learns it too.
        assert_eq!(world.host().status().unwrap().wrong.len(), 1, "{mode:?}");
    }
}

#[test]
fn a_certificate_that_the_host_signs_is_waited_for_in_every_mode() {
    for mode in [Some(Mode::Connected), Some(Mode::Sealed), None] {
        let world = World::new();
        fs_err::create_dir_all(world.path("var/lib/rancher/k3s/server/stand-in")).unwrap();
        world.knob("sick", Some("web"));
        let (ended, _) = apply_told(&world, &certificates(mode, &json!({"ca": {}})));
        let error = ended.unwrap_err();
        assert!(matches!(error, LiveError::Deadline { .. } | LiveError::Unhealthy(_)), "{mode:?}: {error}");
    }
    // Without a mode nobody said that anything may be missing.
    let world = World::new();
    fs_err::create_dir_all(world.path("var/lib/rancher/k3s/server/stand-in")).unwrap();
    world.knob("sick", Some("web"));
    assert!(apply_told(&world, &certificates(None, &json!({"acme": {}}))).0.is_err());
}
