//! Generations: what the host was brought to, one record each, and which of them is in force.
//!
//! `var/lib/gabion/generations/N.json` is written once. `var/lib/gabion/current` is a symlink to the one in force: changing it is
//! the moment at which a change counts. `history.jsonl` only grows.

use crate::error::HostError;
use crate::root::Root;
use gabion_bundle::{BundleError, Mode, Opened, Policy, SignedPromotion, Stage, Time, TrustRoot, Verified};
use gabion_digest::Sha256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::{Read, Seek};

/// The folder of records.
pub(crate) const FOLDER: &str = "var/lib/gabion/generations";
const CURRENT: &str = "var/lib/gabion/current";
const HISTORY: &str = "var/lib/gabion/history.jsonl";
/// A cluster of one node has far fewer objects.
const LIMIT: u64 = 64 << 20;

/// An object of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectName {
    /// The group of its API; empty for the first ones.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace, where it lives in one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let namespace = self.namespace.as_deref().map(|it| format!("{it}/")).unwrap_or_default();
        write!(f, "{} {namespace}{}", self.kind, self.name)
    }
}

/// An object that the host put into the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// Which.
    pub object: ObjectName,
    /// Group and version of its API.
    pub api_version: String,
    /// The node that it is from.
    pub from: String,
    /// BLAKE3 of what was applied.
    pub content: String,
}

/// What a bundle makes of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Its number, from 1.
    pub number: u64,
    /// Name of the bundle.
    pub name: String,
    /// Digest of the bundle, `sha256:…`.
    #[serde(with = "text")]
    pub bundle: Sha256,
    /// Serial of its promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u64>,
    /// Its K3s, `v1.34.9+k3s1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k3s: Option<String>,
    /// BLAKE3 of its disk image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<String>,
    /// What kind of host it is, where its bundle says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// What the images are called that it needs.
    pub images: BTreeSet<String>,
    /// Its objects, in the order in which they are applied; hooks are none.
    pub objects: Vec<Applied>,
    /// How its bundle was judged.
    pub accepted: Accepted,
}

/// How a bundle was judged when it was accepted: enough to judge it the same way again, years later, when keys have ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// The trust root that was given, as text.
    pub root: String,
    /// The moment of it, in seconds since 1970.
    pub at: u64,
    /// A promotion that did not stand in the bundle, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<String>,
}

impl Accepted {
    /// The bundle in `reader`, if it is still the accepted one, byte for byte.
    pub(crate) fn verify<R: Read + Seek>(
        &self,
        reader: R,
        digest: &Sha256,
    ) -> Result<Verified<R>, HostError> {
        let verified = self.judge(|policy| gabion_bundle::verify(reader, policy))?;
        is_the(digest, &verified.digest)?;
        Ok(verified)
    }

    /// The same bundle for single pieces of it: signatures and tables are judged now, and each piece when it is read.
    pub(crate) fn open<R: Read + Seek>(&self, reader: R, digest: &Sha256) -> Result<Opened<R>, HostError> {
        let opened = self.judge(|policy| gabion_bundle::open(reader, policy))?;
        is_the(digest, &opened.digest)?;
        Ok(opened)
    }

    fn judge<T>(&self, by: impl FnOnce(&Policy<'_>) -> Result<T, BundleError>) -> Result<T, HostError> {
        let root = TrustRoot::parse(&self.root)?;
        let now = Time::from_unix(self.at)
            .ok_or_else(|| HostError::Unsupported("it was accepted at no time that there is".into()))?;
        let promotion = self.promotion.as_deref().map(SignedPromotion::parse).transpose()?;
        let policy = Policy { promotion: promotion.as_ref(), ..Policy::new(&root, now, Stage::Install) };
        Ok(by(&policy)?)
    }
}

fn is_the(asked: &Sha256, found: &Sha256) -> Result<(), HostError> {
    if found == asked {
        return Ok(());
    }
    Err(HostError::Unsupported(format!("its digest is {found}, not {asked}")))
}

mod text {
    use super::Sha256;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &Sha256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sha256, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What happened to a host, as its history tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds since 1970, by the clock of the host.
    pub at: u64,
    /// `applied`, `confirmed`, `returned`, `failed`.
    pub event: String,
    /// The generation.
    pub generation: u64,
    /// Digest of its bundle.
    pub bundle: String,
    /// Why, where there is something to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

fn path(number: u64) -> String {
    format!("{FOLDER}/{number}.json")
}

impl Generation {
    /// The record of a number.
    pub fn load(root: &Root, number: u64) -> Result<Option<Self>, HostError> {
        crate::record::read(root, &path(number), LIMIT)
    }

