//! Directories, their clusters and their entries.

use super::FatError;
use super::name::{Record, Short, is_name, long, short};
use std::collections::{BTreeMap, BTreeSet};

/// The first cluster that exists; the root begins there.
const FIRST: u32 = 2;

/// What a name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    File(Vec<u8>),
    Directory(BTreeMap<String, Node>),
}

/// Directories out of paths; `/` stands between parts.
pub(super) fn directories(files: BTreeMap<String, Vec<u8>>) -> Result<BTreeMap<String, Node>, FatError> {
    let mut root = BTreeMap::new();
    for (path, bytes) in files {
        let size = bytes.len() as u64;
        if u32::try_from(size).is_err() {
            return Err(FatError::Large { path, size });
        }
        if !path.split('/').all(is_name) {
            return Err(FatError::Path { path });
        }
        insert(&mut root, &path, bytes).ok_or(FatError::Twice { path })?;
    }
    Ok(root)
}

/// `None` where the name is taken, in whatever case.
fn insert(directory: &mut BTreeMap<String, Node>, path: &str, bytes: Vec<u8>) -> Option<()> {
    let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let same = directory.keys().find(|it| it.eq_ignore_ascii_case(name)).cloned();
    match (same, rest) {
        (None, None) => directory.insert(name.to_owned(), Node::File(bytes)).is_none().then_some(()),
        (Some(same), Some(rest)) if same == name => match directory.get_mut(name)? {
            Node::Directory(inner) => insert(inner, rest, bytes),
            Node::File(_) => None,
        },
        (None, Some(rest)) => {
            let inner = directory.entry(name.to_owned()).or_insert_with(|| Node::Directory(BTreeMap::new()));
            if let Node::Directory(inner) = inner { insert(inner, rest, bytes) } else { None }
        }
        (Some(_), _) => None,
    }
}

/// What stands from a cluster on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) clusters: u32,
    pub(super) bytes: Vec<u8>,
}

/// A time as directories have it (FAT specification 1.03, "Date and Time Formats"): date, then time of day.
pub(super) type Stamp = (u16, u16);

/// Gives out clusters, in the order of paths.
pub(super) struct Planner {
    cluster: u64,
    next: u32,
    stamp: Stamp,
    runs: Vec<Run>,
}

impl Planner {
    /// Clusters of `cluster` bytes.
    pub(super) fn new(cluster: u64, stamp: Stamp) -> Self {
        Self { cluster, next: FIRST, stamp, runs: Vec::new() }
    }

    /// Every run of clusters, the root first.
    pub(super) fn run(mut self, label: &Short, root: BTreeMap<String, Node>) -> Vec<Run> {
        let label = record(label, 0x08, 0, 0, self.stamp);
        self.directory(vec![label], root, None);
        self.runs
    }

    fn take(&mut self, bytes: u64) -> (u32, u32) {
        let clusters = bytes.div_ceil(self.cluster).try_into().unwrap_or(u32::MAX);
        let first = self.next;
        self.next = self.next.saturating_add(clusters);
        (first, clusters)
    }

    /// Writes a directory behind `records`, and what is in it behind that; gives its first cluster. The root has no
    /// parent, and is called cluster 0 by its children.
    fn directory(
        &mut self,
        mut records: Vec<Record>,
        inner: BTreeMap<String, Node>,
        parent: Option<u32>,
    ) -> u32 {
        let mut taken = BTreeSet::new();
        let mut names = Vec::new();
        for name in inner.keys() {
            let short = short(name, &taken);
            taken.insert(short);
            names.push((short, long(name, &short)));
        }
        let dots = if parent.is_some() { 2 } else { 0 };
        let count: usize = names.iter().map(|(_, long)| long.len() + 1).sum();
        let (first, clusters) = self.take(((records.len() + dots + count) * size_of::<Record>()) as u64);
        let place = self.runs.len();
        self.runs.push(Run { first, clusters, bytes: Vec::new() });
        if let Some(parent) = parent {
            records.push(record(b".          ", 0x10, first, 0, self.stamp));
            records.push(record(b"..         ", 0x10, parent, 0, self.stamp));
        }
        for ((short, long), node) in names.into_iter().zip(inner.into_values()) {
            records.extend(long);
            let own = if parent.is_some() { first } else { 0 };
            records.push(self.node(&short, node, own));
        }
        self.runs[place].bytes = records.concat();
        first
    }

    fn node(&mut self, short: &Short, node: Node, parent: u32) -> Record {
        match node {
            Node::Directory(inner) => {
                let first = self.directory(Vec::new(), inner, Some(parent));
                record(short, 0x10, first, 0, self.stamp)
            }
            Node::File(bytes) => {
                let size = bytes.len() as u32;
                let (first, clusters) = self.take(bytes.len() as u64);
                // An empty file has no cluster, and is said to begin at 0.
                let begins = if clusters == 0 { 0 } else { first };
                self.runs.push(Run { first, clusters, bytes });
                record(short, 0x20, begins, size, self.stamp)
            }
        }
    }
}

/// An entry (FAT specification 1.03, "Directory Structure"): 0x08 is the label, 0x10 a directory, 0x20 a file.
fn record(short: &Short, attributes: u8, first: u32, size: u32, (date, time): Stamp) -> Record {
    let mut record = [0; 32];
    record[..11].copy_from_slice(short);
    record[11] = attributes;
    let mut put = |at: usize, value: u16| record[at..at + 2].copy_from_slice(&value.to_le_bytes());
    put(14, time);
    put(16, date);
    put(18, date);
    put(20, (first >> 16) as u16);
    put(22, time);
    put(24, date);
    put(26, first as u16);
    record[28..].copy_from_slice(&size.to_le_bytes());
    record
}
