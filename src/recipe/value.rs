//! TOML values that know where they stand.

use super::diagnostic::Span;
use super::table::Table;
use gabion_digest::{Canonical, Feed, feed_list};

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it is written.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// A TOML value without floats and dates: neither has one spelling, and no key needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string.
    String(String),
    /// An integer.
    Integer(i64),
    /// A boolean.
    Bool(bool),
    /// An array.
    Array(Vec<Node>),
    /// A table; each key with its own place.
    Table(Table),
}

impl Value {
    /// The word for the type in messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Bool(_) => "a boolean",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
        }
    }
}

impl Canonical for Value {
    fn feed(&self, into: &mut Feed) {
        match self {
            Self::String(text) => (0_u32, text.as_str()).feed(into),
            Self::Integer(number) => (1_u32, *number).feed(into),
            Self::Bool(flag) => (2_u32, *flag).feed(into),
            Self::Array(items) => (3_u32, items.as_slice()).feed(into),
            Self::Table(table) => {
                feed_fields(table.iter().map(|(key, (_, node))| (key.as_str(), node)), into);
            }
        }
    }
}

/// Feeds what a [`Value::Table`] of these fields feeds; they are sorted by key.
pub fn feed_fields<'f>(fields: impl ExactSizeIterator<Item = (&'f str, &'f Node)>, into: &mut Feed) {
    4_u32.feed(into);
    feed_list(fields, into);
}

impl Canonical for Node {
    fn feed(&self, into: &mut Feed) {
        self.value.feed(into);
    }
}

/// Writes `table` as TOML with sorted keys: the same table gives the same text.
pub fn to_toml(table: &Table) -> String {
    fn plain(node: &Node) -> toml::Value {
        match &node.value {
            Value::String(text) => toml::Value::String(text.clone()),
            Value::Integer(number) => toml::Value::Integer(*number),
            Value::Bool(flag) => toml::Value::Boolean(*flag),
            Value::Array(items) => toml::Value::Array(items.iter().map(plain).collect()),
            Value::Table(table) => {
                toml::Value::Table(table.iter().map(|(key, (_, node))| (key.clone(), plain(node))).collect())
            }
        }
    }
    let table: toml::Table = table.iter().map(|(key, (_, node))| (key.clone(), plain(node))).collect();
    table.to_string()
}
