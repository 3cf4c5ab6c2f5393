//! From one generation to the next, and back.

use super::super::*;
use super::world::{Contents, World, apply_at, config_map, contents, deployment, thing, verified};
use crate::trust::{Accepted, TrustState};
use gabion_bundle::{Mode, Policy, Stage, Time};
use serde_json::json;
use std::io::Cursor;
use std::time::Duration;

const CONFIRM: Wishes = Wishes { confirm: Some(Duration::from_secs(600)), downgrade: false };

#[test]
fn a_first_bundle_starts_k3s_and_applies_its_objects_in_waves() {
    let world = World::new();
    assert_eq!(world.apply(&contents(), CONFIRM).unwrap(), Outcome::Settled(1));
    let calls = world.calls();
    let place = |what: &str| {
        calls.iter().position(|it| it.starts_with(what)).unwrap_or_else(|| panic!("{what}: {calls:?}"))
    };
    assert!(place("systemctl daemon-reload") < place("systemctl restart k3s.service"), "{calls:?}");
    assert!(place("systemctl restart k3s.service") < place("kubectl apply"), "{calls:?}");
    assert_eq!(calls.iter().filter(|it| it.starts_with("kubectl apply")).count(), 4, "{calls:?}");
    assert!(!calls.iter().any(|it| it.contains("etcd-snapshot")), "there was no datastore: {calls:?}");
    let current = world.current().unwrap();
    assert_eq!((current.number, current.k3s.as_deref(), current.objects.len()), (1, Some("v1.34.9+k3s1"), 5));
    assert_eq!(current.images.len(), 2, "by its tag and by its digest: {:?}", current.images);
    assert_eq!(world.objects().len(), 3);
    let status = world.host().status().unwrap();
    assert!(status.wrong.is_empty() && status.drift.is_empty() && status.change.is_none(), "{status:?}");
}

#[test]
fn the_same_bundle_again_writes_nothing_and_asks_nobody() {
    let world = World::new();
    world.apply(&contents(), Wishes::default()).unwrap();
    world.calls();
    let digest = world.current().unwrap().bundle;
    assert_eq!(world.host().is_at(&digest).unwrap(), Some(1));
    // A file that somebody touched makes it look again, and mends it; no new generation comes of it.
    fs_err::write(world.path("etc/rancher/k3s/config.yaml"), "other\n").unwrap();
    assert_eq!(world.host().is_at(&digest).unwrap(), None);
    assert_eq!(world.host().status().unwrap().drift, ["etc/rancher/k3s/config.yaml"]);
    assert_eq!(world.apply(&contents(), CONFIRM).unwrap(), Outcome::Settled(1));
    assert_eq!(
        fs_err::read_to_string(world.path("etc/rancher/k3s/config.yaml")).unwrap(),
        "cluster-init: true\n"
    );
    assert!(world.calls().iter().any(|it| it == "systemctl restart k3s.service"));
    assert_eq!(world.host().is_at(&digest).unwrap(), Some(1));
}

#[test]
fn what_a_bundle_has_no_more_is_taken_away_and_what_holds_data_stays() {
    let world = World::new();
    let mut first = contents();
    first.waves[3].1.push(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "app"}}));
    world.apply(&first, Wishes::default()).unwrap();
    world.calls();
    let mut second = contents();
    second.waves[3].1 = vec![deployment("api", 2)];
    assert_eq!(world.apply(&second, Wishes::default()).unwrap(), Outcome::Settled(2));
    let calls = world.calls();
    assert!(calls[0].starts_with("etcd-snapshot save --name gabion-before-2"), "{calls:?}");
    assert!(
        calls.iter().any(|it| it == "systemctl start k3s.service"),
        "nothing that K3s reads once changed: {calls:?}"
    );
    assert_eq!(
        world.objects(),
        ["apps|Deployment|app|api", "|ConfigMap|app|settings", "|PersistentVolumeClaim|app|data"]
            .map(str::to_owned)
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
}

