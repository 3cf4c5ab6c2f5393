//! What differs between two locks, as rows that every renderer shares.

use crate::entry::Shown;
use crate::{AptLock, Deb, Entry, Lock, Pin};
use std::collections::{BTreeMap, BTreeSet};

/// The difference of two locks: one row per artifact or .deb that is new, gone or not the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct LockDiff {
    /// Sorted by subject within each lock that was compared.
    pub rows: Vec<Row>,
}

/// What happened to one artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sign {
    /// It is new: `+`.
    Added,
    /// It is another: `~`.
    Changed,
    /// It is gone: `-`.
    Removed,
}

/// The change of one artifact or .deb.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Row {
    /// What happened.
    pub sign: Sign,
    /// The id of an entry; of a closure, `apt.NAME/package:architecture` or `apt.NAME@archive suite`.
    pub subject: String,
    /// The version before; absent for new artifacts and for those without versions.
    pub old: Option<String>,
    /// The version after.
    pub new: Option<String>,
    /// By how many bytes the artifact grew; its whole size if it is new, and less if it is gone.
    pub size_change: i128,
    /// Every field that differs, for changed artifacts only, in the order of the lock.
    pub fields: Vec<FieldChange>,
}

/// The change of one field. A list of several items is joined with blanks.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldChange {
    /// The name of the field.
    pub field: &'static str,
    /// Its value before.
    pub old: Option<String>,
    /// Its value after.
    pub new: Option<String>,
}

/// How many of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Summary {
    /// New artifacts.
    pub added: usize,
    /// Artifacts that are not the same.
    pub changed: usize,
    /// Artifacts that are gone.
    pub removed: usize,
    /// The change of all sizes together, in bytes.
    pub size_change: i128,
}

/// What the comparison needs of an entry or a .deb.
struct Side {
    version: Option<String>,
    size: u64,
    fields: Vec<(&'static str, String)>,
}

impl LockDiff {
    /// What it takes to go from `old` to `new`.
    pub fn between(old: &Lock, new: &Lock) -> Self {
        let sides =
            |lock: &Lock| lock.entries().map(|entry| (entry.id.to_string(), side_of(entry))).collect();
        Self::of(&sides(old), &sides(new))
    }

    /// The same for two closures. A closure that does not exist is `None`.
    pub fn between_apt(old: Option<&AptLock>, new: Option<&AptLock>) -> Self {
        Self::of(&apt_sides(old), &apt_sides(new))
    }

    /// Appends the rows of `other`.
    pub fn extend(&mut self, other: Self) {
        self.rows.extend(other.rows);
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Counts the rows.
    pub fn summary(&self) -> Summary {
        let count = |sign| self.rows.iter().filter(|row| row.sign == sign).count();
        Summary {
            added: count(Sign::Added),
            changed: count(Sign::Changed),
            removed: count(Sign::Removed),
            size_change: self.rows.iter().map(|row| row.size_change).sum(),
        }
    }

    fn of(old: &BTreeMap<String, Side>, new: &BTreeMap<String, Side>) -> Self {
        let subjects: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        Self { rows: subjects.into_iter().filter_map(|id| row(id, old.get(id), new.get(id))).collect() }
    }
}

fn row(subject: &str, old: Option<&Side>, new: Option<&Side>) -> Option<Row> {
    let size = |side: Option<&Side>| side.map_or(0, |side| i128::from(side.size));
    let version = |side: Option<&Side>| side.and_then(|side| side.version.clone());
    let (sign, fields) = match (old, new) {
        (Some(old), Some(new)) => (Sign::Changed, changes(&old.fields, &new.fields)),
        (None, _) => (Sign::Added, Vec::new()),
        (_, None) => (Sign::Removed, Vec::new()),
    };
    (sign != Sign::Changed || !fields.is_empty()).then(|| Row {
        sign,
        subject: subject.to_owned(),
        old: version(old),
        new: version(new),
        size_change: size(new) - size(old),
        fields,
    })
}

fn changes(old: &[(&'static str, String)], new: &[(&'static str, String)]) -> Vec<FieldChange> {
    let value = |side: &[(&'static str, String)], name| {
        side.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone())
    };
    let mut names: Vec<&'static str> = old.iter().chain(new).map(|(name, _)| *name).collect();
    names.sort_by_key(|name| crate::parse::FIELDS.iter().position(|field| field == name));
    names.dedup();
    let change = |field| FieldChange { field, old: value(old, field), new: value(new, field) };
    names.into_iter().map(change).filter(|change| change.old != change.new).collect()
}

fn side_of(entry: &Entry) -> Side {
    let fields = entry.shown().into_iter().map(|(name, shown)| {
        let text = match shown {
            Shown::Text(text) => text,
            Shown::Number(number) => number.to_string(),
            Shown::List(items) => items.join(" "),
        };
        (name, text)
    });
    let version = match (&entry.version, &entry.pin) {
        (Some(version), _) => Some(version.to_string()),
        (None, Pin::Git { commit, .. }) => Some(commit.as_str().chars().take(12).collect()),
        (None, _) => None,
    };
    Side { version, size: entry.pin.size().get(), fields: fields.collect() }
}

/// The closure itself, whose fields are its header, and its packages. Archives are compared by URL, so that
/// another order of them changes no package.
fn apt_sides(lock: Option<&AptLock>) -> BTreeMap<String, Side> {
    let Some(lock) = lock else { return BTreeMap::new() };
    let mut request = vec![("request", lock.request().to_string())];
    if !lock.only().is_empty() {
        let only: Vec<_> = lock.only().iter().map(ToString::to_string).collect();
        request.push(("only", only.join(" ")));
    }
    let head = Side { version: None, size: 0, fields: request };
    let mut sides = BTreeMap::from([(lock.id().to_string(), head)]);
    for archive in lock.archives() {
        let place = archive.url.as_str().split_once("://").map_or("", |(_, place)| place);
        for suite in &archive.suites {
            let fields = vec![
                ("date", suite.date.to_string()),
                ("sha256", suite.inrelease.to_string()),
                ("trust", format!("openpgp:{}", suite.signer)),
            ];
            let side = Side { version: Some(suite.date.to_string()), size: 0, fields };
            sides.insert(format!("{}@{place} {}", lock.id(), suite.name), side);
        }
    }
    sides.extend(lock.debs().map(|deb| (deb_subject(lock, deb), deb_side(lock, deb))));
    sides
}

fn deb_subject(lock: &AptLock, deb: &Deb) -> String {
    format!("{}/{}:{}", lock.id(), deb.key.name, deb.key.arch)
}

fn deb_side(lock: &AptLock, deb: &Deb) -> Side {
    let mut fields = vec![("version", deb.version.to_string())];
    fields.extend(lock.url_of(deb).map(|url| ("url", url)));
    fields.extend([("size", deb.size.to_string()), ("sha256", deb.sha256.to_string())]);
    Side { version: Some(deb.version.to_string()), size: deb.size.get(), fields }
}
