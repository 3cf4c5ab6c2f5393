//! What the disk and the memory of the node have room for: the budget of docs/platform.md.

use super::{Built, CONNECTED, PRODUCTION, items, name_of, quantity, text};
use serde_json::Value;
use std::collections::BTreeMap;

const GIB: u64 = 1 << 30;
/// A VPS of 100 GB; slots, `state` and boot loader take 10.2 GiB of it.
const DATA: u64 = 100_000_000_000 - 10 * GIB - 200 * (1 << 20);
/// Images as containerd unpacks them, the packs of two bundles, and what pods write without a volume.
const OTHERS: u64 = (14 + 6 + 4) * GIB;
/// Its memory, less what `system-reserved` and the eviction threshold keep (node.toml).
const MEMORY: u64 = (12 - 2) * GIB - (256 << 20);
/// Its processors, less what is reserved, in thousandths.
const CPU: u64 = 6000 - 500;

/// Every claim of a bundle: who makes it, its class and its size.
fn claims(built: &Built) -> BTreeMap<String, (String, u64)> {
    let mut all = BTreeMap::new();
    let mut add = |who: String, spec: &Value| {
        let size = quantity(&spec["resources"]["requests"]["storage"]);
        all.insert(who, (text(&spec["storageClassName"]).to_owned(), size));
    };
    for it in built.of("PersistentVolumeClaim") {
        add(name_of(it), &it["spec"]);
    }
    for it in built.of("StatefulSet") {
        for claim in items(&it["spec"]["volumeClaimTemplates"]) {
            add(name_of(it), &claim["spec"]);
        }
    }
    for it in ["Prometheus", "Alertmanager"].iter().flat_map(|kind| built.of(kind)) {
        add(name_of(it), &it["spec"]["storage"]["volumeClaimTemplate"]["spec"]);
    }
    for it in built.of("KafkaNodePool") {
        for volume in items(&it["spec"]["storage"]["volumes"]) {
            let replicas = it["spec"]["replicas"].as_u64().unwrap();
            all.insert(
                name_of(it),
                (text(&volume["class"]).to_owned(), replicas * quantity(&volume["size"])),
            );
        }
    }
    all
}

#[test]
fn every_claim_is_kept_and_all_of_them_fit_the_partition() {
    for built in [&*PRODUCTION, &*CONNECTED] {
        let claims = claims(built);
        let names: Vec<&str> = claims.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "kafka/dual",
                "monitoring/loki",
                "monitoring/monitoring-grafana",
                "monitoring/monitoring-kube-prometheus-alertmanager",
                "monitoring/monitoring-kube-prometheus-prometheus",
            ]
        );
        for (name, (class, _)) in &claims {
            assert_eq!(built.one("StorageClass", class)["reclaimPolicy"], "Retain", "{name}");
        }
        let sum: u64 = claims.values().map(|it| it.1).sum();
        // The kubelet evicts at 5 %, and the alert comes at 10 %.
        assert!((sum + OTHERS) * 100 <= DATA * 95, "{sum} + {OTHERS} of {DATA}");
    }
}

#[test]
fn prometheus_stops_before_its_claim_is_full() {
    let spec = &PRODUCTION.one("Prometheus", "monitoring/monitoring-kube-prometheus-prometheus")["spec"];
    let size = text(&spec["retentionSize"]).strip_suffix("GB").unwrap().parse::<u64>().unwrap() << 30;
    let claim = quantity(&spec["storage"]["volumeClaimTemplate"]["spec"]["resources"]["requests"]["storage"]);
    assert!(size * 100 <= claim * 85, "{size} of {claim}");
    assert_eq!(spec["retention"], "15d");
}

/// What a pod asks for: its containers' `cpu` or `memory`.
fn asked(containers: &Value, resource: &str) -> u64 {
    let of = |it: &Value| it["resources"]["requests"].get(resource).map_or(0, quantity);
    items(containers).iter().map(of).sum()
}

/// What every pod of the bundle asks for together, autoscaled ones at their most.
fn sum(built: &Built, resource: &str) -> u64 {
    let most = |it: &Value| {
        let scaler = built.of("HorizontalPodAutoscaler").into_iter().find(|hpa| name_of(hpa) == name_of(it));
        scaler.map_or_else(
            || it["spec"]["replicas"].as_u64().unwrap_or(1),
            |it| it["spec"]["maxReplicas"].as_u64().unwrap(),
        )
    };
    let kinds = ["Deployment", "StatefulSet", "DaemonSet"];
    let pods = kinds.iter().flat_map(|kind| built.of(kind));
    let pods: u64 =
        pods.map(|it| most(it) * asked(&it["spec"]["template"]["spec"]["containers"], resource)).sum();
    let own = |it: &Value| it["resources"]["requests"].get(resource).map_or(0, quantity);
    let made = ["Prometheus", "Alertmanager", "KafkaNodePool"].iter().flat_map(|kind| built.of(kind));
    let made: u64 = made.map(|it| own(&it["spec"])).sum();
    let kafka = &built.one("Kafka", "kafka/main")["spec"];
    let operators = [
        &kafka["entityOperator"]["topicOperator"],
        &kafka["entityOperator"]["userOperator"],
        &kafka["kafkaExporter"],
    ];
    pods + made + operators.iter().map(|it| own(it)).sum::<u64>()
}

#[test]
fn everything_at_its_largest_fits_the_node() {
    // Traefik, CoreDNS, metrics-server and the provisioner, which K3s brings.
    let (k3s_memory, k3s_cpu) = (96 + 70 + 70 + 32, 100 + 100 + 100 + 20);
    let (memory, cpu) = (sum(&PRODUCTION, "memory") + (k3s_memory << 20), sum(&PRODUCTION, "cpu") + k3s_cpu);
    assert!(memory <= MEMORY, "{} MiB of {} MiB", memory >> 20, MEMORY >> 20);
    assert!(cpu <= CPU, "{cpu} of {CPU}");
}

#[test]
fn every_container_of_the_platform_has_requests_and_a_limit_of_memory() {
    for it in ["Deployment", "StatefulSet", "DaemonSet"].iter().flat_map(|kind| PRODUCTION.of(kind)) {
        for container in items(&it["spec"]["template"]["spec"]["containers"]) {
            let resources = &container["resources"];
            for (part, resource) in [("requests", "cpu"), ("requests", "memory"), ("limits", "memory")] {
                assert!(
                    resources[part].get(resource).is_some(),
                    "{} {}: {part}.{resource}",
                    name_of(it),
                    container["name"]
                );
            }
        }
    }
}
