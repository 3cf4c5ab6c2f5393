//! Room for what a run writes, on each file system that it writes to.
//!
//! Counted is what a run can take at most: every file that it writes, in whole blocks, and nothing off
//! for what it replaces or removes, since both lie there until a rename and removals come last.

use crate::error::HostError;
use crate::root::{Root, split};
use std::collections::BTreeMap;

/// What file systems give out at a time.
const BLOCK: u64 = 4096;

fn blocks(size: u64) -> u64 {
    size.div_ceil(BLOCK).saturating_mul(BLOCK)
}

/// Refuses files, each a path and its size, that some file system has no room for.
pub(crate) fn check<'p>(
    root: &Root,
    files: impl IntoIterator<Item = (&'p str, u64)>,
) -> Result<(), HostError> {
    let mut needs = BTreeMap::new();
    for (path, size) in files {
        let (folder, _) = split(path);
        let device = root.device(folder).map_err(|source| HostError::read(path, source))?;
        let (_, needed) = needs.entry(device).or_insert((folder, 0_u64));
        *needed = needed.saturating_add(blocks(size));
    }
    for (folder, needed) in needs.into_values() {
        let (path, free) = root.file_system(folder).map_err(|source| HostError::read(folder, source))?;
        if needed > free {
            return Err(HostError::Space { path, free, needed });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_blocks() {
        for (size, taken) in [(0, 0), (1, 4096), (4096, 4096), (4097, 8192), (u64::MAX, u64::MAX)] {
            assert_eq!(blocks(size), taken, "{size}");
        }
    }

    /// `/proc` is a file system of its own on every Linux, and has no room at all.
    #[test]
    fn each_file_system_has_its_own_budget() {
        let root = Root::open("/".as_ref()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().canonicalize().unwrap();
        let here = here.to_str().unwrap().trim_start_matches('/');
        let (large, other) = (format!("{here}/not/yet"), format!("{here}/other"));
        check(&root, [(large.as_str(), 1), ("proc/sys/none", 0)]).unwrap();
        let error = check(&root, [(large.as_str(), 1), ("proc/sys/none", 1)]).unwrap_err();
        assert_eq!(error.to_string(), "`/proc` has 0 bytes free, 4096 are needed");

        // Two files that fit alone and not together.
        let (path, free) = root.file_system(&large).unwrap();
        let size = free / 4 * 3;
        check(&root, [(large.as_str(), size)]).unwrap();
        let error = check(&root, [(large.as_str(), size), (other.as_str(), size)]).unwrap_err();
        assert!(matches!(&error, HostError::Space { path: named, .. } if *named == path), "{error}");
        assert!(here.starts_with(&path), "{path}");
    }
}
