//! Which kinds live in a namespace, and which kinds a set of documents defines.

use crate::document::Document;
use crate::id::ObjectId;
use gabion_yaml::Node;
use std::collections::BTreeMap;

/// Kinds of Kubernetes 1.36 and of its aggregated layer that live in no namespace (`kubectl api-resources --namespaced=false`).
const CLUSTER: [(&str, &str); 32] = [
    ("", "ComponentStatus"),
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    ("authentication.k8s.io", "SelfSubjectReview"),
    ("authentication.k8s.io", "TokenReview"),
    ("authorization.k8s.io", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "SelfSubjectRulesReview"),
    ("authorization.k8s.io", "SubjectAccessReview"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("certificates.k8s.io", "ClusterTrustBundle"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("networking.k8s.io", "IPAddress"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "ServiceCIDR"),
    ("node.k8s.io", "RuntimeClass"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("resource.k8s.io", "DeviceClass"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "CSINode"),
    ("storage.k8s.io", "StorageClass"),
];

/// Whether Kubernetes itself serves a group: these have no dot, or end as its own do.
pub(crate) fn is_builtin(group: &str) -> bool {
    const OWN: [&str; 14] = [
        "admissionregistration.k8s.io",
        "apiregistration.k8s.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
    ];
    !group.contains('.') || OWN.contains(&group) || matches!(group, "storage.k8s.io" | "apiextensions.k8s.io")
}

/// What a `CustomResourceDefinition` says of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Defined {
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
}

/// The kinds that documents define, by group and kind.
#[derive(Debug, Clone, Default)]
pub struct Scopes(BTreeMap<(String, String), Defined>);

impl Scopes {
    /// Those that are defined among `documents`.
    pub fn of<'d>(documents: impl IntoIterator<Item = &'d Document>) -> Self {
        let defined = |document: &Document| {
            let text = |keys: &[&str]| document.text_of(keys).map(str::to_owned);
            let key = (text(&["spec", "group"])?, text(&["spec", "names", "kind"])?);
            let plural = text(&["spec", "names", "plural"]).unwrap_or_default();
            let scope = document.field(&["spec", "scope"]).and_then(Node::as_str);
            Some((key, Defined { plural, namespaced: scope != Some("Cluster") }))
        };
        let definitions = documents.into_iter().filter(|it| is_definition(&it.id));
        Self(definitions.filter_map(defined).collect())
    }

    pub(crate) fn get(&self, id: &ObjectId) -> Option<&Defined> {
        self.0.get(&(id.group.clone(), id.kind.clone()))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&(String, String), &Defined)> {
        self.0.iter()
    }

    /// Whether an object lives in a namespace; nothing if its kind is not known here.
    pub fn is_namespaced(&self, id: &ObjectId) -> Option<bool> {
        if is_builtin(&id.group) {
            return Some(CLUSTER.binary_search(&(id.group.as_str(), id.kind.as_str())).is_err());
        }
        self.get(id).map(|it| it.namespaced)
    }
}

pub(crate) fn is_definition(id: &ObjectId) -> bool {
    id.is("apiextensions.k8s.io", "CustomResourceDefinition")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(CLUSTER.is_sorted());
    }
}
