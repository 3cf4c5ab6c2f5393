//! What a root or a lease keeps: one line each.

use gabion_digest::{ActionId, BlobId, RequestId, TreeId};
use std::fmt;
use std::str::FromStr;

/// One thing that must stay, with everything that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// What a request gave: its record and the blobs and trees in it.
    Request(RequestId),
    /// Every known result of an action.
    Action(ActionId),
    /// One blob.
    Blob(BlobId),
    /// A tree: its manifest and its content.
    Tree(TreeId),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(id) => write!(f, "request {id}"),
            Self::Action(id) => write!(f, "action {id}"),
            Self::Blob(id) => write!(f, "blob {id}"),
            Self::Tree(id) => write!(f, "tree {id}"),
        }
    }
}

/// The text is not the line of a need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoNeed;

impl FromStr for Need {
    type Err = NoNeed;

    fn from_str(line: &str) -> Result<Self, NoNeed> {
        let (kind, id) = line.split_once(' ').ok_or(NoNeed)?;
        match kind {
            "request" => id.parse().map(Self::Request),
            "action" => id.parse().map(Self::Action),
            "blob" => id.parse().map(Self::Blob),
            "tree" => id.parse().map(Self::Tree),
            _ => return Err(NoNeed),
        }
        .map_err(|_| NoNeed)
    }
}
