//! What must be in a root.
//!
//! # Invariants
//! - Every path is relative to the root and plain: no part of it is empty, `.` or `..`, and no
//!   character is a control character; none is a name that the installer gives itself, and each leaves
//!   room for such a name beside it.
//! - No path has two entries.

use crate::error::HostError;
use crate::{kept, root};
use std::collections::BTreeMap;

/// One thing that must be at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted<S> {
    /// A regular file.
    File {
        /// Permission bits.
        mode: u32,
        /// Where its bytes come from.
        source: S,
        /// Its size.
        size: u64,
    },
    /// A symlink to this target.
    Link(String),
}

/// Everything that must be in a root: folders with their modes, files and links, by path without a
/// leading slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout<S> {
    folders: BTreeMap<String, u32>,
    entries: BTreeMap<String, Wanted<S>>,
}

impl<S> Default for Layout<S> {
    fn default() -> Self {
        Self { folders: BTreeMap::new(), entries: BTreeMap::new() }
    }
}

impl<S> Layout<S> {
    /// Adds a folder, which is made with this mode where it is missing.
    pub fn add_folder(&mut self, path: &str, mode: u32) -> Result<(), HostError> {
        self.folders.insert(plain(path)?.to_owned(), mode);
        Ok(())
    }

    /// Adds a file or a link; a path that has one already is an error.
    pub fn add(&mut self, path: &str, wanted: Wanted<S>) -> Result<(), HostError> {
        match self.entries.insert(plain(path)?.to_owned(), wanted) {
            None => Ok(()),
            Some(_) => Err(HostError::Unsupported(format!("two objects want `/{path}`"))),
        }
    }

    /// Folders with their modes.
    pub fn folders(&self) -> &BTreeMap<String, u32> {
        &self.folders
    }

    /// Files and links.
    pub fn entries(&self) -> &BTreeMap<String, Wanted<S>> {
        &self.entries
    }
}

/// `NAME_MAX` of Linux, less the longest of what is put around a name.
const LONGEST: usize = 255 - kept::SUFFIX.len();

pub(crate) fn plain(path: &str) -> Result<&str, HostError> {
    let good = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= LONGEST;
    let taken = [root::PART, kept::SUFFIX].iter().any(|suffix| path.ends_with(suffix));
    if taken || !path.split('/').all(good) || path.chars().any(char::is_control) {
        return Err(HostError::Unsupported(format!("{path:?} cannot be a path of a root")));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_come_into_a_layout() {
        let mut layout = Layout::<()>::default();
        let link = || Wanted::Link("k3s".to_owned());
        for good in ["a", "etc/a", "etc/.a", "etc/..a", "etc/a..", "etc/ä b"] {
            layout.add(good, link()).unwrap();
            layout.add_folder(good, 0o755).unwrap();
        }
        let (longest, longer) = (format!("etc/{}", "a".repeat(241)), format!("etc/{}/a", "a".repeat(242)));
        layout.add(&longest, link()).unwrap();
        let before = layout.clone();
        for bad in [
            "",
            "/",
            "/etc",
            "etc/",
            "etc//a",
            ".",
            "..",
            "./a",
            "a/.",
            "a/../b",
            "../a",
            "a\0",
            "a\nb",
            "a/\u{7f}",
            "a\u{85}",
            "etc/a.before-gabion",
            "etc/.a.gabion-part",
            &longer,
        ] {
            assert!(matches!(layout.add(bad, link()), Err(HostError::Unsupported(_))), "{bad:?}");
            assert!(matches!(layout.add_folder(bad, 0o755), Err(HostError::Unsupported(_))), "{bad:?}");
        }
        assert_eq!(layout, before);
    }

    #[test]
    fn a_path_has_one_entry() {
        let mut layout = Layout::<()>::default();
        layout.add("a", Wanted::Link("b".to_owned())).unwrap();
        let error = layout.add("a", Wanted::Link("c".to_owned())).unwrap_err();
        assert_eq!(error.to_string(), "the bundle cannot be installed: two objects want `/a`");
    }
}