#[test]
fn what_does_not_get_healthy_goes_back_by_itself() {
    let world = World::new();
    world.apply(&contents(), Wishes::default()).unwrap();
    world.knob("sick", Some("worker"));
    let mut second = contents();
    second.config = "cluster-init: true\ndisable: [traefik]\n";
    second.waves[3].1.push(deployment("worker", 1));
    // What was accepted is not forgotten on the way back.
    let accepted = Accepted { serial: 9, digest: "sha256:9".to_owned() };
    let bundles = [("platform".to_owned(), accepted)].into();
    let floor = TrustState { root_version: 3, host: Some("prod".to_owned()), bundles };
    floor.save(&world.host().root).unwrap();
    let error = world.apply(&second, CONFIRM).unwrap_err();
    assert!(matches!(&error, LiveError::Returned { failed: 2, .. }), "{error}");
    assert_eq!(TrustState::load(&world.host().root).unwrap(), floor);
    let why = crate::error::chain(&error);
    assert!(why.contains("Deployment app/worker: 0 of 1 are available"), "{why}");
    assert_eq!(world.current().unwrap().number, 1);
    assert_eq!(
        fs_err::read_to_string(world.path("etc/rancher/k3s/config.yaml")).unwrap(),
        "cluster-init: true\n"
    );
    assert!(!world.objects().iter().any(|it| it.ends_with("worker")), "{:?}", world.objects());
    let told: Vec<String> =
        world.events().into_iter().map(|(event, number)| format!("{event} {number}")).collect();
    assert_eq!(told, ["begun 1", "applied 1", "begun 2", "failed 2", "returned 1"]);
    // The datastore is as it is: nothing of it was put back.
    assert!(!world.calls().iter().any(|it| it.contains("cluster-reset")));
    assert!(world.host().status().unwrap().wrong.is_empty());
}

#[test]
fn what_nobody_confirms_goes_back() {
    let world = World::new();
    world.apply(&contents(), Wishes::default()).unwrap();
    let mut second = contents();
    second.waves[2].1 = vec![config_map("settings", "2")];
    let Outcome::Waits { generation: 2, until } = world.apply(&second, CONFIRM).unwrap() else { panic!() };
    // From when it came into force, however long that took.
    assert!((600..660).contains(&(until - super::world::NOW)), "{until}");
    assert_eq!(world.current().unwrap().number, 2);
    // Another change has to wait, and looking too early changes nothing.
    assert!(matches!(world.apply(&contents(), CONFIRM).unwrap_err(), LiveError::Pending { to: 2, .. }));
    assert_eq!(world.host().recover().unwrap(), Some(Outcome::Waits { generation: 2, until }));
    let error = world.host_at(until).recover().unwrap_err();
    assert!(matches!(error, LiveError::Returned { failed: 2, .. }), "{error}");
    assert_eq!(world.current().unwrap().number, 1);
    assert!(matches!(world.host().confirm().unwrap_err(), LiveError::NothingPending));
}

#[test]
fn what_is_confirmed_stays_and_an_older_one_comes_back_when_asked() {
    let world = World::new();
    world.apply(&contents(), Wishes::default()).unwrap();
    let mut second = contents();
    second.waves[3].1.push(thing("second"));
    second.image = "two";
    world.apply(&second, CONFIRM).unwrap();
    assert_eq!(world.host().confirm().unwrap(), Outcome::Settled(2));
    assert_eq!(world.host().recover().unwrap(), None);
    assert_eq!(world.host().rollback(None).unwrap(), Outcome::Settled(1));
    assert_eq!(world.current().unwrap().number, 1);
    assert!(!world.objects().iter().any(|it| it.ends_with("second")));
    // And forward again, from the packs alone.
    assert_eq!(world.host().rollback(Some(2)).unwrap(), Outcome::Settled(2));
    assert!(world.objects().iter().any(|it| it.ends_with("second")));
    assert!(matches!(world.host().rollback(Some(9)).unwrap_err(), LiveError::NoGeneration(_)));
}

#[test]
fn a_newer_kubernetes_is_left_with_the_datastore_of_the_older_one() {
    let world = World::new();
    world.apply(&contents(), Wishes::default()).unwrap();
    let mut second = contents();
    second.k3s = "v1.35.6+k3s1";
    second.waves[3].1.push(thing("second"));
    world.apply(&second, Wishes::default()).unwrap();
    world.calls();
    world.host().rollback(None).unwrap();
    let calls = world.calls();
    let reset = calls.iter().position(|it| {
        it.contains("--cluster-reset-restore-path=/var/lib/rancher/k3s/server/db/snapshots/gabion-before-2-")
    });
    let stop = calls.iter().position(|it| it == "systemctl stop k3s.service");
    assert!(stop < reset && reset.is_some(), "{calls:?}");
    assert_eq!(world.current().unwrap().k3s.as_deref(), Some("v1.34.9+k3s1"));
    assert!(world.host().status().unwrap().wrong.is_empty());
}

