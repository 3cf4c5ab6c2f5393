//! What was put on the root: the files of the bundle in force, and the journal of a running change.
//!
//! Both lie in `var/lib/gabion`: `installed.json`, and `journal.json` while a run is under way.

use crate::error::HostError;
use crate::kept;
use crate::layout::Wanted;
use crate::record;
use crate::root::Root;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The folder of Gabion's own files on a host.
pub(crate) const FOLDER: &str = "var/lib/gabion";
const INSTALLED: &str = "var/lib/gabion/installed.json";
const JOURNAL: &str = "var/lib/gabion/journal.json";
/// The files of this module.
pub(crate) const FILES: [&str; 2] = [INSTALLED, JOURNAL];
/// More than a million files would be needed to reach this.
const LIMIT: u64 = 256 << 20;

/// How a path was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Written {
    /// A regular file.
    File {
        /// Permission bits.
        mode: u32,
        /// Bytes.
        size: u64,
    },
    /// A symlink.
    Link(String),
}

impl Written {
    pub(crate) fn of<S>(wanted: &Wanted<S>) -> Self {
        match wanted {
            Wanted::File { mode, size, .. } => Self::File { mode: *mode, size: *size },
            Wanted::Link(target) => Self::Link(target.clone()),
        }
    }
}

/// Everything that a bundle put on the root.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The bundle's digest.
    pub bundle: String,
    /// Paths that belong to it.
    pub files: BTreeMap<String, Written>,
}

/// What a run set out to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Journal {
    from: State,
    to: State,
    /// Paths of `to` where files of others were, which the run keeps before it replaces them.
    #[serde(default)]
    keeps: BTreeSet<String>,
}

impl State {
    /// The state in force. After an interrupted run it is the union of where it came from and where it
    /// went, so that nothing of either is forgotten; files of others that it had not come to stay theirs,
    /// and are given apart.
    pub(crate) fn load(root: &Root) -> Result<(Self, Vec<String>), HostError> {
        if let Some(Journal { from, to, keeps }) = record::read::<Journal>(root, JOURNAL, LIMIT)? {
            let mut files: BTreeMap<_, _> = from.files.into_iter().chain(to.files).collect();
            let mut theirs = Vec::new();
            for path in keeps {
                if !kept::is_replaced(root, &path)? {
                    files.remove(&path);
                    theirs.push(path);
                }
            }
            return Ok((Self { bundle: from.bundle, files }, theirs));
        }
        Ok((record::read(root, INSTALLED, LIMIT)?.unwrap_or_default(), Vec::new()))
    }

    /// Whether a run did not come to its end.
    pub fn interrupted(root: &Root) -> Result<bool, HostError> {
        Ok(record::read::<Journal>(root, JOURNAL, LIMIT)?.is_some())
    }

    /// The state in force on `root`, for `status`.
    pub fn current(root: &Root) -> Result<Option<Self>, HostError> {
        record::read(root, INSTALLED, LIMIT)
    }

    fn journal(&self, before: &Self, keeps: &BTreeSet<String>) -> Journal {
        Journal { from: before.clone(), to: self.clone(), keeps: keeps.clone() }
    }

    /// The files that a run writes here, with their sizes.
    pub(crate) fn sizes(
        &self,
        before: &Self,
        keeps: &BTreeSet<String>,
    ) -> Result<[(&'static str, u64); 2], HostError> {
        let journal = record::text(JOURNAL, &self.journal(before, keeps))?;
        Ok([(INSTALLED, record::text(INSTALLED, self)?.len() as u64), (JOURNAL, journal.len() as u64)])
    }

    /// Says what is about to be done, before anything is.
    pub(crate) fn begin(
        &self,
        root: &Root,
        before: &Self,
        keeps: &BTreeSet<String>,
    ) -> Result<(), HostError> {
        record::write(root, JOURNAL, &self.journal(before, keeps))
    }

    pub(crate) fn commit(&self, root: &Root) -> Result<(), HostError> {
        record::write(root, INSTALLED, self)?;
        root.remove(JOURNAL).map_err(|source| HostError::write(JOURNAL, source))
    }
}
