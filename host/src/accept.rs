//! Whether a host accepts a bundle: signatures, promotion, the floor, and the host's own name.

use crate::error::HostError;
use crate::live::Accepted;
use crate::root::Root;
use crate::trust::TrustState;
use gabion_bundle::{
    Floor, Hosts, Opened, Policy, Promoted, SignedPromotion, Stage, Time, TrustRoot, Verified,
};
use gabion_digest::Sha256;

/// What an operator says of a bundle that a host is to accept.
#[derive(Debug, Clone)]
pub struct Judging {
    /// Whom to trust.
    pub root: TrustRoot,
    /// The moment at which keys are judged.
    pub now: Time,
    /// A promotion from a file of its own.
    pub promotion: Option<SignedPromotion>,
    /// What this host is called.
    pub host: Option<String>,
    /// The lowest serial that is accepted.
    pub min_serial: u64,
    /// What whoever runs this saw before, beside what the host accepted.
    pub floor: Floor,
    /// Whether the SHA-256 of every member is checked too.
    pub full: bool,
}

/// What the signatures of a bundle were found to say.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'b> {
    pub(crate) digest: Sha256,
    pub(crate) root: &'b TrustRoot,
    pub(crate) promotion: Option<&'b Promoted>,
}

impl<'b, R> From<&'b Verified<R>> for Judged<'b> {
    fn from(it: &'b Verified<R>) -> Self {
        Self { digest: it.digest, root: &it.root, promotion: it.promotion.as_ref() }
    }
}

impl<'b, R> From<&'b Opened<R>> for Judged<'b> {
    fn from(it: &'b Opened<R>) -> Self {
        Self { digest: it.digest, root: &it.root, promotion: it.promotion.as_ref() }
    }
}

impl Judging {
    /// What is asked of a bundle on a host that accepted `before`.
    pub fn policy(&self, before: &TrustState) -> Result<Policy<'_>, HostError> {
        Ok(Policy {
            promotion: self.promotion.as_ref(),
            floor: self.floor(before.floor()?),
            full: self.full,
            ..Policy::new(&self.root, self.now, Stage::Install)
        })
    }

    /// Both floors: of each name the higher promotion.
    fn floor(&self, host: Floor) -> Floor {
        let mut seen = host.seen;
        for (name, mine) in &self.floor.seen {
            let highest = seen.entry(name.clone()).or_insert(*mine);
            if highest.0 < mine.0 {
                *highest = *mine;
            }
        }
        let min_serial = self.min_serial.max(self.floor.min_serial);
        Floor { root_version: host.root_version.max(self.floor.root_version), min_serial, seen }
    }

    /// The floor of a host that accepts the bundle too; an error if the promotion is for others.
    pub fn accept<'b>(
        &self,
        before: &TrustState,
        bundle: impl Into<Judged<'b>>,
    ) -> Result<TrustState, HostError> {
        let bundle = bundle.into();
        let mut after = before.raised(&bundle);
        if let Some(promoted) = bundle.promotion {
            after = after.named(self.host.as_deref())?;
            admit(promoted, after.host.as_deref())?;
        }
        Ok(after)
    }

    /// What is remembered of it.
    pub fn remembered(&self) -> Result<Accepted, HostError> {
        let promotion = self.promotion.as_ref().map(SignedPromotion::to_text).transpose()?;
        Ok(Accepted { root: self.root.to_text(), at: self.now.unix(), promotion })
    }
}

/// Refuses a promotion that does not name the host `host`. What the host is called comes from whoever runs this
/// or from the host itself, never from the bundle.
pub fn admit(promoted: &Promoted, host: Option<&str>) -> Result<(), HostError> {
    match host {
        // Every host is meant, so nobody has to say which one this is.
        _ if promoted.promotion.hosts == Hosts::All => Ok(()),
        Some(host) => Ok(promoted.admit(host)?),
        None => Err(HostError::Unnamed { hosts: promoted.promotion.hosts.to_string() }),
    }
}

/// Where a host keeps the trust root that it was installed with, so that nobody has to bring it again.
const KEPT: &str = "var/lib/gabion/trust/root.json";
/// No trust root is longer.
const LIMIT: u64 = 1 << 20;

/// The trust root that the host was installed with.
pub fn kept_root(root: &Root) -> Result<Option<TrustRoot>, HostError> {
    let bytes = root.read(KEPT, LIMIT).map_err(|source| HostError::read(KEPT, source))?;
    let text = bytes.map(String::from_utf8).transpose();
    let damaged = |_| HostError::Floor { path: KEPT.to_owned(), message: "it is no text".to_owned() };
    Ok(text.map_err(damaged)?.as_deref().map(TrustRoot::parse).transpose()?)
}

/// Keeps the newest trust root that judged: an older one is never written over a newer one.
pub fn keep_root(root: &Root, newest: &TrustRoot) -> Result<(), HostError> {
    if kept_root(root)?.is_some_and(|it| it.version >= newest.version) {
        return Ok(());
    }
    let above = "var/lib/gabion/trust";
    root.make_folder(above, 0o700).map_err(|source| HostError::write(above, source))?;
    let text = newest.to_text();
    root.write(KEPT, 0o600, &mut |out| std::io::Write::write_all(out, text.as_bytes()))
        .map_err(|source| HostError::write(KEPT, source))
}
