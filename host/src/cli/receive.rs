//! `gabion-host receive`: a bundle that comes over a pipe, brought to rest on this machine.

use crate::error::HostError;
use crate::root::Root;
use crate::spool::{self, SpoolError, Taken};
use crate::trust::TrustState;
use crate::wire::{RemoteFile, WireError};
use gabion_bundle::{BundleError, Floor, Hosts, Policy, SignedPromotion, Stage, Time, TrustRoot};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::path::PathBuf;

/// How a bundle is received.
#[derive(Debug, Clone)]
pub struct ReceiveArgs {
    /// The folder that is the host's `/`.
    pub root: PathBuf,
    /// Whom to trust; what comes with the greeting unless given.
    pub trust: Option<TrustRoot>,
    /// What this host is called; what it remembers unless given.
    pub host: Option<String>,
    /// The lowest serial that is accepted.
    pub min_serial: u64,
    /// The moment at which keys are judged.
    pub now: Time,
}

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
pub enum Outcome {
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

impl Outcome {
    fn of(result: &Result<Taken, HostError>) -> Self {
        match result {
            Ok(it) => Self::Taken { digest: it.digest.to_string(), reused: it.reused, total: it.total },
            Err(error) => {
                let mut message = error.to_string();
                let mut cause = std::error::Error::source(error);
                while let Some(error) = cause {
                    message.extend([": ", &error.to_string()]);
                    cause = error.source();
                }
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
pub fn receive(args: &ReceiveArgs, input: impl Read, output: impl Write) -> Result<Taken, HostError> {
    let mut remote = RemoteFile::open(input, output)?;
    let result = take(args, &mut remote);
    let outcome = Outcome::of(&result);
    let told = serde_json::to_string(&outcome).unwrap_or_default();
    // The first mistake is the one to tell.
    match (result, remote.end(&told)) {
        (Ok(_), Err(error)) => Err(error.into()),
        (result, _) => result,
    }
}

fn take<In: Read, Out: Write>(
    args: &ReceiveArgs,
    remote: &mut RemoteFile<In, Out>,
) -> Result<Taken, HostError> {
    let path = args.root.display().to_string();
    let failed = |source| HostError::Root { path: path.clone(), source };
    let root = Root::open(&args.root).map_err(failed)?;
    let _alone = root.lock().map_err(failed)?.ok_or_else(|| HostError::Busy { path: path.clone() })?;
    let said: Greeting =
        serde_json::from_str(remote.said()).map_err(|_| WireError::Hostile("its greeting says nothing"))?;
    let refused = |error: BundleError| HostError::from(SpoolError::from(error));
    let given = said.trust.as_deref().map(TrustRoot::parse).transpose().map_err(refused)?;
    let none = || refused(BundleError::Root("none is given".to_owned()));
    let trust = args.trust.clone().or(given).ok_or_else(none)?;
    let promotion = said.promotion.as_deref().map(SignedPromotion::parse).transpose().map_err(refused)?;
    let state = TrustState::load(&root)?;
    let policy = Policy {
        promotion: promotion.as_ref(),
        floor: Floor { min_serial: args.min_serial, ..state.floor()? },
        ..Policy::new(&trust, args.now, Stage::Install)
    };
    let opened = gabion_bundle::open(remote, &policy).map_err(refused)?;
    if let Some(promoted) = &opened.promotion {
        let hosts = &promoted.promotion.hosts;
        match state.named(args.host.as_deref())?.host {
            _ if *hosts == Hosts::All => {}
            Some(host) => promoted.admit(&host).map_err(refused)?,
            None => return Err(SpoolError::Unnamed { hosts: hosts.to_string() }.into()),
        }
    }
    spool::take_opened(&root, opened, &policy)
}

#[cfg(test)]
mod tests;
