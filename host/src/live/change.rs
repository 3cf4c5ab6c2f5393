//! The journal of a change: from which generation to which, and how far it is. While it is there, the host is on its way.

use crate::error::HostError;
use crate::record;
use crate::root::Root;
use serde::{Deserialize, Serialize};

const CHANGE: &str = "var/lib/gabion/change.json";
const LIMIT: u64 = 1 << 20;

/// What is done next. Each step can be done again: it finds what is done already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A snapshot of the datastore.
    Snapshot,
    /// The other slot is written and tried: the host starts again.
    Slot,
    /// Files of the root.
    Files,
    /// K3s runs with them.
    Services,
    /// Images are there.
    Images,
    /// Objects are applied, and what is gone is taken away.
    Objects,
    /// Everything is healthy.
    Gate,
    /// It is in force, and waits for somebody to say that he still reaches the host.
    Probation,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Snapshot => "before its snapshot",
            Self::Slot => "on the way to its slot",
            Self::Files => "its files are being written",
            Self::Services => "K3s is being started with it",
            Self::Images => "its images are being imported",
            Self::Objects => "its objects are being applied",
            Self::Gate => "its health is being looked at",
            Self::Probation => "it waits to be confirmed",
        })
    }
}

/// A change under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The generation in force before, if there was one.
    pub from: Option<u64>,
    /// The generation that the host comes to.
    pub to: u64,
    /// What is done next.
    pub step: Step,
    /// Whether this is the way back from `from`, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<String>,
    /// Whether somebody asked for the way back, so that coming to its end is what was wanted.
    #[serde(default)]
    pub asked: bool,
    /// Whether K3s must start anew, because something that it reads once has changed.
    #[serde(default)]
    pub restart: bool,
    /// The slot that the host was started from for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<String>,
    /// The datastore is put back from this snapshot before K3s starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<String>,
    /// Seconds that it may stay unconfirmed; without them nobody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<u64>,
    /// Until when it must be confirmed, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

impl Change {
    /// The change under way, if there is one.
    pub fn load(root: &Root) -> Result<Option<Self>, HostError> {
        record::read(root, CHANGE, LIMIT)
    }

    /// Says what is about to be done.
    pub(crate) fn save(&self, root: &Root) -> Result<(), HostError> {
        root.make_folder("var/lib/gabion", 0o700).map_err(|source| HostError::write(CHANGE, source))?;
        record::write(root, CHANGE, self)
    }

    /// The change came to its end.
    pub(crate) fn end(root: &Root) -> Result<(), HostError> {
        root.remove(CHANGE).map_err(|source| HostError::write(CHANGE, source))
    }

    /// Goes on to a step, which is written down before it is begun.
    pub(crate) fn next(&mut self, root: &Root, step: Step) -> Result<(), HostError> {
        self.step = step;
        self.save(root)
    }
}
