//! The large chart of the benchmark: the name and the digest of every document that the real Helm makes of it.

use crate::golden;
use gabion_digest::Sha256;
use gabion_testkit::{Helm, operator_chart};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// What is rendered: a name, values, the version of Kubernetes.
pub(crate) const CASES: [(&str, &str, &str); 3] = [
    ("default", "", "v1.33.4+k3s1"),
    (
        "customised",
        "fullnameOverride: mon\ncommonLabels: {team: \"1\"}\nglobal: {imageRegistry: mirror.example:5000}\n\
         defaultRules: {rules: {node: false}, keepFiringFor: 5m, additionalRuleLabels: {zone: a, n: b}, \
         additionalAggregationLabels: [zone, rack], labels: {x: \"y\"}}\n\
         prometheusOperator: {admissionWebhooks: {failurePolicy: IgnoreOnInstallOnly}, logFormat: json}\n\
         prometheus: {prometheusSpec: {podAntiAffinity: hard, ruleSelector: {matchLabels: {r: \"{{ .Release.Name }}\"}}}}\n\
         dashboards: {multicluster: {enabled: true}, labelValue: \"\"}\nstateMetrics: {enabled: false}\n",
        "v1.31.0",
    ),
    ("old", "nodeExporter: {enabled: false}\nprometheus: {ingress: {enabled: false}}\n", "1.25.16"),
];

/// The question to the real Helm.
pub(crate) fn question(values: &str, kube_version: &str) -> Value {
    json!({
        "op": "render", "chart": {"files": operator_chart()}, "values": [values], "kube_version": kube_version,
        "release": {"name": "kps", "namespace": "monitoring"},
    })
}

fn line(kind: &str, it: &Value) -> String {
    let words = ["path", "kind", "name"].map(|key| it[key].as_str().unwrap());
    let text = it["text"].as_str().unwrap();
    format!("{kind} {} {} {}", words.join(" "), text.len(), Sha256::of(text.as_bytes()))
}

/// A line for each document and hook of an answer.
pub(crate) fn lines(made: &Value) -> String {
    let mut text = String::new();
    for (key, kind) in [("documents", "document"), ("hooks", "hook")] {
        for it in made[key].as_array().unwrap() {
            writeln!(text, "{}", line(kind, it)).unwrap();
        }
    }
    text
}

#[test]
fn the_large_chart_is_rendered_as_it_was() {
    let Some(mut helm) = Helm::start() else { return };
    for (name, values, kube_version) in CASES {
        let made = helm.ask(&question(values, kube_version)).unwrap();
        let text = lines(&made);
        let (documents, bytes) = (text.lines().count(), made["printed"].as_str().unwrap().len());
        assert!(documents > 85 && bytes > 500_000, "{name}: {documents} documents, {bytes} bytes");
        golden::holds(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/operator.golden/{name}.txt")),
            &text,
        );
    }
}
