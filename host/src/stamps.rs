//! What installed files were when they were last seen to be right: a run over the same bundle need not read them again.
//!
//! A stamp is the inode, the size and the moment of the last change of a file (`ctime`, which no program can set): whoever
//! writes to the file, or replaces it, changes it. Stamps are derived: without them everything is compared.

use crate::error::HostError;
use crate::record;
use crate::root::Root;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const STAMPS: &str = "var/lib/gabion/stamps.json";
/// A million files stay below.
const LIMIT: u64 = 256 << 20;

/// Inode, size, seconds and nanoseconds of the last change.
pub(crate) type Stamp = (u64, u64, i64, i64);

/// The stamps of everything that one bundle put on the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stamps {
    bundle: String,
    files: BTreeMap<String, Stamp>,
}

/// Whether everything that the bundle with this digest put on the root is as it was left.
pub(crate) fn hold(root: &Root, bundle: &str) -> Result<bool, HostError> {
    let Ok(Some(stamps)) = record::read::<Stamps>(root, STAMPS, LIMIT) else { return Ok(false) };
    Ok(stamps.bundle == bundle && stamps.changed(root)?.is_empty())
}

/// What is not as it was left, by path.
pub(crate) fn changed(root: &Root) -> Result<Vec<String>, HostError> {
    let Ok(Some(stamps)) = record::read::<Stamps>(root, STAMPS, LIMIT) else { return Ok(Vec::new()) };
    stamps.changed(root)
}

impl Stamps {
    fn changed(&self, root: &Root) -> Result<Vec<String>, HostError> {
        let mut changed = Vec::new();
        for (path, stamp) in &self.files {
            if root.stamp(path).map_err(|source| HostError::read(path, source))? != Some(*stamp) {
                changed.push(path.clone());
            }
        }
        Ok(changed)
    }
}

/// Remembers what is right now; what is remembered already is not written again.
pub(crate) fn save<'p>(
    root: &Root,
    bundle: &str,
    paths: impl Iterator<Item = &'p String>,
) -> Result<(), HostError> {
    let mut files = BTreeMap::new();
    for path in paths {
        if let Some(stamp) = root.stamp(path).map_err(|source| HostError::read(path, source))? {
            files.insert(path.clone(), stamp);
        }
    }
    let stamps = Stamps { bundle: bundle.to_owned(), files };
    match record::read::<Stamps>(root, STAMPS, LIMIT) {
        Ok(Some(there)) if there == stamps => Ok(()),
        _ => record::write(root, STAMPS, &stamps),
    }
}
