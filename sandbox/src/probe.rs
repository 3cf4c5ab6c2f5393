//! What this machine lets a sandbox do: found out by doing all of it once, not by reading settings.

use crate::error::{Denied, SandboxError};
use crate::ids::Ids;
use crate::run::run_within;
use crate::spec::{Bind, Identity, Root, Spec};
use crate::tier::{Tier, Walls};

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A program in namespaces and a root of its own.
    Run,
    /// All of Landlock that is asked for.
    Landlock,
    /// A worker with a range of ids.
    Ids,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Run => "run",
            Self::Landlock => "landlock",
            Self::Ids => "ids",
        })
    }
}

/// Something that does not work here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was tried.
    pub what: What,
    /// Stable code.
    pub code: &'static str,
    /// Why it does not work.
    pub message: String,
    /// What to enable.
    pub help: Option<String>,
}

/// What this machine lets a sandbox do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How far a program can be walled in.
    pub tier: Tier,
    /// How a worker gets a range of ids, where it can.
    pub ids: Option<Ids>,
    /// What does not work, each with what to enable.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether every step of a build can run here.
    pub fn is_enough(&self) -> bool {
        self.tier.may_be_cached() && self.ids.is_some()
    }
}

/// Sets up a run of each tier, down to the first that works, and a worker.
pub fn probe() -> Report {
    let mut findings = Vec::new();
    let tier = tier(&mut findings);
    let ids = Ids::find().map_err(|error| findings.push(finding(What::Ids, &error))).ok();
    Report { tier, ids, findings }
}

fn tier(findings: &mut Vec<Finding>) -> Tier {
    match attempt(Walls::Namespaces) {
        Ok(tier) => {
            if tier < Tier::S3 {
                findings.push(finding(What::Landlock, &SandboxError::Denied(Denied::OldLandlock)));
            }
            tier
        }
        Err(error) => {
            findings.push(finding(What::Run, &error));
            attempt(Walls::Rules).unwrap_or_else(|error| {
                findings.push(finding(What::Landlock, &error));
                Tier::S0
            })
        }
    }
}

/// A run that stops where its program would start.
fn attempt(walls: Walls) -> Result<Tier, SandboxError> {
    let out = Bind::new("/tmp", "/tmp");
    let target = if walls == Walls::Namespaces { Bind { target: "/out".into(), ..out } } else { out };
    let root = Root::Inputs { binds: Vec::new(), out: target, links: [].into() };
    run_within(&Spec::new(root, Identity::Single, "/none"), walls, true).map(|outcome| outcome.tier)
}

fn finding(what: What, error: &SandboxError) -> Finding {
    let cause = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    Finding { what, code: error.code(), message: format!("{error}{cause}"), help: error.help() }
}
