//! How two locks differ.

use crate::{Entry, Lock};
use std::fmt;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<'l> {
    /// Only the new lock has it.
    Added(&'l str, &'l Entry),
    /// Only the old lock has it.
    Removed(&'l str, &'l Entry),
    /// Both have it, with other bytes, another version or another request.
    Changed(&'l str, &'l Entry, &'l Entry),
}

/// Every difference, sorted by id.
pub fn diff<'l>(old: &'l Lock, new: &'l Lock) -> Vec<Change<'l>> {
    let mut ids: Vec<&String> = old.entries.keys().chain(new.entries.keys()).collect();
    ids.sort();
    ids.dedup();
    let changes = ids.into_iter().filter_map(|id| match (old.entries.get(id), new.entries.get(id)) {
        (None, Some(entry)) => Some(Change::Added(id, entry)),
        (Some(entry), None) => Some(Change::Removed(id, entry)),
        (Some(before), Some(after)) if before != after => Some(Change::Changed(id, before, after)),
        _ => None,
    });
    changes.collect()
}

/// A version, or the start of the digest where there are no versions.
fn name(entry: &Entry) -> String {
    entry.version.clone().unwrap_or_else(|| format!("sha256:{}", &entry.sha256.hex()[..12]))
}

impl fmt::Display for Change<'_> {
    /// `~ id  old → new  +123 B`; the first sign carries the meaning without colour.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(id, entry) => write!(f, "+ {id}  {}  +{} B", name(entry), entry.size),
            Self::Removed(id, entry) => write!(f, "- {id}  {}  -{} B", name(entry), entry.size),
            Self::Changed(id, before, after) => {
                let (sign, size) = if after.size >= before.size {
                    ('+', after.size - before.size)
                } else {
                    ('-', before.size - after.size)
                };
                let (old, new) = (name(before), name(after));
                if old == new && before.sha256 == after.sha256 {
                    return write!(f, "~ {id}  {new}  request: {} → {}", before.request, after.request);
                }
                write!(f, "~ {id}  {old} → {new}  {sign}{size} B")
            }
        }
    }
}
