//! Lints about everything that is applied together: each fires, and is quiet where nothing is wrong.

use crate::order::{WEBHOOK, circle};
use gabion_kube::{Cluster, Document, LintKind, NodeSize, Review, Told, documents, review};

fn cluster(documents: &[Document], own: bool) -> Cluster<'_> {
    Cluster {
        told: documents.iter().map(|document| Told { document, own }).collect(),
        minor: 34,
        serves: vec!["helm.cattle.io/v1/HelmChart".to_owned(), "traefik.io/v1alpha1/Middleware".to_owned()],
        packaged: vec!["local-storage".to_owned(), "metrics-server".to_owned()],
        runtime_config: false,
        node: NodeSize { milli_cpu: Some(4000), memory: Some(8 << 30), volumes: Some(100 << 30) },
    }
}

fn reviewed(text: &str) -> Review {
    let documents = documents(text, "a.yaml").unwrap();
    review(&cluster(&documents, true))
}

fn names(text: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> = reviewed(text).lints.iter().map(|it| it.kind.name()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// An object: its API and kind, its name, and the rest.
fn object(kind: &str, name: &str, rest: &str) -> String {
    let (api, kind) = kind.rsplit_once('/').unwrap();
    format!("---\napiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}, namespace: apps}}\n{rest}\n")
}

const GOOD: &str = "{name: c, image: 'a/b:1', ports: [{containerPort: 80}], livenessProbe: {tcpSocket: {port: 80}}, \
    readinessProbe: {tcpSocket: {port: 80}}, resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 64Mi}}}";

/// A program that nothing is wrong with, but for what `more` adds to its pod and `container` is.
fn program(container: &str, more: &str) -> String {
    let policy = object("networking.k8s.io/v1/NetworkPolicy", "p", "spec: {podSelector: {}}");
    let rest = format!(
        "spec:\n  selector: {{matchLabels: {{a: b}}}}\n  template:\n    metadata: {{labels: {{a: b}}}}\n    spec: {{containers: [{container}]{more}}}"
    );
    policy + &object("apps/v1/Deployment", "d", &rest)
}

fn definition(schema: &str) -> String {
    format!(
        "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: xs.x.io}}\nspec:\n  group: x.io\n  scope: Namespaced\n\
         \x20 names: {{kind: X, plural: xs, listKind: XList, singular: x}}\n  versions:\n  - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {schema}}}}}\n\
         \x20 - {{name: v0, served: false, storage: false, schema: {{openAPIV3Schema: {{type: object}}}}}}\n"
    )
}

fn webhook(policy: &str) -> String {
    format!(
        "---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {{name: w}}\nwebhooks:\n\
         - {{name: a.b.c, sideEffects: None, admissionReviewVersions: [v1], failurePolicy: {policy}, clientConfig: {{service: {{name: s, namespace: apps}}}}}}\n"
    )
}

const TARGET: &str = "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}, maxReplicas";

fn scaler(rest: &str) -> String {
    object("autoscaling/v2/HorizontalPodAutoscaler", "h", &format!("spec: {{{TARGET}: {rest}}}"))
}

const SHARE: &str =
    "metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}]";

fn claim(class: &str, size: &str) -> String {
    let rest = format!(
        "spec: {{accessModes: [ReadWriteOnce], {class} resources: {{requests: {{storage: {size}}}}}}}"
    );
    object("v1/PersistentVolumeClaim", "c", &rest)
}

#[test]
fn a_lint_fires_where_it_should_and_nowhere_else() {
    let service = object("v1/Service", "s", "spec: {ports: [{port: 443}]}");
    let bare = "{name: c, image: 'a/b:1', ports: [{containerPort: 80}]}";
    let with = |more: &str| GOOD.replacen("{name: c,", &format!("{{name: c, {more},"), 1);
    let chart = |rest: &str| object("helm.cattle.io/v1/HelmChart", "h", &format!("spec: {{chart: x{rest}}}"));
    let large = |bytes: usize| object("v1/ConfigMap", "l", &format!("data: {{a: {}}}", "x".repeat(bytes)));
    let script =
        |line: &str| object("v1/ConfigMap", "s", &format!("data:\n  run.sh: |\n    #!/bin/sh\n    {line}"));
    let x = |api: &str| object(&format!("{api}/X"), "x", "spec: {}");
    let open = definition("{type: object, x-kubernetes-preserve-unknown-fields: true}");
    for (name, bad, good) in [
        ("missing-probes", program(bare, ""), program(GOOD, "")),
        ("missing-requests", program(bare, ""), program(GOOD, "")),
        ("missing-limits", program(bare, ""), program(GOOD, "")),
        (
            "missing-network-policy",
            program(GOOD, "").replace("kind: NetworkPolicy", "kind: Ingress"),
            program(GOOD, ""),
        ),
        (
            "privileged",
            program(&with("securityContext: {privileged: true}"), ""),
            program(&with("securityContext: {privileged: false}"), ""),
        ),
        (
            "privileged",
            program(&with("securityContext: {capabilities: {add: [SYS_ADMIN]}}"), ""),
            program(&with("securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}"), ""),
        ),
        ("host-namespace", program(GOOD, ", hostNetwork: true"), program(GOOD, ", hostNetwork: false")),
        (
            "host-path",
            program(GOOD, ", volumes: [{name: v, hostPath: {path: /proc}}]"),
            program(GOOD, ", volumes: [{name: v, emptyDir: {}}]"),
        ),
        ("helm-failure-policy", chart(""), chart(", failurePolicy: abort")),
        ("helm-failure-policy", chart(", failurePolicy: reinstall"), chart(", failurePolicy: retry")),
        ("too-large", large((1 << 20) + 1), large(1 << 20)),
        ("unknown-kind", x("x.io/v1"), open.clone() + &x("x.io/v1")),
        ("unknown-kind", open.clone() + &x("x.io/v0"), open.clone() + &x("x.io/v1")),
        ("unknown-kind", object("apps/v1/Deploymint", "d", ""), program(GOOD, "")),
        ("webhook-without-service", webhook("Fail"), webhook("Fail") + &service),
        ("webhook-without-service", webhook("Fail"), webhook("Ignore")),
        (
            "removed-api",
            object("policy/v1beta1/PodDisruptionBudget", "p", ""),
            object("policy/v1/PodDisruptionBudget", "p", ""),
        ),
        (
            "removed-api",
            object("extensions/v1beta1/Ingress", "p", ""),
            object("networking.k8s.io/v1/Ingress", "p", ""),
        ),
        (
            "api-off",
            object("resource.k8s.io/v1beta1/ResourceClaim", "p", "spec: {}"),
            object("resource.k8s.io/v1/ResourceClaim", "p", "spec: {}"),
        ),
        (
            "version-skew",
            program(&GOOD.replace("a/b:1", "docker.io/x/kubectl:1.31.2"), ""),
            program(&GOOD.replace("a/b:1", "docker.io/x/kubectl:v1.35.0"), ""),
        ),
        (
            "fetched-at-boot",
            script("curl -s https://grafana.com/api/dashboards/1/download"),
            script("curl http://grafana.apps.svc/x"),
        ),
        (
            "fetched-at-boot",
            program(&with("args: ['wget https://example.org/a']"), ""),
            program(&with("args: ['--url=https://example.org/a']"), ""),
        ),
        (
            "fetched-at-boot",
            program(&with("env: [{name: GF_PLUGINS_PREINSTALL, value: x}]"), ""),
            program(&with("env: [{name: GF_PLUGINS_PREINSTALL, value: ''}]"), ""),
        ),
        (
            "scale-without-requests",
            program(bare, "") + &scaler(&format!("3, {SHARE}")),
            program(GOOD, "") + &scaler(&format!("3, {SHARE}")),
        ),
        ("scale-without-target", scaler("3"), program(GOOD, "") + &scaler("3")),
        ("node-too-small", program(GOOD, "") + &scaler("41"), program(GOOD, "") + &scaler("40")),
        ("claim-without-class", claim("", "1Gi"), claim("storageClassName: local-path,", "1Gi")),
        (
            "unknown-storage-class",
            claim("storageClassName: fast,", "1Gi"),
            claim("storageClassName: '',", "1Gi"),
        ),
        (
            "claims-too-large",
            claim("storageClassName: local-path,", "101Gi"),
            claim("storageClassName: local-path,", "100Gi"),
        ),
    ] {
        assert!(names(&bad).contains(&name), "{name} is not told: {:?}\n{bad}", names(&bad));
        assert!(!names(&good).contains(&name), "{name} is told: {:#?}\n{good}", reviewed(&good).lints);
    }
}

#[test]
fn what_is_asked_too_late_and_what_waits_for_itself_is_told() {
    let asked = |group: &str, plural: &str| {
        let rules = format!("rules: [{{apiGroups: [{group}], resources: [{plural}]}}], clientConfig");
        names(&WEBHOOK.replace(
            "clientConfig: {service: {name: b-webhook",
            &format!("{rules}: {{service: {{name: b-webhook"),
        ))
    };
    // The certificate of the webhook's own program comes before it; what it is there for does not.
    assert!(asked("cert-manager.io", "certificates").contains(&"webhook-late"));
    assert!(!asked("b.example.com", "things").contains(&"webhook-late"));
    assert!(names(&circle()).contains(&"apply-circle"));
    assert!(!names(WEBHOOK).contains(&"apply-circle"));
}

#[test]
fn no_lint_is_without_its_test() {
    let tests = [
        include_str!("review.rs"),
        include_str!("schema.rs"),
        include_str!("warn.rs"),
        include_str!("peer.rs"),
    ];
    for (kind, code, name, ..) in LintKind::ALL {
        let said = [format!("\"{name}"), (*code).to_owned(), format!("LintKind::{kind:?}")];
        let is_tried = tests.iter().any(|it| said.iter().any(|word| it.contains(word)));
        assert!(is_tried, "{name} is in no test");
    }
}

#[test]
fn a_program_without_a_mistake_is_quiet() {
    assert_eq!(reviewed(&program(GOOD, "")).lints, []);
}

#[test]
fn of_others_only_what_endangers_the_node_is_told() {
    let text = program("{name: c, image: 'a/b:1', securityContext: {privileged: true}}", ", hostPID: true");
    let documents = documents(&text, "chart.x").unwrap();
    let kinds: Vec<_> = review(&cluster(&documents, false)).lints.into_iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [LintKind::Privileged, LintKind::HostNamespace]);
}

#[test]
fn figures_are_asked_for_only_where_somebody_serves_them() {
    let text = program(GOOD, "") + &scaler(&format!("3, {SHARE}"));
    let documents = documents(&text, "a").unwrap();
    let mut without = cluster(&documents, true);
    assert!(review(&without).lints.iter().all(|it| it.kind != LintKind::ScaleMetrics));
    without.packaged.clear();
    assert!(review(&without).lints.iter().any(|it| it.kind == LintKind::ScaleMetrics));
}

#[test]
fn claims_in_custom_resources_count_too() {
    let pool = |class: &str| {
        let rest = format!(
            "spec: {{replicas: 3, storage: {{type: jbod, volumes: [{{id: 0, type: persistent-claim, size: 40Gi, {class}}}]}}}}"
        );
        object("kafka.strimzi.io/v1/KafkaNodePool", "k", &rest)
    };
    let found = names(&pool("class: local-path"));
    assert!(found.contains(&"claims-too-large") && !found.contains(&"claim-without-class"), "{found:?}");
    assert!(names(&pool("deleteClaim: false")).contains(&"claim-without-class"));
    let rest = "spec: {replicas: 2, storage: {volumeClaimTemplate: {spec: {storageClassName: none, resources: {requests: {storage: 1Gi}}}}}}";
    assert!(
        names(&object("monitoring.coreos.com/v1/Prometheus", "p", rest)).contains(&"unknown-storage-class")
    );
}

#[test]
fn a_finding_says_where_and_what_to_write() {
    let found = reviewed(&program(&GOOD.replace("livenessProbe", "livenesProbe"), ""));
    let told: Vec<String> = found.lints.iter().map(|it| format!("{it} / {}", it.help)).collect();
    assert_eq!(
        told[0],
        "[L3050] Deployment apps/d (`a.yaml`) at `spec.template.spec.containers[c].livenesProbe`: there is no field `livenesProbe` here / did you mean `livenessProbe`?"
    );
    assert!(told[1].contains("L3001") && told[1].contains("`livenessProbe`"), "{}", told[1]);
    let text = program(&GOOD.replace("livenessProbe", "livenesProbe"), "");
    let at = found.lints[0].at.clone().unwrap();
    assert!(
        text[at.start as usize..at.end as usize].starts_with("{tcpSocket")
            || text[at.start as usize..].starts_with("tcpSocket")
    );
}
