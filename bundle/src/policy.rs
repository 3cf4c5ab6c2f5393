//! What is asked of a bundle, and whether its signatures answer it.

use crate::BundleError;
use crate::promotion::{Promotion, SignedPromotion};
use crate::role::Role;
use crate::slot::Slot;
use crate::time::Time;
use crate::trust::{Standing, TrustRoot};
use gabion_digest::Sha256;
use std::collections::BTreeMap;

/// What the promotion of a bundle is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// For nothing: the release alone is judged, as whoever is about to promote it does.
    Release,
    /// To be right where there is one.
    Look,
    /// To install: it must be there where the trust root asks for promotions.
    Install,
}

/// What is asked of a bundle.
#[derive(Debug, Clone)]
pub struct Policy<'a> {
    /// Whom to trust; from outside the bundle.
    pub root: &'a TrustRoot,
    /// The moment at which keys are judged.
    pub now: Time,
    /// What the promotion is needed for.
    pub stage: Stage,
    /// A promotion from a file of its own; it stands in the place of the bundle's.
    pub promotion: Option<&'a SignedPromotion>,
    /// What was accepted before.
    pub floor: Floor,
    /// Whether the SHA-256 of every member is checked beside its BLAKE3.
    pub full: bool,
}

/// What was accepted before: nothing older passes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Floor {
    /// The newest trust root that was seen.
    pub root_version: u32,
    /// The lowest serial that the operator accepts.
    pub min_serial: u64,
    /// By name of the bundle, the promotion with the highest serial: the serial and the bundle's digest.
    pub seen: BTreeMap<String, (u64, Sha256)>,
}

/// A promotion that enough trusted keys signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// What it says.
    pub promotion: Promotion,
    /// Fingerprints of the trusted keys that signed it.
    pub signers: Vec<String>,
}

/// What the signatures of a bundle are worth.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) signers: Vec<String>,
    pub(crate) promotion: Option<Promoted>,
}

impl<'a> Policy<'a> {
    /// Only `root` at the moment `now`: no floor, nothing from outside.
    pub fn new(root: &'a TrustRoot, now: Time, stage: Stage) -> Self {
        Self { root, now, stage, promotion: None, floor: Floor::default(), full: false }
    }

    /// Judges signatures of which each is known to fit its own key. `root` is the newest one that the
    /// given root vouches for; `digest` and `name` are those of the bundle.
    pub(crate) fn judge(
        &self,
        root: &TrustRoot,
        slot: &Slot,
        digest: Sha256,
        name: &str,
    ) -> Result<Judged, BundleError> {
        if slot.release.is_empty() {
            return Err(BundleError::Unsigned);
        }
        newer(root, self.floor.root_version)?;
        let promotion = self.promoted(root, slot, digest, name)?;
        // An expired key signed in time if people who may say so say that the bundle stood by then.
        let witness = promotion.as_ref().map(|it| it.promotion.date);
        let counts = |key: &str| match (root.standing(Role::Release, key, self.now), witness) {
            (Standing::Expired(_), Some(date)) => root.standing(Role::Release, key, date),
            (standing, _) => standing,
        };
        let signers = root.accept(Role::Release, &slot.release.signers(), counts)?;
        Ok(Judged { signers, promotion })
    }

    /// The promotion, if it is to be judged and there is one.
    fn promoted(
        &self,
        root: &TrustRoot,
        slot: &Slot,
        digest: Sha256,
        name: &str,
    ) -> Result<Option<Promoted>, BundleError> {
        let asked = self.promotion.is_some() || self.floor.min_serial > 0;
        if self.stage == Stage::Release || !(asked || root.asks_for_promotion()) {
            return Ok(None);
        }
        if !root.asks_for_promotion() {
            return Err(BundleError::Unpromoted("the trust root names nobody who may promote"));
        }
        let Some(signed) = self.promotion.or(slot.promotion.as_ref()) else {
            let needed = asked || self.stage == Stage::Install;
            return if needed { Err(BundleError::Unpromoted("nobody promoted it")) } else { Ok(None) };
        };
        signed.check()?;
        let promotion = signed.promotion();
        same_bundle(promotion, digest)?;
        if promotion.name != name {
            return Err(BundleError::Promotion(format!(
                "it names `{}`, the bundle is `{name}`",
                promotion.name
            )));
        }
        newer(root, promotion.root_version)?;
        // Now, so that a lost key ends; at its own date, so that a key cannot speak for older times.
        let counts = |key: &str| match root.standing(Role::Promotion, key, self.now) {
            Standing::Good => root.standing(Role::Promotion, key, promotion.date),
            standing => standing,
        };
        let signers = root.accept(Role::Promotion, &signed.signatures().signers(), counts)?;
        self.floor.admit(promotion)?;
        Ok(Some(Promoted { promotion: promotion.clone(), signers }))
    }
}

fn newer(root: &TrustRoot, floor: u32) -> Result<(), BundleError> {
    if root.version < floor {
        return Err(BundleError::OldRoot { version: root.version, floor });
    }
    Ok(())
}

/// Refuses a promotion of another bundle.
pub(crate) fn same_bundle(promotion: &Promotion, digest: Sha256) -> Result<(), BundleError> {
    if promotion.bundle == digest {
        return Ok(());
    }
    Err(BundleError::OtherBundle { promoted: promotion.bundle, bundle: digest })
}

impl Floor {
    /// Refuses a promotion that is older than what was accepted before, or another one of the same
    /// serial.
    fn admit(&self, promotion: &Promotion) -> Result<(), BundleError> {
        let Promotion { name, serial, bundle, .. } = promotion;
        let (seen, digest) = self.seen.get(name).copied().unwrap_or((0, *bundle));
        let floor = seen.max(self.min_serial);
        if *serial < floor {
            return Err(BundleError::Rollback { name: name.clone(), serial: *serial, floor });
        }
        if *serial == seen && digest != *bundle {
            let (name, serial) = (name.clone(), *serial);
            return Err(BundleError::Equivocation { name, serial, seen: digest, now: *bundle });
        }
        Ok(())
    }
}

impl Promoted {
    /// Refuses a host that the promotion does not name.
    pub fn admit(&self, host: &str) -> Result<(), BundleError> {
        if self.promotion.hosts.contain(host) {
            return Ok(());
        }
        Err(BundleError::WrongHost { host: host.to_owned(), hosts: self.promotion.hosts.to_string() })
    }
}
