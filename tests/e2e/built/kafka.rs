//! Kafka: what it keeps, whom it lets in, and what the claim has room for.

use super::network::{Network, strangers};
use super::{PRODUCTION, items, quantity, text};
use serde_json::json;

#[test]
fn brokers_listen_with_tls_and_ask_for_a_certificate() {
    let kafka = &PRODUCTION.one("Kafka", "kafka/main")["spec"]["kafka"];
    let listeners = items(&kafka["listeners"]);
    assert_eq!(listeners.len(), 1);
    let listener = &listeners[0];
    assert_eq!((&listener["port"], &listener["tls"]), (&json!(9093), &json!(true)));
    assert_eq!(listener["authentication"]["type"], "tls");
    assert_eq!(kafka["authorization"], json!({"type": "simple"}));
    assert_eq!(kafka["config"]["auto.create.topics.enable"], false);
    // What brokers show is a certificate of the bundle, of the CA that clients trust.
    let shown = text(&listener["configuration"]["brokerCertChainAndKey"]["secretName"]);
    let certificates = PRODUCTION.of("Certificate");
    let issuer = |secret: &str| {
        let it = certificates.iter().find(|it| it["spec"]["secretName"] == secret).unwrap();
        it["spec"]["issuerRef"].clone()
    };
    assert_eq!(issuer(shown), issuer("kafka-trust"));
}

#[test]
fn a_claim_outlives_its_cluster_and_holds_every_topic() {
    let pool = &PRODUCTION.one("KafkaNodePool", "kafka/dual")["spec"];
    assert_eq!(pool["roles"], json!(["controller", "broker"]));
    let volume = &pool["storage"]["volumes"][0];
    assert_eq!(volume["deleteClaim"], false);
    let class = PRODUCTION.one("StorageClass", text(&volume["class"]));
    assert_eq!(class["reclaimPolicy"], "Retain");
    let mut most = 0;
    for topic in PRODUCTION.of("KafkaTopic") {
        let number =
            |key: &str| topic["spec"]["config"][key].as_u64().unwrap_or_else(|| panic!("{topic}: no {key}"));
        assert!(number("retention.ms") > 0);
        most += topic["spec"]["partitions"].as_u64().unwrap()
            * (number("retention.bytes") + number("segment.bytes"));
    }
    assert!(most > 0 && most * 4 <= quantity(&volume["size"]) * 3, "{most} of {}", volume["size"]);
}

#[test]
fn operators_are_as_restricted_as_their_namespace() {
    let labels = &PRODUCTION.one("Namespace", "kafka")["metadata"]["labels"];
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
    let pod = &PRODUCTION.one("Deployment", "kafka/strimzi-cluster-operator")["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let container = &pod["containers"][0];
    assert_eq!(container["securityContext"]["capabilities"], json!({"drop": ["ALL"]}));
    let env = |name: &str| {
        items(&container["env"]).iter().find(|it| it["name"] == name).map(|it| text(&it["value"]))
    };
    assert_eq!(env("STRIMZI_POD_SECURITY_PROVIDER_CLASS"), Some("restricted"));
    // It watches its own namespace and the one in which users are, and no other.
    assert_eq!(env("STRIMZI_NAMESPACE"), Some("app,kafka"));
    let users = &PRODUCTION.one("Kafka", "kafka/main")["spec"]["entityOperator"]["userOperator"];
    assert_eq!(users["watchedNamespace"], "app");
}

#[test]
fn the_graph_of_kafka_is_exactly_this_one() {
    let network = Network::of(&PRODUCTION, &strangers());
    let ports = [
        (443, "TCP"),
        (6443, "TCP"),
        (8080, "TCP"),
        (8081, "TCP"),
        (9090, "TCP"),
        (9092, "TCP"),
        (9093, "TCP"),
        (9404, "TCP"),
    ];
    let flows = network.flows(|it| it.namespace.as_deref() == Some("kafka"), &ports);
    let outside = |it: &&String| it.matches("kafka/").count() == 1;
    insta::assert_snapshot!(flows.iter().filter(outside).cloned().collect::<Vec<_>>().join("\n"), @r"
    app/api-enrichment -> kafka/main-kafka 9093/TCP
    app/api-gateway -> kafka/main-kafka 9093/TCP
    app/api-generation -> kafka/main-kafka 9093/TCP
    kafka/main-entity-operator -> internet 6443/TCP
    kafka/main-entity-operator -> node 6443/TCP
    kafka/main-kafka -> internet 6443/TCP
    kafka/main-kafka -> node 6443/TCP
    kafka/strimzi-cluster-operator -> internet 6443/TCP
    kafka/strimzi-cluster-operator -> node 6443/TCP
    monitoring/prometheus -> kafka/main-entity-operator 8080/TCP
    monitoring/prometheus -> kafka/main-entity-operator 8081/TCP
    monitoring/prometheus -> kafka/main-entity-operator 9404/TCP
    monitoring/prometheus -> kafka/main-kafka 8080/TCP
    monitoring/prometheus -> kafka/main-kafka 8081/TCP
    monitoring/prometheus -> kafka/main-kafka 9404/TCP
    monitoring/prometheus -> kafka/main-kafka-exporter 8080/TCP
    monitoring/prometheus -> kafka/main-kafka-exporter 8081/TCP
    monitoring/prometheus -> kafka/main-kafka-exporter 9404/TCP
    monitoring/prometheus -> kafka/strimzi-cluster-operator 8080/TCP
    monitoring/prometheus -> kafka/strimzi-cluster-operator 8081/TCP
    monitoring/prometheus -> kafka/strimzi-cluster-operator 9404/TCP
    ");
}
