//! Lints.

use super::{MONITORING, OTHERS, STRIMZI, read};
use gabion_kube::{Rules, discover, lint};

#[test]
fn what_fails_without_a_network_is_told_with_its_place() {
    let set = read(&[MONITORING, OTHERS]);
    let rules = Rules::shipped();
    let lints: Vec<String> =
        lint(&set, &discover(&set, &rules), &rules).iter().map(ToString::to_string).collect();
    assert_eq!(
        lints,
        [
            "[L1702] Deployment monitoring/kps-operator (`test.yaml`) at `spec.template.spec.containers[kube-prometheus-stack].image`: \
             `quay.io/prometheus-operator/prometheus-operator:v0.85.0` is asked of its registry at every start, which fails without a network",
            "[L1701] Prometheus monitoring/kps (`test.yaml`) at `spec.containers[proxy].image`: `proxy` is another image next time",
            "[L1703] HelmChart kube-system/x (`test.yaml`): its chart is rendered on the host: images of the chart cannot be told from here",
        ]
    );
}

#[test]
fn an_operator_that_chooses_and_an_object_that_is_there_twice_are_told() {
    let set = read(&[&MONITORING.replace("version: v0.28.1, ", ""), STRIMZI, STRIMZI]);
    let rules = Rules::shipped();
    let lints = lint(&set, &discover(&set, &rules), &rules);
    let count = |code: &str| lints.iter().filter(|it| it.kind.code() == code).count();
    assert_eq!((count("L1703"), count("L1704")), (1, 5));
    assert!(lints.iter().any(|it| it.object.kind == "Alertmanager" && it.why.contains("operator chooses")));
}

#[test]
fn a_digest_is_pinned_whatever_its_tag_and_policy() {
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{{name: c, imagePullPolicy: Always, image: 'quay.io/a/b:latest@sha256:{}'}}]}}\n",
        "0".repeat(64)
    );
    let set = read(&[&text]);
    let rules = Rules::shipped();
    assert_eq!(lint(&set, &discover(&set, &rules), &rules), []);
}
