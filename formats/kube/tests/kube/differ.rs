//! Differences.

use super::{STRIMZI, read};
use gabion_kube::{Diff, diff};

fn compare(old: &str, new: &str) -> Diff {
    diff(&read(&[old]), &read(&[new]))
}

#[test]
fn nothing_differs_from_itself_in_another_order() {
    let mut turned = read(&[STRIMZI]);
    turned.reverse();
    assert!(diff(&read(&[STRIMZI]), &turned).is_empty());
}

#[test]
fn an_upgrade_is_told_by_images_workloads_rights_and_kinds() {
    let new = STRIMZI
        .replace("0.45.0", "0.46.0")
        .replace("replicas: 1", "replicas: 2")
        .replace(
            "verbs: [get, list, watch, update, patch]",
            "verbs: [watch, get, list, update, patch, delete]",
        )
        .replace("        - {name: STRIMZI_FULL_RECONCILIATION_INTERVAL_MS, value: \"120000\"}\n", "")
        .replace(
            "                  version:\n                    type: string\n",
            "                  rack:\n                    type: string\n",
        )
        .replace("labels: {app: strimzi}", "labels: {app: strimzi, helm.sh/chart: strimzi-0.46.0}");
    let diff = compare(STRIMZI, &new);
    let lines = diff.lines(false);
    let expected = "! CustomResourceDefinition kafkas.kafka.strimzi.io `spec.versions[v1beta2].schema`: version `v1beta2` loses or narrows 1 fields: objects may lose data or be refused
Images
  ~ quay.io/strimzi/operator 0.45.0 → 0.46.0
Workloads
  ~ Deployment kafka/strimzi-cluster-operator
      spec.replicas: 1 → 2";
    assert_eq!(lines[..6].join("\n"), expected, "{lines:#?}");
    for line in [
        "      spec.template.spec.containers[strimzi-cluster-operator].env[STRIMZI_FULL_RECONCILIATION_INTERVAL_MS]: - {\"name\": \"STRIMZI_FULL_RECONCILIATION_INTERVAL_MS\", \"value\": \"120000\"}",
        "      spec.template.spec.containers[strimzi-cluster-operator].image: quay.io/strimzi/operator:0.45.0 → quay.io/strimzi/operator:0.46.0",
        "      rules[0].verbs[5]: + delete",
        "      v1beta2: 1 fields added: .spec.kafka.rack",
        "      v1beta2: 1 fields removed: .spec.kafka.version",
        "      1 of checksums and versions of charts",
        "RBAC",
        "CRDs",
    ] {
        assert!(lines.iter().any(|it| it == line), "{line}\n{lines:#?}");
    }
    assert!(!lines.iter().any(|it| it.contains("verbs[0]")), "{lines:#?}");
}

#[test]
fn values_of_secrets_are_never_told() {
    let secret = |data: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a, annotations: {{x: y}}}}\n{data}\n")
    };
    for (old, new) in [
        ("data: {a: b2xkLXNlY3JldA==, b: Zm9v}", "data: {a: bmV3LXNlY3JldA==}"),
        ("stringData: {a: old-secret}", "data: {a: bmV3LXNlY3JldA==}"),
        ("type: Opaque", "stringData: {a: new-secret}"),
        ("stringData: {a: \"old-secret\\nx\"}", "stringData: {a: \"new-secret\\ny\"}"),
    ] {
        let diff = compare(&secret(old), &secret(new));
        let told = format!("{diff:?}{}", diff.lines(true).join("\n"));
        assert!(!diff.is_empty());
        for hidden in ["old-secret", "new-secret", "b2xkL", "bmV3L", "Zm9v"] {
            assert!(!told.contains(hidden), "{told}");
        }
    }
    let lines = compare(&secret("data: {a: Zm9v}"), &secret("data: {a: YmFy}")).lines(false);
    assert_eq!(lines, ["Other", "  ~ Secret a", "      data.a: changed"]);
}

#[track_caller]
fn refused(old: &str, new: &str, path: &str) {
    let diff = compare(old, new);
    let paths: Vec<String> = diff.dangers.iter().map(|it| it.path.to_string()).collect();
    assert_eq!(paths, [path], "{diff:#?}");
}

#[track_caller]
fn fine(old: &str, new: &str) {
    let diff = compare(old, new);
    assert!(diff.dangers.is_empty() && !diff.is_empty(), "{diff:#?}");
}

fn object(api: &str, kind: &str, rest: &str) -> String {
    format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: a}}\n{rest}\n")
}

