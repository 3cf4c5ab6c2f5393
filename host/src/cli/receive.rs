//! `gabion-host receive`: a bundle that comes over a pipe, brought to rest on this machine. What is said on that pipe
//! besides the bundle is the same where a bundle is installed from it.

use super::args::JudgeArgs;
use super::run::{Answer, judging};
use crate::accept::Judging;
use crate::error::HostError;
use crate::root::Root;
use crate::spool::{self, Taken};
use crate::trust::TrustState;
use crate::wire::{RemoteFile, WireError};
use gabion_bundle::{SignedPromotion, Time, TrustRoot};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// A text that nobody else may see: it is not printed, and its memory is wiped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unsealed(String);

impl Unsealed {
    /// Keeps this text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl Drop for Unsealed {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unsealed")
    }
}

/// What whoever brings a bundle says first. That they may say it is the affair of whoever let them in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Greeting {
    /// The text of a trust root.
    pub trust: Option<String>,
    /// A promotion in the place of the bundle's own.
    pub promotion: Option<String>,
    /// For an install: values of secrets, as a sidecar holds them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Unsealed>,
    /// For an install: the identity that the host is to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Unsealed>,
    /// For an install: a file of systemd-networkd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

impl Greeting {
    /// As it is said.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(serde_json::to_string(self).unwrap_or_default())
    }

    pub(super) fn parse(text: &str) -> Result<Self, HostError> {
        // What the parser says of a wrong type repeats the value.
        Ok(serde_json::from_str(text).map_err(|_| WireError::Hostile("its greeting says nothing"))?)
    }

    /// What the host keeps comes before what whoever brings the bundle brings.
    pub(super) fn judging(&self, judge: &JudgeArgs, root: &Root, now: Time) -> Result<Judging, HostError> {
        let given = self.trust.as_deref().map(TrustRoot::parse).transpose()?;
        let mut judging = judging(judge, root, now, given)?;
        if let Some(text) = &self.promotion {
            judging.promotion = Some(SignedPromotion::parse(text)?);
        }
        Ok(judging)
    }
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
    /// It is installed.
    Installed {
        /// What there is to tell, for people.
        text: String,
        /// The same for programs.
        json: serde_json::Value,
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
    /// As it is said.
    pub(super) fn to_text<T>(result: &Result<T, HostError>, done: impl FnOnce(&T) -> Self) -> String {
        let ended = match result {
            Ok(it) => done(it),
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
        };
        serde_json::to_string(&ended).unwrap_or_default()
    }
}

impl From<&Taken> for Ended {
    fn from(it: &Taken) -> Self {
        Self::Taken { digest: it.digest.to_string(), reused: it.reused, total: it.total }
    }
}

impl From<&Answer> for Ended {
    fn from(it: &Answer) -> Self {
        Self::Installed { text: it.text.clone(), json: it.json.clone() }
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
    end(remote, result, |it| it.into())
}

/// Tells the other side of the pipe how it ended, and gives it.
pub(super) fn end<In: Read, Out: Write, T>(
    remote: RemoteFile<In, Out>,
    result: Result<T, HostError>,
    done: impl FnOnce(&T) -> Ended,
) -> Result<T, HostError> {
    let told = Ended::to_text(&result, done);
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
    let judging = Greeting::parse(remote.said())?.judging(judge, &root, now)?;
    let before = TrustState::load(&root)?;
    let policy = judging.policy(&before)?;
    let opened = gabion_bundle::open(remote, &policy)?;
    judging.accept(&before, &opened)?;
    Ok(spool::take_opened(&root, opened, &policy)?.0)
}

#[cfg(test)]
mod tests;
