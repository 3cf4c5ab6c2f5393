//! TOML values that know where they stand.

use super::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use gabion_digest::Canonical;
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

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

/// Keys in order, each with its place and value.
pub type Table = BTreeMap<String, (Span, Node)>;

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
    fn feed(&self, into: &mut blake3::Hasher) {
        match self {
            Self::String(text) => (0_u32, text.as_str()).feed(into),
            Self::Integer(number) => (1_u32, *number).feed(into),
            Self::Bool(flag) => (2_u32, *flag).feed(into),
            Self::Array(items) => (3_u32, items.as_slice()).feed(into),
            Self::Table(table) => {
                let fields: Vec<(&str, &Node)> =
                    table.iter().map(|(key, (_, node))| (key.as_str(), node)).collect();
                feed_fields(&fields, into);
            }
        }
    }
}

/// Feeds what a [`Value::Table`] of these fields feeds; they are sorted by key.
pub fn feed_fields(fields: &[(&str, &Node)], into: &mut blake3::Hasher) {
    (4_u32, fields).feed(into);
}

impl Canonical for Node {
    fn feed(&self, into: &mut blake3::Hasher) {
        self.value.feed(into);
    }
}

/// Reads one file; what is wrong goes to `diagnostics`, what is right is returned all the same.
pub(super) fn parse(text: &str, file: usize, diagnostics: &mut Diagnostics) -> Table {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let range = error.span().unwrap_or(0..0);
        let message = error.message().trim().replace('\n', ", ");
        diagnostics.push(Diagnostic::new(Code::Syntax, &Span::new(file, range), message));
    }
    convert_table(table.get_ref(), file, diagnostics)
}

fn convert_table(table: &DeTable<'_>, file: usize, diagnostics: &mut Diagnostics) -> Table {
    let mut out = Table::new();
    for (key, value) in table {
        let key_span = Span::new(file, key.span());
        let span = Span::new(file, value.span());
        if let Some(value) = convert(value.get_ref(), &span, diagnostics) {
            out.insert(key.get_ref().to_string(), (key_span, Node { span, value }));
        }
    }
    out
}

fn convert(value: &DeValue<'_>, span: &Span, diagnostics: &mut Diagnostics) -> Option<Value> {
    let refuse = |diagnostics: &mut Diagnostics, what: &str| {
        let message = format!("{what} cannot stand in a recipe");
        diagnostics.push(Diagnostic::new(Code::WrongType, span, message).help("write it as a string"));
        None
    };
    match value {
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Boolean(flag) => Some(Value::Bool(*flag)),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Some(Value::Integer(number)),
            Err(_) => refuse(diagnostics, "an integer beyond 64 bits"),
        },
        DeValue::Float(_) => refuse(diagnostics, "a float"),
        DeValue::Datetime(_) => refuse(diagnostics, "a date"),
        DeValue::Array(items) => {
            let convert_item = |item: &toml::Spanned<DeValue<'_>>| {
                let span = Span::new(span.file, item.span());
                convert(item.get_ref(), &span, diagnostics).map(|value| Node { span, value })
            };
            Some(Value::Array(items.iter().filter_map(convert_item).collect()))
        }
        DeValue::Table(table) => Some(Value::Table(convert_table(table, span.file, diagnostics))),
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