#[test]
fn hooks_run_when_their_release_is_new_and_not_when_it_is_changed() {
    let world = World::new();
    let hook = |event: &str, name: &str| json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "app", "annotations": {"helm.sh/hook": event}}});
    let mut first = contents();
    first.waves.push(("complete", vec![hook("post-install", "once"), hook("post-upgrade", "later")]));
    world.apply(&first, Wishes::default()).unwrap();
    let deleted = world.calls().iter().filter(|it| it.starts_with("kubectl delete")).count();
    assert_eq!(deleted, 2, "before it is made, and after it ended well");
    assert!(!world.objects().iter().any(|it| it.contains("|Job|")));
    first.waves[2].1 = vec![config_map("settings", "2")];
    world.knob("sick", Some("once"));
    world.apply(&first, Wishes::default()).unwrap();
    // Hooks are nothing that is left, and nothing that drifts.
    assert!(!world.current().unwrap().objects.iter().any(|it| it.object.kind == "Job"));
}

#[test]
fn a_plan_says_what_changes_and_is_another_one_after_any_change() {
    let world = World::new();
    let plan = |of: &Contents| {
        let (bytes, trust) = verified(of);
        let policy = Policy::new(&trust, Time::from_unix(super::world::NOW).unwrap(), Stage::Install);
        let mut bundle = gabion_bundle::verify(Cursor::new(bytes), &policy).unwrap();
        world.host().plan(&mut bundle).unwrap()
    };
    let first = plan(&contents());
    assert!(first.report.from.is_none() && first.report.new_objects.len() == 5, "{first:?}");
    world.apply(&contents(), Wishes::default()).unwrap();
    assert!(plan(&contents()).report.is_empty(), "{:?}", plan(&contents()));
    let mut second = contents();
    second.k3s = "v1.35.6+k3s1";
    second.image = "two";
    second.waves[2].1 = vec![config_map("settings", "2")];
    second.waves[3].1.remove(1);
    let two = plan(&second);
    let PlanReport {
        k3s,
        files,
        new_images,
        old_images,
        changed_objects,
        gone_objects,
        downtime,
        one_way,
        ..
    } = &two.report;
    assert_eq!(k3s, &Some((Some("v1.34.9+k3s1".to_owned()), Some("v1.35.6+k3s1".to_owned()))));
    assert!(files.contains(&"+ /usr/local/bin/k3s".to_owned()), "{files:?}");
    assert_eq!((new_images.len(), old_images.len()), (1, 1), "the tag stays, the digest moves");
    assert_eq!(
        (changed_objects.as_slice(), gone_objects.as_slice()),
        (&["ConfigMap app/settings".to_owned()][..], &["Thing app/first".to_owned()][..])
    );
    assert_eq!((downtime.len(), one_way.len()), (1, 1));
    // Somebody changes an object by hand, and a file.
    let at = world.path("var/lib/rancher/k3s/server/stand-in/objects");
    let text = fs_err::read_to_string(&at).unwrap();
    fs_err::write(&at, text.replace("\"replicas\": 1", "\"replicas\": 3")).unwrap();
    fs_err::write(world.path("etc/rancher/k3s/config.yaml"), "x\n").unwrap();
    let drifted = plan(&second);
    assert_eq!(drifted.report.drift, ["/etc/rancher/k3s/config.yaml", "Deployment app/api"]);
    assert_ne!(drifted.id, two.id);
}

#[test]
fn a_damaged_archive_of_images_never_reaches_containerd() {
    let world = World::new();
    let (mut bytes, trust) = verified(&contents());
    let at = bytes.windows(3).rposition(|it| it == b"one").unwrap();
    bytes[at] ^= 1;
    let policy = Policy::new(&trust, Time::from_unix(super::world::NOW).unwrap(), Stage::Install);
    assert!(crate::spool::take(&world.host().root, Cursor::new(bytes), &policy).is_err());
    assert!(!world.path("var/lib/rancher").exists());
    assert!(world.calls().is_empty());
}

#[test]
fn a_first_bundle_that_never_gets_healthy_leaves_its_place_to_another() {
    let world = World::new();
    fs_err::create_dir_all(world.path("var/lib/rancher/k3s/server/stand-in")).unwrap();
    world.knob("sick", Some("api"));
    let error = world.apply(&contents(), CONFIRM).unwrap_err();
    assert!(matches!(error, LiveError::Deadline { .. } | LiveError::Unhealthy(_)), "{error}");
    assert!(world.current().is_none());
    let mut other = contents();
    other.waves[3].1 = vec![deployment("web", 1)];
    assert_eq!(world.apply(&other, CONFIRM).unwrap(), Outcome::Settled(2));
}

