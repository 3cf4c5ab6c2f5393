//! The pods of Kubernetes' own kinds.

use crate::document::{Document, field};
use crate::id::ObjectId;
use gabion_yaml::{Data, Node};

/// Where the pod of a kind of Kubernetes stands (api/core/v1, api/apps/v1, api/batch/v1).
pub(crate) fn path(id: &ObjectId) -> Option<&'static [&'static str]> {
    Some(match (id.group.as_str(), id.kind.as_str()) {
        ("", "Pod") => &[],
        ("", "PodTemplate") => &["template"],
        ("", "ReplicationController")
        | ("batch", "Job")
        | ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") => &["spec", "template"],

        ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template"],
        _ => return None,
    })
}

/// Whether objects of a kind are pods or make some.
pub(crate) fn is_workload(id: &ObjectId) -> bool {
    path(id).is_some() && id.kind != "PodTemplate"
}

/// The pod that an object is or makes: the mapping with its `metadata` and its `spec`.
pub(crate) fn pod(document: &Document) -> Option<&Node> {
    field(&document.node, path(&document.id)?)
}

/// The items of a list; nothing if it is none.
pub(crate) fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|it| &it.data) {
        Some(Data::List(items)) => items,
        _ => &[],
    }
}

/// The texts of a list.
pub(crate) fn texts(node: Option<&Node>) -> impl Iterator<Item = &str> {
    items(node).iter().filter_map(Node::as_str)
}
