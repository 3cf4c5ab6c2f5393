//! What a document holds, and where each value stands in it.

use std::collections::BTreeMap;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub data: Data,
    /// Where it stands.
    pub at: At,
}

/// The place of a node in its text. A node that was not read from a text has the default.
///
/// A scalar has its quotes or its `|`, but not its anchor and tag; a mapping or sequence goes from its first key or mark to
/// the end of its last value. What an alias stands for is where the anchor is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// First byte.
    pub start: u32,
    /// Behind its last byte.
    pub end: u32,
    /// Line, from 1; 0 if it was not read from a text.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// What a node is, after Go's way through JSON: keys are strings, the last of two equal keys counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `null`, `~`, nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer that was not read as a float (documents that are only written, or read without JSON).
    Int(i64),
    /// An integer beyond `i64`.
    Uint(u64),
    /// Any number of a file of values (`encoding/json` reads all as `float64`).
    Float(f64),
    /// A string.
    String(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of bytes.
    Map(BTreeMap<String, Node>),
}

impl From<Data> for Node {
    fn from(data: Data) -> Self {
        Self { data, at: At::default() }
    }
}

impl Node {
    /// The value of a key, if it is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.data {
            Data::Map(map) => map.get(key),
            _ => None,
        }
    }

    /// Its text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::String(text) => Some(text),
            _ => None,
        }
    }
}
