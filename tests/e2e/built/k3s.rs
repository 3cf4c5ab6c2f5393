//! K3s: what its API server and kubelet are told, and the files that they read.

use super::node::UBUNTU;
use super::{PRODUCTION, items, json, k3s_config, text};
use serde_json::Value;

fn words(key: &str) -> Vec<(String, String)> {
    let split = |it: &Value| {
        let (key, value) = text(it).split_once('=').unwrap();
        (key.to_owned(), value.to_owned())
    };
    items(&k3s_config(&PRODUCTION)[key]).iter().map(split).collect()
}

#[track_caller]
fn word(key: &str, name: &str) -> String {
    let words = words(key);
    let found = words.iter().find(|it| it.0 == name);
    found.unwrap_or_else(|| panic!("{key} has no {name}: {words:?}")).1.clone()
}

#[test]
fn secrets_are_sealed_at_rest_and_snapshots_are_taken() {
    let config = k3s_config(&PRODUCTION);
    for key in ["cluster-init", "secrets-encryption", "protect-kernel-defaults", "etcd-snapshot-compress"] {
        assert_eq!(config[key], true, "{key}");
    }
    assert_eq!(config["secrets-encryption-provider"], "secretbox");
    assert_eq!(config["write-kubeconfig-mode"], "0600");
    // Twelve, one each six hours: the alert about an old one waits for two.
    assert_eq!(
        (&config["etcd-snapshot-schedule-cron"], &config["etcd-snapshot-retention"]),
        (&"0 */6 * * *".into(), &12.into())
    );
}

#[test]
fn a_sealed_node_asks_no_registry() {
    assert_eq!(k3s_config(&PRODUCTION)["disable-default-registry-endpoint"], true);
    assert_eq!(k3s_config(&PRODUCTION)["private-registry"], "/etc/kubernetes/registries.yaml");
}

#[test]
fn the_api_server_writes_down_who_did_what() {
    for (name, least) in [("audit-log-maxage", 7), ("audit-log-maxbackup", 3), ("audit-log-maxsize", 10)] {
        assert!(word("kube-apiserver-arg", name).parse::<u32>().unwrap() >= least, "{name}");
    }
    // It fits `state` many times over, and Fluent Bit looks for it there.
    let log = word("kube-apiserver-arg", "audit-log-path");
    let pod = &PRODUCTION.one("DaemonSet", "monitoring/fluent-bit")["spec"]["template"]["spec"];
    let folder = log.rsplit_once('/').unwrap().0;
    assert!(items(&pod["volumes"]).iter().any(|it| it["hostPath"]["path"] == folder), "{folder}");
}

#[test]
fn the_kubelet_keeps_room_for_the_node_and_deletes_images_last() {
    assert!(word("kubelet-arg", "system-reserved").contains("memory=2Gi"));
    assert!(word("kubelet-arg", "image-gc-high-threshold").parse::<u32>().unwrap() >= 95);
    for name in ["container-log-max-size", "container-log-max-files", "pod-max-pids", "eviction-hard"] {
        word("kubelet-arg", name);
    }
    for part in ["kube-apiserver-arg", "kubelet-arg"] {
        assert_eq!(word(part, "tls-min-version"), "VersionTLS12");
    }
}

/// A file that an argument names, as the disk has it.
fn named(name: &str) -> Option<Value> {
    let disk = UBUNTU.as_ref()?;
    Some(json(&gabion_yaml::documents(&disk.show(&word("kube-apiserver-arg", name))).unwrap()[0].node))
}

#[test]
fn the_audit_policy_never_writes_down_what_a_secret_holds() {
    let Some(policy) = named("audit-policy-file") else { return };
    assert_eq!(policy["kind"], "Policy");
    let rules = items(&policy["rules"]);
    assert!(rules.iter().all(|it| it["level"] != "RequestResponse"), "{policy}");
    // The first rule that is about secrets, and about no verbs and users alone, decides.
    let about = |it: &&Value| {
        items(&it["resources"]).iter().any(|it| items(&it["resources"]).iter().any(|it| it == "secrets"))
    };
    assert_eq!(rules.iter().find(about).unwrap()["level"], "Metadata");
    let request = rules.iter().position(|it| it["level"] == "Request").unwrap();
    assert!(rules.iter().position(|it| about(&it)).unwrap() < request);
    assert_eq!(rules.last().unwrap(), &serde_json::json!({"level": "Metadata"}));
}

#[test]
fn namespaces_that_say_nothing_get_no_privileged_pods() {
    let Some(admission) = named("admission-control-config-file") else { return };
    let plugins = items(&admission["plugins"]);
    let plugin = |name: &str| &plugins.iter().find(|it| it["name"] == name).unwrap()["configuration"];
    let security = plugin("PodSecurity");
    assert_eq!(security["defaults"]["enforce"], "baseline");
    assert_eq!(security["defaults"]["warn"], "restricted");
    assert_eq!(security["exemptions"]["namespaces"], serde_json::json!(["kube-system"]));
    assert!(plugin("EventRateLimit").get("limits").is_some());
    assert!(word("kube-apiserver-arg", "enable-admission-plugins").contains("EventRateLimit"));
    // Every namespace of the platform says what it is.
    for namespace in PRODUCTION.of("Namespace").iter().filter(|it| it["metadata"]["name"] != "flux-system") {
        let level = &namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
        let expected =
            if namespace["metadata"]["name"] == "monitoring" { "privileged" } else { "restricted" };
        assert_eq!(level, expected, "{namespace}");
    }
}
