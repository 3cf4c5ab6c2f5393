//! Waves.

use super::{KAFKA, MONITORING, OTHERS, STRIMZI, read};
use gabion_kube::{Waves, waves};

fn names(waves: &Waves) -> Vec<(String, Vec<String>)> {
    let objects = |it: &gabion_kube::Wave| it.objects.iter().map(|it| it.object.to_string()).collect();
    waves.waves.iter().map(|it| (it.name.clone(), objects(it))).collect()
}

fn place(waves: &Waves, object: &str) -> usize {
    let has = |it: &gabion_kube::Wave| it.objects.iter().any(|it| it.object.to_string() == object);
    waves.waves.iter().position(has).unwrap_or_else(|| panic!("{object}: {:#?}", names(waves)))
}

#[test]
fn a_platform_is_applied_from_the_ground_up() {
    let set =
        read(&[KAFKA, MONITORING, STRIMZI, "apiVersion: v1\nkind: Namespace\nmetadata: {name: kafka}\n"]);
    let waves = waves(&set);
    let found = names(&waves);
    let order: Vec<&str> = found.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(
        order,
        ["definitions", "namespaces", "foundation", "before--5", "config", "providers", "users"]
    );
    assert_eq!(found[5].1, ["Deployment kafka/strimzi-cluster-operator"]);
    assert!(
        place(&waves, "Kafka kafka/events") == 6 && place(&waves, "Deployment monitoring/kps-operator") == 6
    );
    assert_eq!(waves.left_out.len(), 1);
    assert_eq!(waves.left_out[0].why, "a test of a chart");
    let hook = waves.waves[3].objects[0].hook.as_ref().unwrap();
    assert_eq!((hook.events.len(), hook.delete[0].as_str()), (2, "before-hook-creation"));
}

#[test]
fn the_order_of_documents_changes_nothing() {
    let mut set = read(&[KAFKA, OTHERS, MONITORING, STRIMZI, WEBHOOK]);
    let forwards = names(&waves(&set));
    set.reverse();
    assert_eq!(names(&waves(&set)), forwards);
}

/// An operator whose webhook has its certificate from cert-manager.
pub(crate) const WEBHOOK: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: certificates.cert-manager.io}
spec: {group: cert-manager.io, scope: Namespaced, names: {kind: Certificate, plural: certificates}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.b.example.com}
spec: {group: b.example.com, scope: Namespaced, names: {kind: Thing, plural: things}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: cert-manager}
rules: [{apiGroups: [cert-manager.io], resources: [certificates], verbs: ['*']}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: cert-manager}
roleRef: {kind: ClusterRole, name: cert-manager}
subjects: [{kind: ServiceAccount, name: cert-manager, namespace: cert-manager}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cert-manager, namespace: cert-manager}
spec: {template: {metadata: {labels: {app: cm}}, spec: {serviceAccountName: cert-manager, containers: []}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: b-operator, namespace: b}
spec: {template: {metadata: {labels: {app: b}}, spec: {containers: [], volumes: [{name: tls, secret: {secretName: b-tls}}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: b-webhook, namespace: b}
spec: {selector: {app: b}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: b}
webhooks: [{name: b.example.com, clientConfig: {service: {name: b-webhook, namespace: b}}}]
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: b-cert, namespace: b}
spec: {secretName: b-tls}
---
apiVersion: b.example.com/v1
kind: Thing
metadata: {name: t, namespace: b}
---
apiVersion: nobody.example.com/v1
kind: Unknown
metadata: {name: u}
";

#[test]
fn a_provider_waits_for_the_certificate_that_another_one_makes() {
    let waves = waves(&read(&[WEBHOOK]));
    let chain = [
        "CustomResourceDefinition things.b.example.com",
        "ClusterRole cert-manager",
        "Service b/b-webhook",
        "Deployment cert-manager/cert-manager",
        "Certificate b/b-cert",
        "Deployment b/b-operator",
        "ValidatingWebhookConfiguration b",
        "Thing b/t",
    ];
    let places: Vec<usize> = chain.iter().map(|it| place(&waves, it)).collect();
    assert!(places.is_sorted_by(|a, b| a < b), "{places:?} {:#?}", names(&waves));
    assert_eq!(waves.waves[place(&waves, "Unknown u")].name, "users-2");
    assert!(waves.circles.is_empty());
}

#[test]
fn a_role_that_is_made_of_others_counts_as_these() {
    let parts = "rules: []\naggregationRule: {clusterRoleSelectors: [{matchLabels: {part: cm}}]}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: part, labels: {part: cm}}\nrules: [{apiGroups:";
    let waves = waves(&read(&[&WEBHOOK.replace("rules: [{apiGroups:", parts)]));
    assert_eq!(waves.waves[place(&waves, "Deployment cert-manager/cert-manager")].name, "providers");
}

/// Two programs that wait for each other's certificates.
pub(crate) fn circle() -> String {
    let own = "---\napiVersion: b.example.com/v1\nkind: Thing\nmetadata: {name: maker, namespace: cert-manager}\nspec: {secretName: cm-tls}\n";
    let circle = WEBHOOK
        .replace("{serviceAccountName: cert-manager, containers: []}", "{serviceAccountName: cert-manager, containers: [], volumes: [{name: a, secret: {secretName: cm-tls}}]}")
        .replace("spec: {group: b.example.com,", "spec: {conversion: {webhook: {clientConfig: {service: {name: b-webhook, namespace: b}}}}, group: b.example.com,");
    circle + own
}

#[test]
fn a_circle_is_cut_at_a_place_that_is_always_the_same() {
    let mut set = read(&[&circle()]);
    let first = waves(&set);
    assert_eq!(first.circles.len(), 1, "{:#?}", names(&first));
    set.reverse();
    assert_eq!(names(&waves(&set)), names(&first));
    let all: usize = first.waves.iter().map(|it| it.objects.len()).sum();
    assert_eq!(all, set.len());
}
