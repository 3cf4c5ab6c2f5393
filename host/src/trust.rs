//! What this host accepted before: the floor below which nothing passes.
//!
//! It also keeps the name that promotions know this host by. It lies in `var/lib/gabion/trust/state.json`, outside of what a bundle puts on the root, so that going
//! back to an older bundle does not lower it.

use crate::accept::Judged;
use crate::error::HostError;
use crate::root::Root;
use gabion_bundle::{Floor, Promoted};
use gabion_digest::Sha256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const STATE: &str = "var/lib/gabion/trust/state.json";
/// Ten thousand names would be needed to reach this.
const LIMIT: u64 = 4 << 20;

/// The newest trust root and, by name of the bundle, the highest promotion that were accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustState {
    /// Version of the newest trust root that judged.
    pub root_version: u32,
    /// What this host is called in promotions, once somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The promotion with the highest serial, by name of the bundle.
    pub bundles: BTreeMap<String, Accepted>,
}

/// A promotion that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// Its serial.
    pub serial: u64,
    /// Digest of the bundle, `sha256:…`.
    pub digest: String,
}

fn damaged(path: &str, message: impl std::fmt::Display) -> HostError {
    HostError::Floor { path: path.to_owned(), message: message.to_string() }
}

impl TrustState {
    /// What `root` says; a host that accepted nothing yet has no floor. A damaged record is an error, not
    /// the absence of one.
    pub fn load(root: &Root) -> Result<Self, HostError> {
        Self::load_at(root, STATE)
    }

    /// The same from another file: an operator has one for each host.
    pub fn load_at(root: &Root, path: &str) -> Result<Self, HostError> {
        let bytes = root.read(path, LIMIT).map_err(|source| HostError::read(path, source))?;
        let parse = |it: Vec<u8>| serde_json::from_slice(&it).map_err(|error| damaged(path, error));
        bytes.map_or_else(|| Ok(Self::default()), parse)
    }

    /// The floor that a bundle is held against.
    pub fn floor(&self) -> Result<Floor, HostError> {
        self.floor_at(STATE)
    }

    /// The same of a state that was read from `path`.
    pub fn floor_at(&self, path: &str) -> Result<Floor, HostError> {
        let mut floor = Floor { root_version: self.root_version, ..Floor::default() };
        for (name, Accepted { serial, digest }) in &self.bundles {
            floor.seen.insert(name.clone(), (*serial, digest.parse().map_err(|error| damaged(path, error))?));
        }
        Ok(floor)
    }

    /// The state of a host that is called `given`, where somebody says so. A host keeps its name: no bundle
    /// says it, and it does not change from one install to the next.
    pub fn named(&self, given: Option<&str>) -> Result<Self, HostError> {
        match (&self.host, given) {
            (Some(known), Some(given)) if known != given => {
                Err(HostError::OtherHost { known: known.clone(), given: given.to_owned() })
            }
            (known, given) => {
                Ok(Self { host: given.map(str::to_owned).or_else(|| known.clone()), ..self.clone() })
            }
        }
    }

    /// The state of a host that accepted `bundle` too; nothing is ever lowered.
    #[must_use]
    pub(crate) fn raised(&self, bundle: &Judged<'_>) -> Self {
        let mut next = match bundle.promotion {
            Some(promoted) => self.promoted(bundle.digest, promoted),
            None => self.clone(),
        };
        next.root_version = next.root_version.max(bundle.root.version);
        next
    }

    /// The state of whoever accepted this promotion of this bundle too.
    #[must_use]
    pub fn promoted(&self, digest: Sha256, promoted: &Promoted) -> Self {
        let mut next = self.clone();
        let (name, serial) = (&promoted.promotion.name, promoted.promotion.serial);
        if next.bundles.get(name).is_none_or(|before| before.serial < serial) {
            next.bundles.insert(name.clone(), Accepted { serial, digest: digest.to_string() });
        }
        next
    }

    /// Writes the state. Whoever does holds the lock of `root` from the moment that it was loaded, and writes
    /// no file of the bundle before: a run that is cut leaves a floor that only this bundle or a newer one
    /// passes.
    pub fn save(&self, root: &Root) -> Result<(), HostError> {
        self.save_at(root, STATE)
    }

    /// The same to another file.
    pub fn save_at(&self, root: &Root, path: &str) -> Result<(), HostError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| damaged(path, error))?;
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        root.make_folder(folder, 0o700).map_err(|source| HostError::write(folder, source))?;
        root.write(path, 0o600, &mut |out| writeln!(out, "{text}"))
            .map_err(|source| HostError::write(path, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<Floor, HostError> {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        root.make_folder("var/lib/gabion/trust", 0o700).unwrap();
        root.write(STATE, 0o600, &mut |out| out.write_all(text.as_bytes())).unwrap();
        TrustState::load(&root)?.floor()
    }

    #[test]
    fn a_new_host_has_no_floor_and_a_damaged_one_is_not_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let state = TrustState::load(&Root::open(folder.path()).unwrap()).unwrap();
        assert_eq!(state.floor().unwrap(), Floor::default());
        let digest = format!("sha256:{}", "0".repeat(64));
        let good =
            format!(r#"{{"root_version": 3, "bundles": {{"p": {{"serial": 7, "digest": "{digest}"}}}}}}"#);
        let floor = with(&good).unwrap();
        assert_eq!((floor.root_version, floor.seen["p"].0, floor.min_serial), (3, 7, 0));
        for bad in [
            String::new(),
            "{}".to_owned(),
            good[..good.len() - 1].to_owned(),
            good.replace("sha256:0", "sha256:"),
            good.replace('7', "-7"),
            good.replace("root_version", "root"),
        ] {
            assert!(matches!(with(&bad), Err(HostError::Floor { .. })), "{bad}");
        }
    }

    #[test]
    fn a_host_keeps_the_name_that_it_was_given_first() {
        let new = TrustState::default();
        assert_eq!(new.named(None).unwrap(), new);
        let prod = new.named(Some("prod")).unwrap();
        assert_eq!(prod.host.as_deref(), Some("prod"));
        assert_eq!(
            (prod.named(None).unwrap(), prod.named(Some("prod")).unwrap()),
            (prod.clone(), prod.clone())
        );
        let error = prod.named(Some("staging")).unwrap_err();
        assert!(error.is_trust() && error.to_string().contains("`prod`, not `staging`"), "{error}");
    }

    #[test]
    fn a_floor_cannot_be_hidden_behind_a_link_out_of_the_root() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs_err::create_dir_all(folder.path().join("var/lib")).unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("var/lib/gabion")).unwrap();
        fs_err::create_dir(outside.path().join("trust")).unwrap();
        fs_err::write(outside.path().join("trust/state.json"), "{").unwrap();
        let root = Root::open(folder.path()).unwrap();
        // Looked up inside the root, where it does not exist: what lies outside is never read.
        assert_eq!(TrustState::load(&root).unwrap(), TrustState::default());
    }
}