    /// The generation in force.
    pub fn current(root: &Root) -> Result<Option<Self>, HostError> {
        let Some(number) = current(root)? else { return Ok(None) };
        let damaged =
            || HostError::State { path: path(number), message: "it is in force and not there".into() };
        Self::load(root, number)?.ok_or_else(damaged).map(Some)
    }

    /// All records, by number.
    pub fn all(root: &Root) -> Result<Vec<Self>, HostError> {
        let mut all = Vec::new();
        for number in numbers(root)? {
            all.extend(Self::load(root, number)?);
        }
        Ok(all)
    }

    /// Writes the record; one that is there already stays unless it is another.
    pub(crate) fn save(&self, root: &Root) -> Result<(), HostError> {
        if Self::load(root, self.number)?.as_ref() == Some(self) {
            return Ok(());
        }
        root.make_folder(FOLDER, 0o700).map_err(|source| HostError::write(FOLDER, source))?;
        crate::record::write(root, &path(self.number), self)
    }

    /// Makes this generation the one in force.
    pub(crate) fn put_in_force(&self, root: &Root) -> Result<(), HostError> {
        let target = format!("generations/{}.json", self.number);
        root.link(CURRENT, &target).map(drop).map_err(|source| HostError::write(CURRENT, source))
    }

    /// Takes a record away that nobody needs.
    pub(crate) fn forget(root: &Root, number: u64) -> Result<(), HostError> {
        root.remove(&path(number)).map_err(|source| HostError::write(&path(number), source))
    }

    /// Whether it is the same but for its number and for when it was judged.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let accepted = Accepted { at: self.accepted.at, ..other.accepted.clone() };
        *self == Self { number: self.number, accepted, ..other.clone() }
    }

    /// The minor version of its Kubernetes: `(1, 34)`.
    pub(crate) fn minor(&self) -> Option<(u32, u32)> {
        let mut parts = self.k3s.as_deref()?.trim_start_matches('v').split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

/// The number in force.
pub(crate) fn current(root: &Root) -> Result<Option<u64>, HostError> {
    let target = root.read_link(CURRENT).map_err(|source| HostError::read(CURRENT, source))?;
    let Some(target) = target else { return Ok(None) };
    let number = target.strip_prefix("generations/").and_then(|it| it.strip_suffix(".json")?.parse().ok());
    let damaged = || HostError::State { path: CURRENT.into(), message: format!("it leads to `{target}`") };
    number.ok_or_else(damaged).map(Some)
}

/// Numbers of all records, in order.
pub(crate) fn numbers(root: &Root) -> Result<Vec<u64>, HostError> {
    let names = root.names(FOLDER).map_err(|source| HostError::read(FOLDER, source))?;
    let mut numbers: Vec<u64> =
        names.iter().filter_map(|it| it.strip_suffix(".json")?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Adds a line to the history.
pub(crate) fn tell(root: &Root, event: &Event) -> Result<(), HostError> {
    let line = serde_json::to_string(event).unwrap_or_default();
    root.append_line(HISTORY, 0o600, &line).map_err(|source| HostError::write(HISTORY, source))
}

/// The history, oldest first. A last line that a power cut left unfinished is passed over.
pub fn history(root: &Root) -> Result<Vec<Event>, HostError> {
    let bytes = root.read(HISTORY, LIMIT).map_err(|source| HostError::read(HISTORY, source))?;
    let text = String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}