#[test]
fn a_bundle_for_machines_of_another_kind_is_refused_before_anything_is_begun() {
    let world = World::new();
    let other = Contents { arch: Some("riscv64"), ..contents() };
    let error = world.apply(&other, CONFIRM).unwrap_err();
    assert_eq!(error.code(), "E0657", "{error}");
    assert!(error.to_string().contains("`linux/riscv64`"), "{error}");
    assert!(Change::load(&world.host().root).unwrap().is_none() && world.events().is_empty());
    assert!(!world.path("var/lib/rancher").exists());
}

#[test]
fn two_who_change_a_host_at_once_are_one_and_one_who_waits() {
    let world = World::new();
    let host = world.host();
    let patience = Patience { limit: Duration::from_millis(400), pause: Duration::from_millis(100) };
    let second = || Host::open(world.folder.path(), super::world::NOW, patience, &|_| {});
    assert_eq!(second().unwrap_err().code(), "E0609");
    // Whoever only looks is let in.
    Host::look(world.folder.path(), super::world::NOW, patience, &|_| {}).unwrap().status().unwrap();
    assert_eq!(apply_at(&host, &contents(), Wishes::default()).unwrap(), Outcome::Settled(1));
    drop(host);
    assert_eq!(world.host().status().unwrap().generation.unwrap().number, 1);
}

#[test]
fn a_host_pulls_from_where_its_bundle_says_and_changes_its_mode_like_anything_else() {
    let world = World::new();
    world.apply(&contents(), Wishes::default()).unwrap();
    let registries = world.path("etc/rancher/k3s/registries.yaml");
    assert!(!registries.exists(), "nobody said anything");
    let plan = |of: &Contents| {
        let (bytes, trust) = verified(of);
        let policy = Policy::new(&trust, Time::from_unix(super::world::NOW).unwrap(), Stage::Install);
        world.host().plan(&mut gabion_bundle::verify(Cursor::new(bytes), &policy).unwrap()).unwrap().report
    };
    let sealed = Contents { mode: Some((Mode::Sealed, &["localhost:5000"])), ..contents() };
    let report = plan(&sealed);
    assert_eq!(report.mode, Some((None, Some(Mode::Sealed))));
    assert!(report.files.contains(&"+ /etc/rancher/k3s/registries.yaml".to_owned()), "{report:?}");
    assert!(report.downtime.iter().any(|it| it.contains("K3s starts anew")), "{report:?}");
    world.calls();
    world.apply(&sealed, Wishes::default()).unwrap();
    assert!(world.calls().iter().any(|it| it == "systemctl restart k3s.service"));
    assert_eq!(
        fs_err::read_to_string(&registries).unwrap(),
        "# Written by Gabion: this host is sealed.\nmirrors:\n  \"*\": {}\n  \"localhost:5000\":\n    endpoint:\n      \
         - \"http://localhost:5000\"\n"
    );
    let config = world.path("etc/rancher/k3s/config.yaml.d/20-registries.yaml");
    assert_eq!(fs_err::read_to_string(&config).unwrap(), "disable-default-registry-endpoint: true\n");
    assert_eq!(world.current().unwrap().mode, Some(Mode::Sealed));

    let connected = Contents { mode: Some((Mode::Connected, &["docker.io", "ghcr.io"])), ..contents() };
    assert_eq!(plan(&connected).mode, Some((Some(Mode::Sealed), Some(Mode::Connected))));
    world.apply(&connected, CONFIRM).unwrap();
    let text = fs_err::read_to_string(&registries).unwrap();
    assert!(text.contains("https://registry-1.docker.io") && text.contains("https://ghcr.io"), "{text}");
    assert!(!text.contains("localhost"), "{text}");
    // Nobody confirms it.
    world.host().rollback(None).unwrap();
    assert_eq!(world.current().unwrap().mode, Some(Mode::Sealed));
    assert!(fs_err::read_to_string(&registries).unwrap().contains("this host is sealed"));
    // What no recipe can say is not believed either.
    let open = Contents { mode: Some((Mode::Sealed, &["ghcr.io"])), ..contents() };
    let error = world.apply(&open, Wishes::default()).unwrap_err();
    assert!(error.code() == "E0606" && error.to_string().contains("not on the host itself"), "{error}");
}