#[test]
fn what_the_api_server_refuses_is_a_danger() {
    for (api, kind, old, new, path) in [
        (
            "apps/v1",
            "Deployment",
            "spec: {selector: {matchLabels: {a: b}}}",
            "spec: {selector: {matchLabels: {a: c}}}",
            "spec.selector",
        ),
        (
            "apps/v1",
            "DaemonSet",
            "spec: {selector: {matchLabels: {a: b}}}",
            "spec: {selector: {matchLabels: {a: c}}}",
            "spec.selector",
        ),
        ("apps/v1", "StatefulSet", "spec: {serviceName: a}", "spec: {serviceName: b}", "spec.serviceName"),
        (
            "apps/v1",
            "StatefulSet",
            "spec: {volumeClaimTemplates: []}",
            "spec: {volumeClaimTemplates: [{metadata: {name: d}}]}",
            "spec.volumeClaimTemplates",
        ),
        ("batch/v1", "Job", "spec: {template: {a: 1}}", "spec: {template: {a: 2}}", "spec.template"),
        ("v1", "Service", "spec: {clusterIP: None}", "spec: {clusterIP: 10.43.0.7}", "spec.clusterIP"),
        (
            "v1",
            "PersistentVolumeClaim",
            "spec: {storageClassName: a}",
            "spec: {storageClassName: b}",
            "spec.storageClassName",
        ),
        (
            "v1",
            "PersistentVolumeClaim",
            "spec: {resources: {requests: {storage: 2Gi}}}",
            "spec: {resources: {requests: {storage: 1Gi}}}",
            "spec.resources.requests.storage",
        ),
        ("storage.k8s.io/v1", "StorageClass", "parameters: {a: b}", "parameters: {a: c}", "parameters"),
        (
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "roleRef: {name: a}",
            "roleRef: {name: b}",
            "roleRef",
        ),
        ("v1", "ConfigMap", "immutable: true\ndata: {a: b}", "immutable: true\ndata: {a: c}", "data"),
        ("v1", "Secret", "immutable: true\ndata: {a: b}", "immutable: true\ndata: {a: c}", "data"),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "spec: {scope: Cluster}",
            "spec: {scope: Namespaced}",
            "spec.scope",
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "spec: {versions: [{name: v1, storage: true}, {name: v2, served: true}]}",
            "spec: {versions: [{name: v2, served: true, storage: true}]}",
            "spec.versions[v1]",
        ),
    ] {
        refused(&object(api, kind, old), &object(api, kind, new), path);
    }
    let line = &compare(&object("v1", "Namespace", ""), &object("v1", "Other", "")).lines(false)[0];
    assert_eq!(line, "! Namespace a: everything in the namespace goes with it");
}

#[test]
fn what_may_change_is_none() {
    for (api, kind, old, new) in [
        (
            "apps/v1",
            "StatefulSet",
            "spec: {replicas: 1, template: {a: 1}}",
            "spec: {replicas: 2, template: {a: 2}}",
        ),
        (
            "v1",
            "PersistentVolumeClaim",
            "spec: {resources: {requests: {storage: 900Mi}}}",
            "spec: {resources: {requests: {storage: 1Gi}}}",
        ),
        ("v1", "Service", "spec: {clusterIP: 10.43.0.7}", "spec: {ports: [{port: 80}]}"),
        ("v1", "ConfigMap", "data: {a: b}", "data: {a: c}\nimmutable: true"),
    ] {
        fine(&object(api, kind, old), &object(api, kind, new));
    }
}

#[test]
fn items_are_told_apart_by_what_they_are_called() {
    let ports =
        |list: &str| object("v1", "Service", &format!("spec: {{ports: {list}, externalIPs: [a, b]}}"));
    let old = ports("[{port: 80, targetPort: 1}, {port: 443, targetPort: 2}]");
    let lines = compare(&old, &ports("[{port: 443, targetPort: 2}, {port: 80, targetPort: 9}]")).lines(false);
    assert!(lines.contains(&"      spec.ports[1].targetPort: 1 → 9".to_owned()), "{lines:#?}");
    let args =
        |list: &str| object("v1", "Pod", &format!("spec: {{containers: [{{name: c, args: {list}}}]}}"));
    let lines = compare(&args("[--a=1, --b=2, x]"), &args("[--b=3, x]")).lines(false);
    assert!(lines.iter().any(|it| it.contains("containers[c].args") && it.contains("--b=")), "{lines:#?}");
    let moved = compare(&args("[a, b]"), &args("[b, a]"));
    assert_eq!(moved.objects[0].fields.len(), 1);
    let text = |text: &str| object("v1", "ConfigMap", &format!("data: {{f: {text:?}}}"));
    let lines = compare(&text("a\nb\nc\n"), &text("a\nx\nc\n")).lines(false);
    assert_eq!(lines[2..], ["      data.f:", "        - b", "        + x"]);
    let steered =
        compare(&text("a"), &object("v1", "ConfigMap", "data: {f: \"b\\e[2J\"}")).lines(false).join("");
    assert!(!steered.contains('\u{1b}'), "{steered:?}");
}
