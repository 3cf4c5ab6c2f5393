//! Values of charts: tables that are shared where Helm shares them, and the place of each leaf.
//!
//! Helm lets the `global` of a chart and of its subcharts hold the same inner tables, and `set` in a template changes all of
//! them. A [`Table`] is therefore a reference, and only [`Table::deep_copy`] makes a second one.

mod coalesce;
mod file;
mod path;
mod template;

pub(crate) use coalesce::{NoTable, coalesce, merge_tables, merged};
pub(crate) use file::documents;
pub use file::{ValuesError, ValuesFile};
pub(crate) use path::{leaf, table};
pub(crate) use template::Shared;

use gabion_yaml::{Data, Node};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The key whose table every subchart sees (`pkg/chart/common.GlobalKey`).
pub(crate) const GLOBAL: &str = "global";

/// Where a value was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as [`Rendered::sources`](crate::Rendered::sources) numbers it; 0 if it is not known.
    pub file: u32,
    /// The line, from 1; 0 if it is not known.
    pub line: u32,
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) item: Item,
    pub(crate) place: Place,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(Rc<str>),
    List(Rc<[Entry]>),
    Table(Table),
}

/// A table of values: a reference, as a map of Go is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table(Rc<RefCell<BTreeMap<String, Entry>>>);

impl Entry {
    /// A node of a file, every leaf with its line.
    pub(crate) fn read(node: &Node, file: u32) -> Self {
        let item = match &node.data {
            Data::Null => Item::Null,
            Data::Bool(it) => Item::Bool(*it),
            Data::Int(it) => Item::Int(*it),
            Data::Uint(it) => Item::Uint(*it),
            Data::Float(it) => Item::Float(*it),
            Data::String(it) => Item::Text(it.as_str().into()),
            Data::List(items) => Item::List(items.iter().map(|it| Self::read(it, file)).collect()),
            Data::Map(map) => {
                let entries = map.iter().map(|(key, value)| (key.clone(), Self::read(value, file)));
                Item::Table(Table::from_entries(entries))
            }
        };
        Self { item, place: Place { file, line: node.at.line } }
    }

    /// A table without a place of its own.
    pub(crate) fn table(table: Table) -> Self {
        Self { item: Item::Table(table), place: Place::default() }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.item, Item::Null)
    }

    /// The table, if it is one.
    pub(crate) fn as_table(&self) -> Option<&Table> {
        match &self.item {
            Item::Table(table) => Some(table),
            _ => None,
        }
    }

    fn deep_copy(&self) -> Self {
        let item = match &self.item {
            Item::Table(table) => Item::Table(table.deep_copy()),
            Item::List(items) => Item::List(items.iter().map(Self::deep_copy).collect()),
            other => other.clone(),
        };
        Self { item, place: self.place }
    }
}

impl Table {
    pub(crate) fn from_entries(entries: impl IntoIterator<Item = (String, Entry)>) -> Self {
        Self(Rc::new(RefCell::new(entries.into_iter().collect())))
    }

    /// The table of a file of values; anything else is an empty one.
    pub(crate) fn read(node: Option<&Node>, file: u32) -> Self {
        match node.map(|it| Entry::read(it, file).item) {
            Some(Item::Table(table)) => table,
            _ => Self::default(),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Entry> {
        self.0.borrow().get(key).cloned()
    }

    pub(crate) fn set(&self, key: &str, entry: Entry) {
        self.0.borrow_mut().insert(key.to_owned(), entry);
    }

    fn remove(&self, key: &str) {
        self.0.borrow_mut().remove(key);
    }

    /// The entries as they are now, in the order of their keys.
    pub(crate) fn entries(&self) -> Vec<(String, Entry)> {
        self.0.borrow().iter().map(|(key, entry)| (key.clone(), entry.clone())).collect()
    }

    /// A table of its own whose inner tables are still shared.
    fn shallow_copy(&self) -> Self {
        Self::from_entries(self.entries())
    }

    /// A table that shares nothing with this one.
    pub(crate) fn deep_copy(&self) -> Self {
        Self::from_entries(self.0.borrow().iter().map(|(key, entry)| (key.clone(), entry.deep_copy())))
    }

    /// Lays the entries of `upper` over its own; a `null` counts as any other value (`loader.MergeMaps`).
    pub(crate) fn lay_over(&self, upper: &Self) {
        for (key, entry) in upper.entries() {
            let below = self.get(&key);
            match (below.as_ref().and_then(Entry::as_table), entry.as_table()) {
                (Some(below), Some(table)) => below.lay_over(table),
                _ => self.set(&key, entry),
            }
        }
    }

    /// Which table it is: equal for two references to one table.
    fn identity(&self) -> usize {
        Rc::as_ptr(&self.0).cast::<()>().addr()
    }
}
