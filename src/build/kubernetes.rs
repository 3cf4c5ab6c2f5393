//! What a fresh K3s answers to `.Capabilities.APIVersions`: the stable groups of its Kubernetes, and what K3s itself adds.
//!
//! Sources: the API reference of Kubernetes 1.31 to 1.36 (stable versions, which are on by default; beta ones are off), and the
//! objects that K3s registers (k3s-io/k3s `pkg/apis`, k3s-io/helm-controller, `manifests/`).

/// A group and version, the first minor version of Kubernetes with it (0: all that are supported), and its kinds.
type Group = (&'static str, u32, &'static str);

const BUILT_IN: &[Group] = &[
    (
        "admissionregistration.k8s.io/v1",
        0,
        "MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration",
    ),
    ("apiextensions.k8s.io/v1", 0, "CustomResourceDefinition"),
    ("apiregistration.k8s.io/v1", 0, "APIService"),
    ("apps/v1", 0, "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet"),
    ("authentication.k8s.io/v1", 0, "SelfSubjectReview TokenReview"),
    (
        "authorization.k8s.io/v1",
        0,
        "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
    ),
    ("autoscaling/v1", 0, "HorizontalPodAutoscaler"),
    ("autoscaling/v2", 0, "HorizontalPodAutoscaler"),
    ("batch/v1", 0, "CronJob Job"),
    ("certificates.k8s.io/v1", 0, "CertificateSigningRequest"),
    ("coordination.k8s.io/v1", 0, "Lease"),
    ("discovery.k8s.io/v1", 0, "EndpointSlice"),
    ("events.k8s.io/v1", 0, "Event"),
    ("flowcontrol.apiserver.k8s.io/v1", 0, "FlowSchema PriorityLevelConfiguration"),
    ("networking.k8s.io/v1", 0, "Ingress IngressClass NetworkPolicy"),
    ("networking.k8s.io/v1", 33, "IPAddress ServiceCIDR"),
    ("node.k8s.io/v1", 0, "RuntimeClass"),
    ("policy/v1", 0, "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io/v1", 0, "ClusterRole ClusterRoleBinding Role RoleBinding"),
    ("resource.k8s.io/v1", 34, "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice"),
    ("scheduling.k8s.io/v1", 0, "PriorityClass"),
    ("storage.k8s.io/v1", 0, "CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment"),
    ("storage.k8s.io/v1", 34, "VolumeAttributesClass"),
    (
        "v1",
        0,
        "Binding ComponentStatus ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount",
    ),
    // K3s' own, without what can be turned off.
    ("helm.cattle.io/v1", 0, "HelmChart HelmChartConfig"),
    ("k3s.cattle.io/v1", 0, "Addon ETCDSnapshotFile"),
];

/// What K3s installs unless its `disable` says otherwise.
const PACKAGED: &[(&str, &str, &str)] = &[
    ("metrics-server", "metrics.k8s.io/v1beta1", "NodeMetrics PodMetrics"),
    (
        "traefik",
        "traefik.io/v1alpha1",
        "IngressRoute IngressRouteTCP IngressRouteUDP Middleware MiddlewareTCP ServersTransport ServersTransportTCP TLSOption TLSStore TraefikService",
    ),
];

/// What charts are rendered for where a project has no K3s: the Kubernetes that Helm 4.3 assumes.
pub const ASSUMED: &str = "v1.36.0";

/// `group/version` and `group/version/Kind` of a K3s of this version that installs what is not in `disabled`, sorted.
pub fn api_versions(version: &str, disabled: &[&str]) -> Vec<String> {
    let minor = version.split('.').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0_u32);
    let built_in =
        BUILT_IN.iter().filter(|(_, since, _)| *since <= minor).map(|(group, _, kinds)| (*group, *kinds));
    let packaged = PACKAGED.iter().filter(|(name, ..)| !disabled.contains(name));
    let all = built_in.chain(packaged.map(|(_, group, kinds)| (*group, *kinds)));
    let mut names: Vec<String> = all
        .flat_map(|(group, kinds)| {
            let kinds = kinds.split(' ').map(move |kind| format!("{group}/{kind}"));
            std::iter::once(group.to_owned()).chain(kinds)
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cluster_has_follows_its_version_and_its_configuration() {
        let has = |version, disabled: &[&str], name: &str| {
            api_versions(version, disabled).iter().any(|it| it == name)
        };
        assert!(has("v1.31.4+k3s1", &[], "apps/v1/Deployment") && has("v1.31.4+k3s1", &[], "apps/v1"));
        assert!(!has("v1.33.4+k3s1", &[], "resource.k8s.io/v1/ResourceClaim"));
        assert!(has("v1.34.9+k3s1", &[], "resource.k8s.io/v1/ResourceClaim"));
        assert!(has("v1.34.9+k3s1", &[], "traefik.io/v1alpha1/Middleware"));
        assert!(!has("v1.34.9+k3s1", &["traefik"], "traefik.io/v1alpha1"));
        assert!(!has("v1.34.9+k3s1", &[], "monitoring.coreos.com/v1"));
    }
}
