//! What a build will do, and why. Pure: what is known was gathered before.

use crate::lock::LockedGraph;
use crate::recipe::{Address, Kind};
use gabion_digest::Sha256;
use gabion_store::{Store, StoreError};
use std::collections::BTreeSet;

/// What is known before a build.
#[derive(Debug, Default)]
pub struct Known {
    /// Nodes whose results are in the store.
    pub results: BTreeSet<Address>,
    /// Pinned files whose bytes are in the store.
    pub files: BTreeSet<Sha256>,
}

impl Known {
    /// Looks into the store.
    pub fn gather(locked: &LockedGraph<'_>, store: &Store) -> Result<Self, StoreError> {
        let mut known = Self::default();
        for recipe in &locked.graph.order {
            let Some(id) = locked.id(&recipe.address) else { continue };
            if store.record(id)?.is_some() {
                known.results.insert(recipe.address.clone());
                continue;
            }
            for (_, pin) in locked.pins(recipe) {
                if store.by_sha256(pin.sha256)?.is_some() {
                    known.files.insert(pin.sha256);
                }
            }
        }
        Ok(known)
    }
}

/// What happens to one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The store has the result.
    Reuse,
    /// Pinned files are missing.
    Download {
        /// How many bytes.
        bytes: u64,
    },
    /// It is made from what is here.
    Build,
}

/// The decisions, dependencies first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(pub Vec<(Address, Decision)>);

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        self.0.iter().all(|(_, decision)| *decision == Decision::Reuse)
    }
}

/// Decides every node of `locked`.
pub fn plan(locked: &LockedGraph<'_>, known: &Known) -> Plan {
    let decide = |address: &Address, missing: u64| match address.kind() {
        _ if known.results.contains(address) => Decision::Reuse,
        Kind::Fetch | Kind::Apt | Kind::K3s if missing > 0 => Decision::Download { bytes: missing },
        _ => Decision::Build,
    };
    let nodes = locked.graph.order.iter().map(|recipe| {
        let pins = locked.pins(recipe);
        let missing = pins.iter().filter(|(_, pin)| !known.files.contains(&pin.sha256));
        let decision = decide(&recipe.address, missing.map(|(_, pin)| pin.size).sum());
        (recipe.address.clone(), decision)
    });
    Plan(nodes.collect())
}
