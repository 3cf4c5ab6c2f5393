//! How far a program is walled in, and how far it must be.

use serde::{Deserialize, Serialize};

/// What stands between a program and the machine, from nothing to everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Tier {
    /// Nothing but an environment from nothing, limits, and the end of everything that was started.
    S0,
    /// No namespaces: Landlock lets it read what is declared and write the output, a filter refuses sockets of the
    /// network. It sees the host name, other processes, and which files there are.
    S1,
    /// Namespaces, a root of its own, and a filter of system calls; Landlock is missing or older than asked for.
    S2,
    /// As S2, with all of Landlock that is asked for.
    S3,
}

impl Tier {
    /// Whether what came of it may be kept for others: it depended on what is declared, and on nothing else that a
    /// namespace can hide.
    pub fn may_be_cached(self) -> bool {
        self >= Self::S2
    }
}

impl std::fmt::Display for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What a machine that denies namespaces means for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Policy {
    /// [`Tier::S2`] or better, else nothing runs.
    #[default]
    Require,
    /// [`Tier::S1`] where the machine denies more.
    BestEffort,
    /// [`Tier::S0`], whatever the machine allows.
    Off,
}

/// By what a child is walled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Walls {
    /// Namespaces and all else.
    Namespaces,
    /// Landlock and the filter.
    Rules,
    /// Nothing.
    Nothing,
}
