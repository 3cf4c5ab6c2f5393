//! Tables of recipes: keys in order.

use super::diagnostic::Span;
use super::value::Node;
use std::{slice, vec};

/// A key, its place, and what stands under it.
pub(super) type Entry = (String, (Span, Node));

/// Keys in order, each with its place and value.
///
/// A sorted vector: a project is ten thousand tables of three keys, which are read often and changed hardly ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table(Vec<Entry>);

impl Table {
    /// The table of `entries`, which may stand in any order. Of several with one key the first is taken; the
    /// others come back.
    pub(super) fn gather(mut entries: Vec<Entry>) -> (Self, Vec<Entry>) {
        if entries.is_sorted_by(|a, b| a.0 < b.0) {
            return (Self(entries), Vec::new());
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        let mut twice = Vec::new();
        if entries.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            let mut once: Vec<Entry> = Vec::with_capacity(entries.len());
            for entry in entries {
                let known = once.last().is_some_and(|last| last.0 == entry.0);
                if known { &mut twice } else { &mut once }.push(entry);
            }
            entries = once;
        }
        (Self(entries), twice)
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(it, _)| it.as_str().cmp(key))
    }

    /// Place and value of `key`.
    pub fn get(&self, key: &str) -> Option<&(Span, Node)> {
        self.position(key).ok().map(|at| &self.0[at].1)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut (Span, Node)> {
        self.position(key).ok().map(|at| &mut self.0[at].1)
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<(Span, Node)> {
        self.position(key).ok().map(|at| self.0.remove(at).1)
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `key` stands here.
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_ok()
    }

    /// The entries, by key.
    pub fn iter(&self) -> slice::Iter<'_, (String, (Span, Node))> {
        self.0.iter()
    }

    /// The values, by key.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.0.iter_mut().map(|(_, (_, node))| node)
    }

    /// Takes keys that do not stand here yet.
    pub(super) fn add(&mut self, mut entries: Vec<Entry>) {
        if !entries.is_empty() {
            self.0.append(&mut entries);
            self.0.sort_by(|a, b| a.0.cmp(&b.0));
        }
    }

    /// The entries, for someone who gives them to [`Table::gather`] again.
    pub(super) fn entries_mut(&mut self) -> &mut Vec<Entry> {
        &mut self.0
    }

    /// The entries, by key.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.0
    }
}

impl FromIterator<(String, (Span, Node))> for Table {
    fn from_iter<I: IntoIterator<Item = (String, (Span, Node))>>(entries: I) -> Self {
        Self::gather(entries.into_iter().collect()).0
    }
}

impl<const N: usize> From<[(String, (Span, Node)); N]> for Table {
    fn from(entries: [(String, (Span, Node)); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl IntoIterator for Table {
    type Item = (String, (Span, Node));
    type IntoIter = vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'t> IntoIterator for &'t Table {
    type Item = &'t (String, (Span, Node));
    type IntoIter = slice::Iter<'t, (String, (Span, Node))>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
