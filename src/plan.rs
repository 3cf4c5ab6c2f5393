//! What a build will do, and why. Pure: what is known was gathered before.

use crate::image::{self, ImageError};
use crate::lock::LockedGraph;
use crate::recipe::{Address, Recipe};
use gabion_store::Store;
use std::collections::{BTreeMap, BTreeSet};

/// What is known before a build.
#[derive(Debug, Default)]
pub struct Known {
    /// Nodes whose results are in the store.
    pub results: BTreeSet<Address>,
    /// Bytes that a node without a result needs and the store has not.
    pub missing: BTreeMap<Address, u64>,
}

impl Known {
    /// Looks into the store.
    pub fn gather(locked: &LockedGraph<'_>, store: &Store) -> Result<Self, ImageError> {
        let mut known = Self::default();
        for recipe in &locked.graph.order {
            let Some(id) = locked.id(&recipe.address) else { continue };
            if store.record(id)?.is_some() {
                known.results.insert(recipe.address.clone());
                continue;
            }
            let mut missing = 0_u64;
            for (_, pin) in locked.pins(recipe) {
                if store.by_sha256(pin.sha256)?.is_none() {
                    missing = missing.saturating_add(pin.size);
                }
            }
            if let Some(pin) = locked.image(recipe) {
                missing =
                    missing.saturating_add(image::missing(store, &pin.documents, &pin.attached, pin.size)?);
            }
            known.missing.insert(recipe.address.clone(), missing);
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
        /// Why there is no result.
        why: Why,
    },
    /// It is made from what is here.
    Build {
        /// Why there is no result.
        why: Why,
    },
}

/// Why a node has no result yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Its recipe, its pins or its files are new to this store.
    New,
    /// Something that it needs has no result.
    Needs(Address),
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::New => f.write_str("new here"),
            Self::Needs(address) => write!(f, "needs {address}"),
        }
    }
}

impl Decision {
    /// Whether nothing is to be done.
    pub fn is_reuse(&self) -> bool {
        *self == Self::Reuse
    }
}

/// The decisions, dependencies first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(pub Vec<(Address, Decision)>);

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        self.0.iter().all(|(_, decision)| decision.is_reuse())
    }
}

/// Decides every node of `locked`.
pub fn plan(locked: &LockedGraph<'_>, known: &Known) -> Plan {
    let has = |address: &Address| known.results.contains(address);
    let decide = |recipe: &Recipe| {
        let address = &recipe.address;
        if has(address) {
            return Decision::Reuse;
        }
        let changed = locked.graph.needs(address).into_iter().find(|it| !has(it));
        let why = changed.map_or(Why::New, |it| Why::Needs(it.clone()));
        match known.missing.get(address).copied().unwrap_or_default() {
            0 => Decision::Build { why },
            bytes => Decision::Download { bytes, why },
        }
    };
    Plan(locked.graph.order.iter().map(|recipe| (recipe.address.clone(), decide(recipe))).collect())
}
