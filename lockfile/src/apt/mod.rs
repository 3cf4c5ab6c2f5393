//! The locked closure of one `[apt.NAME]`: `locks/apt.NAME.lock`.
//!
//! A closure is solved as a unit, so it has a request of its own, its suites as they were when it was
//! solved, and one line per .deb. There is no entry for it in `gabion.lock`: whatever that could say
//! would be derived from this file.

mod floor;
mod text;

pub use floor::Floor;

use crate::error::Problem;
use crate::{EntryId, Fingerprint, Overlay, PoolPath, Size, Text, Url, UtcTime, Word};
use gabion_digest::Sha256;
use std::collections::{BTreeMap, BTreeSet};

/// What was solved, from which archives, and every .deb of the solution.
///
/// # Invariants
/// Every archive has a suite, no archive, suite or package occurs twice, and every .deb comes from one of
/// the archives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AptLock {
    id: EntryId,
    request: Text,
    only: BTreeSet<Overlay>,
    archives: Vec<Archive>,
    accounts: Accounts,
    debs: BTreeMap<DebKey, Deb>,
}

/// Numbers of users and groups that packages make for themselves, so that what owns data keeps its number when other
/// packages come and go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Users by name.
    pub users: BTreeMap<Word, u32>,
    /// Groups by name.
    pub groups: BTreeMap<Word, u32>,
}

/// A package archive and the suites that were read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Its canonical URL, to which the paths of packages are relative.
    pub url: Url,
    /// Its suites, in the order of the recipe; at least one.
    pub suites: Vec<Suite>,
}

/// A suite at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// `jammy-updates`.
    pub name: Word,
    /// The `Date` of its `InRelease`; a later lock with an earlier date is an attack or a stale mirror.
    pub date: UtcTime,
    /// Digest of `InRelease` as served, with its signature.
    pub inrelease: Sha256,
    /// The key that signed it, one of those that the recipe pins.
    pub signer: Fingerprint,
}

/// What names a package in a closure. The order of this type is the order of the lines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DebKey {
    /// The name of the binary package.
    pub name: Word,
    /// Its architecture: `amd64`, `all`.
    pub arch: Word,
}

/// One .deb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deb {
    /// Name and architecture.
    pub key: DebKey,
    /// Its version, with the epoch.
    pub version: Word,
    /// Bytes of the .deb.
    pub size: Size,
    /// Digest of the .deb as the signed index states it.
    pub sha256: Sha256,
    /// Where it lies below its archive.
    pub path: PoolPath,
    /// Which of the archives it comes from, from 0.
    pub archive: usize,
}

impl AptLock {
    /// Checks the invariants. `id` is the address of the recipe node: `apt.os`.
    pub fn new(
        id: EntryId,
        request: Text,
        only: BTreeSet<Overlay>,
        archives: Vec<Archive>,
        debs: impl IntoIterator<Item = Deb>,
    ) -> Result<Self, Problem> {
        if archives.is_empty() {
            return Err(Problem::Missing { name: "archive" });
        }
        let mut urls = BTreeSet::new();
        for archive in &archives {
            if !urls.insert(&archive.url) {
                return Err(Problem::Twice { name: archive.url.to_string() });
            }
            check_suites(&archive.suites)?;
        }
        let accounts = Accounts::default();
        let mut lock = Self { id, request, only, archives, accounts, debs: BTreeMap::new() };
        for deb in debs {
            lock.push(deb)?;
        }
        Ok(lock)
    }

    fn push(&mut self, deb: Deb) -> Result<(), Problem> {
        if deb.archive >= self.archives.len() {
            return Err(Problem::Syntax { expected: "a .deb of one of the archives" });
        }
        match self.debs.insert(deb.key.clone(), deb) {
            Some(twice) => Err(Problem::Twice { name: format!("{}:{}", twice.key.name, twice.key.arch) }),
            None => Ok(()),
        }
    }

    /// The address of the recipe node.
    pub fn id(&self) -> &EntryId {
        &self.id
    }

    /// What the recipe asked for; another request makes the closure stale.
    pub fn request(&self) -> &Text {
        &self.request
    }

    /// The overlays that need this closure; empty when all do.
    pub fn only(&self) -> &BTreeSet<Overlay> {
        &self.only
    }

    /// Changes which overlays need it.
    pub fn set_only(&mut self, only: BTreeSet<Overlay>) {
        self.only = only;
    }

    /// The numbers of accounts that stay.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Changes which numbers of accounts stay.
    pub fn set_accounts(&mut self, accounts: Accounts) {
        self.accounts = accounts;
    }

    /// The archives, in the order of the recipe.
    pub fn archives(&self) -> &[Archive] {
        &self.archives
    }

    /// All .debs, sorted by name, then architecture.
    pub fn debs(&self) -> impl ExactSizeIterator<Item = &Deb> {
        self.debs.values()
    }

    /// The .deb of `key`.
    pub fn get(&self, key: &DebKey) -> Option<&Deb> {
        self.debs.get(key)
    }

    /// The canonical URL of `deb`.
    pub fn url_of(&self, deb: &Deb) -> Option<String> {
        let archive = self.archives.get(deb.archive)?;
        Some(format!("{}/{}", archive.url.as_str().trim_end_matches('/'), deb.path))
    }

    /// Bytes of all .debs together.
    pub fn total_size(&self) -> u128 {
        self.debs().map(|deb| u128::from(deb.size.get())).sum()
    }
}

fn check_suites(suites: &[Suite]) -> Result<(), Problem> {
    let mut names = BTreeSet::new();
    match suites.iter().find(|suite| !names.insert(&suite.name)) {
        Some(twice) => Err(Problem::Twice { name: twice.name.to_string() }),
        None if suites.is_empty() => Err(Problem::Missing { name: "suite" }),
        None => Ok(()),
    }
}
