//! The lowest serial of secrets that this host takes, by bundle.

use super::error::SecretsError;
use super::sidecar::Sidecar;
use crate::error::HostError;
use crate::root::Root;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const FOLDER: &str = "var/lib/gabion/trust";
/// With what the host knows of trust: what backs that up backs this up.
pub(crate) const FLOOR: &str = "var/lib/gabion/trust/secrets.json";
const LIMIT: u64 = 4 << 20;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Floor {
    bundles: BTreeMap<String, Accepted>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    serial: u64,
    /// Keyed, so that it says nothing of the values.
    fingerprint: String,
}

fn damaged(message: impl std::fmt::Display) -> HostError {
    SecretsError::Floor { path: FLOOR.to_owned(), message: message.to_string() }.into()
}

impl Floor {
    pub(super) fn load(root: &Root) -> Result<Self, HostError> {
        let bytes = root.read(FLOOR, LIMIT).map_err(|source| HostError::read(FLOOR, source))?;
        bytes.map_or_else(|| Ok(Self::default()), |it| serde_json::from_slice(&it).map_err(damaged))
    }

    /// The floor of a host that takes `sidecar` too, or why it does not.
    pub(super) fn raised(&self, sidecar: &Sidecar, key: &[u8; 32]) -> Result<Self, SecretsError> {
        let accepted = Accepted { serial: sidecar.serial, fingerprint: sidecar.fingerprint(key).to_string() };
        match self.bundles.get(&sidecar.bundle) {
            Some(before) if before.serial > accepted.serial => Err(SecretsError::Older {
                bundle: sidecar.bundle.clone(),
                given: accepted.serial,
                floor: before.serial,
            }),
            Some(before) if before.serial == accepted.serial && *before != accepted => {
                Err(SecretsError::SameSerial { bundle: sidecar.bundle.clone(), serial: accepted.serial })
            }
            _ => {
                let mut next = self.clone();
                next.bundles.insert(sidecar.bundle.clone(), accepted);
                Ok(next)
            }
        }
    }

    pub(super) fn save(&self, root: &Root) -> Result<(), HostError> {
        let text = serde_json::to_string_pretty(self).map_err(damaged)?;
        root.make_folder(FOLDER, 0o700).map_err(|source| HostError::write(FLOOR, source))?;
        let written = root.write(FLOOR, 0o600, &mut |out| writeln!(out, "{text}"));
        written.map_err(|source| HostError::write(FLOOR, source))
    }
}
