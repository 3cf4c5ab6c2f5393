//! A whole `gabion.lock`.

use crate::error::{Fault, Problem};
use crate::{Entry, EntryId, LockError, merge, parse, reader, write};
use std::collections::BTreeMap;

/// The version of the text that this crate writes, and the newest that it reads.
pub const VERSION: u32 = 1;

/// The most that is read; ten thousand entries have about 5 MiB.
pub(crate) const LIMIT: usize = 64 << 20;

/// The pinned artifacts of a project, by id. Only valid entries, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    entries: BTreeMap<EntryId, Entry>,
}

impl Lock {
    /// A lock without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the text of a lock. Order, blank lines and comments are free; everything else is checked.
    ///
    /// A newer `version` is reported before anything else, conflict markers before any other mistake.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        parse_plain(text).map_err(|fault| fault.placed(text))
    }

    /// The canonical text. Reading it gives the same lock.
    pub fn to_text(&self) -> String {
        write::lock(self)
    }

    /// The entry of `id`.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// Puts `entry` in the place of its id and gives what was there.
    pub fn insert(&mut self, entry: Entry) -> Option<Entry> {
        self.entries.insert(entry.id.clone(), entry)
    }

    /// Takes the entry of `id` out.
    pub fn remove(&mut self, id: &str) -> Option<Entry> {
        self.entries.remove(id)
    }

    /// All entries, sorted by id.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.values()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is locked.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl FromIterator<Entry> for Lock {
    /// Of entries with the same id the last one stays.
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self { entries: entries.into_iter().map(|entry| (entry.id.clone(), entry)).collect() }
    }
}

impl IntoIterator for Lock {
    type Item = Entry;
    type IntoIter = std::collections::btree_map::IntoValues<EntryId, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_values()
    }
}

fn parse_plain(text: &str) -> Result<Lock, Fault> {
    check_length(text)?;
    reader::refuse_newer(reader::lines(text))?;
    // No line of a valid lock is a marker, so that only a failure needs the search for one.
    read_blocks(text).map_err(|fault| match merge::first_marker(text) {
        Some(span) => Fault::new(span, Problem::Conflict),
        None => fault,
    })
}

fn read_blocks(text: &str) -> Result<Lock, Fault> {
    let mut lock = Lock::new();
    reader::read(reader::lines(text), |block| {
        let at = block.at.clone();
        match lock.insert(parse::entry(block)?) {
            Some(twice) => Err(Fault::new(at, Problem::Twice { name: twice.id.to_string() })),
            None => Ok(()),
        }
    })?;
    Ok(lock)
}

pub(crate) fn check_length(text: &str) -> Result<(), Fault> {
    if text.len() > LIMIT {
        return Err(Fault::new(0..0, Problem::TooLong { limit: LIMIT }));
    }
    Ok(())
}
