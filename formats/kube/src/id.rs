//! Which object a document describes.

use serde::Serialize;
use std::fmt;

/// An object of a cluster: what stays the same when its fields change.
///
/// The version of its API is no part of it: the same object is served in each of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ObjectId {
    /// The group of its API; empty for the first ones (`v1`).
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace, where the document tells one.
    pub namespace: Option<String>,
    /// Its name; empty where the cluster chooses one.
    pub name: String,
}

impl ObjectId {
    /// Group and kind as rules name them: `apps/Deployment`, `Pod`.
    pub fn group_kind(&self) -> String {
        match self.group.as_str() {
            "" => self.kind.clone(),
            group => format!("{group}/{}", self.kind),
        }
    }

    /// Whether it is of this group and kind.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }
}

impl fmt::Display for ObjectId {
    /// `Deployment monitoring/grafana`: what people say; the group is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(if self.name.is_empty() { "(no name)" } else { &self.name })
    }
}
