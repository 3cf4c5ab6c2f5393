//! What kinds are for.

use crate::id::ObjectId;
use crate::pods;
use crate::scope::is_definition;

/// What an object is for, by its kind alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Definition,
    Namespace,
    Foundation,
    Config,
    Workload,
    Webhook,
    Other,
}

pub(super) fn of(id: &ObjectId) -> Place {
    if is_definition(id) {
        return Place::Definition;
    }
    if pods::is_workload(id) {
        return Place::Workload;
    }
    match (id.group.as_str(), id.kind.as_str()) {
        ("", "Namespace") => Place::Namespace,
        ("", "ServiceAccount" | "ResourceQuota" | "LimitRange")
        | ("rbac.authorization.k8s.io" | "flowcontrol.apiserver.k8s.io" | "node.k8s.io", _)
        | ("scheduling.k8s.io", "PriorityClass")
        | ("storage.k8s.io", "StorageClass" | "CSIDriver" | "VolumeAttributesClass")
        | ("networking.k8s.io", "NetworkPolicy" | "IngressClass")
        | ("policy", "PodSecurityPolicy") => Place::Foundation,
        (
            "",
            "ConfigMap"
            | "Secret"
            | "Service"
            | "Endpoints"
            | "PodTemplate"
            | "PersistentVolume"
            | "PersistentVolumeClaim",
        )
        | ("discovery.k8s.io", "EndpointSlice")
        | ("policy", "PodDisruptionBudget")
        | ("coordination.k8s.io", "Lease") => Place::Config,
        ("admissionregistration.k8s.io", _) | ("apiregistration.k8s.io", "APIService") => Place::Webhook,
        _ => Place::Other,
    }
}

/// Helm's `InstallOrder` (`pkg/release/v1/util/kind_sorter.go`): what stands here goes first, the rest after it by name.
const ORDER: [&str; 38] = include!("../../../install_order.rs");

pub(super) fn rank(kind: &str) -> usize {
    ORDER.iter().position(|it| *it == kind).unwrap_or(ORDER.len())
}
