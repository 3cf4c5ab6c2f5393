//! `gabion-host receive`: a bundle that comes over a pipe, brought to rest on this machine.

use super::args::JudgeArgs;
use super::run::judging;
use crate::error::HostError;
use crate::root::Root;
use crate::spool::{self, Taken};
use crate::trust::TrustState;
use crate::wire::{RemoteFile, WireError};
use gabion_bundle::{SignedPromotion, Time, TrustRoot};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::path::Path;

/// What whoever pushes says first. That they may say it is the affair of whoever let them in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Greeting {
    /// The text of a trust root.
    pub trust: Option<String>,
    /// A promotion in the place of the bundle's own.
    pub promotion: Option<String>,
}

/// How it ended, as it is told to whoever pushes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ended {
    /// The bundle is here.
    Taken {
        /// Its digest, `sha256:…`.
        digest: String,
        /// Bytes that were here already.
        reused: u64,
        /// Bytes of the whole.
        total: u64,
    },
    /// It is not.
    Failed {
        /// The stable code of the error.
        code: String,
        /// What happened, with its causes.
        message: String,
        /// What to do next.
        help: Option<String>,
        /// Whether bytes were not what they must be.
        integrity: bool,
        /// Whether somebody is not trusted.
        trust: bool,
    },
}

impl Ended {
    fn of(result: &Result<Taken, HostError>) -> Self {
        match result {
            Ok(it) => Self::Taken { digest: it.digest.to_string(), reused: it.reused, total: it.total },
            Err(error) => {
                let message = crate::error::chain(error);
                Self::Failed {
                    code: error.code().to_owned(),
                    message,
                    help: error.help(),
                    integrity: error.is_integrity(),
                    trust: error.is_trust(),
                }
            }
        }
    }
}

/// Takes the bundle that the other side of the pipe has, and tells it how that ended.
///
/// It is judged as for an install: by the floor of this host, and by whether its promotion names it. The floor is
/// raised by an install alone.
pub fn receive(
    root: &Path,
    judge: &JudgeArgs,
    now: Time,
    input: impl Read,
    output: impl Write,
) -> Result<Taken, HostError> {
    let mut remote = RemoteFile::open(input, output)?;
    let result = take(root, judge, now, &mut remote);
    let told = serde_json::to_string(&Ended::of(&result)).unwrap_or_default();
    // The first mistake is the one to tell.
    match (result, remote.end(&told)) {
        (Ok(_), Err(error)) => Err(error.into()),
        (result, _) => result,
    }
}

fn take<In: Read, Out: Write>(
    path: &Path,
    judge: &JudgeArgs,
    now: Time,
    remote: &mut RemoteFile<In, Out>,
) -> Result<Taken, HostError> {
    let shown = path.display().to_string();
    let failed = |source| HostError::Root { path: shown.clone(), source };
    let root = Root::open(path).map_err(failed)?;
    let _alone = root.lock().map_err(failed)?.ok_or_else(|| HostError::Busy { path: shown.clone() })?;
    let said: Greeting =
        serde_json::from_str(remote.said()).map_err(|_| WireError::Hostile("its greeting says nothing"))?;
    // What the host keeps comes before what whoever pushes brings.
    let given = said.trust.as_deref().map(TrustRoot::parse).transpose()?;
    let mut judging = judging(judge, &root, now, given)?;
    if let Some(text) = &said.promotion {
        judging.promotion = Some(SignedPromotion::parse(text)?);
    }
    let before = TrustState::load(&root)?;
    let policy = judging.policy(&before)?;
    let opened = gabion_bundle::open(remote, &policy)?;
    judging.accept(&before, &opened)?;
    spool::take_opened(&root, opened, &policy)
}

#[cfg(test)]
mod tests;
