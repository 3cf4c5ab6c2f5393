//! Values in the syntax of Go (`%#v` of its `fmt`), for the errors that show them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::scalar::{Value, is_merge, value};
use super::tree::{Id, Shape, Tree};
use crate::resolve::general;

/// No error shows more of a value than this.
const ENOUGH: usize = 1 << 16;

/// A node as Go shows what it decoded from it.
pub(super) fn syntax(tree: &Tree<'_>, id: Id) -> String {
    let mut out = String::new();
    write(tree, id, &mut out);
    out
}

/// The same at the top of an error, where nothing is just that.
pub(super) fn top_syntax(tree: &Tree<'_>, id: Id) -> String {
    let text = syntax(tree, id);
    if text == "interface {}(nil)" { "<nil>".into() } else { text }
}

fn write(tree: &Tree<'_>, id: Id, out: &mut String) {
    if out.len() > ENOUGH {
        return;
    }
    match &tree.get(id).shape {
        Shape::Alias { to, .. } => write(tree, *to, out),
        Shape::Scalar { value: text, tag, implicit } => match value(text, tag, *implicit) {
            Ok(value) => scalar(&value, true, out),
            Err(_) => out.push_str("interface {}(nil)"),
        },
        Shape::List(items) => {
            out.push_str("[]interface {}{");
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write(tree, *item, out);
            }
            out.push('}');
        }
        Shape::Map(_) => {
            let mut entries = BTreeMap::new();
            collect(tree, id, &mut entries);
            out.push_str("map[interface {}]interface {}{");
            for (at, (key, value)) in entries.into_values().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write(tree, key, out);
                out.push(':');
                write(tree, value, out);
            }
            out.push('}');
        }
    }
}

/// The entries of a mapping, with those that it merges, by a key that gives Go's order among keys of one type.
fn collect(tree: &Tree<'_>, id: Id, entries: &mut BTreeMap<(u8, u64, String), (Id, Id)>) {
    match &tree.get(id).shape {
        Shape::Alias { to, .. } => collect(tree, *to, entries),
        Shape::List(items) => items.iter().rev().for_each(|it| collect(tree, *it, entries)),
        Shape::Scalar { .. } => {}
        Shape::Map(children) => {
            for pair in children.chunks_exact(2) {
                if is_merge(&tree.get(pair[0]).shape) {
                    collect(tree, pair[1], entries);
                } else {
                    entries.insert(rank(tree, pair[0]), (pair[0], pair[1]));
                }
            }
        }
    }
}

fn rank(tree: &Tree<'_>, id: Id) -> (u8, u64, String) {
    match &tree.get(id).shape {
        Shape::Alias { to, .. } => rank(tree, *to),
        Shape::Scalar { value: text, tag, implicit } => {
            match value(text, tag, *implicit).unwrap_or(Value::Null) {
                Value::Null => (0, 0, String::new()),
                Value::Bool(it) => (1, u64::from(it), String::new()),
                Value::Int(it) => (2, it.cast_unsigned() ^ (1 << 63), String::new()),
                Value::Uint(it) => (3, it, String::new()),
                Value::Float(it) => {
                    let bits = it.to_bits();
                    (4, if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }, String::new())
                }
                Value::String(it) => (5, 0, it),
            }
        }
        Shape::List(_) | Shape::Map(_) => (6, u64::from(id), String::new()),
    }
}

/// A scalar; `held` says that it stands in a collection or as a key there.
pub(super) fn scalar(value: &Value, held: bool, out: &mut String) {
    let _ = match value {
        Value::Null if held => write!(out, "interface {{}}(nil)"),
        Value::Null => write!(out, "<nil>"),
        Value::Bool(it) => write!(out, "{it}"),
        Value::Int(it) => write!(out, "{it}"),
        Value::Uint(it) => write!(out, "{it:#x}"),
        Value::Float(it) => write!(out, "{}", float(*it)),
        Value::String(it) => write!(out, "{}", quoted(it)),
    };
}

/// `%#v` of a float has an exponent from 21 digits on.
fn float(value: f64) -> String {
    if !value.is_finite() {
        return number(value).into();
    }
    let size = value.abs();
    if (1e6..1e21).contains(&size) { format!("{value}") } else { general(value) }
}

/// What Go calls a number that is not finite.
pub(super) fn number(value: f64) -> &'static str {
    match value {
        f64::INFINITY => "+Inf",
        f64::NEG_INFINITY => "-Inf",
        _ => "NaN",
    }
}

/// `strconv.Quote`.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        let _ = match character {
            '"' | '\\' => write!(out, "\\{character}"),
            '\u{7}' => write!(out, "\\a"),
            '\u{8}' => write!(out, "\\b"),
            '\u{c}' => write!(out, "\\f"),
            '\n' => write!(out, "\\n"),
            '\r' => write!(out, "\\r"),
            '\t' => write!(out, "\\t"),
            '\u{b}' => write!(out, "\\v"),
            _ if is_printable(character) => write!(out, "{character}"),
            '\0'..'\u{80}' => write!(out, "\\x{:02x}", u32::from(character)),
            '\u{80}'..='\u{ffff}' => write!(out, "\\u{:04x}", u32::from(character)),
            _ => write!(out, "\\U{:08x}", u32::from(character)),
        };
    }
    out.push('"');
    out
}

/// `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols, and the space of ASCII.
fn is_printable(character: char) -> bool {
    use unicode_general_category::GeneralCategory as Category;
    character == ' '
        || !matches!(
            unicode_general_category::get_general_category(character),
            Category::Control
                | Category::Format
                | Category::Surrogate
                | Category::PrivateUse
                | Category::Unassigned
                | Category::SpaceSeparator
                | Category::LineSeparator
                | Category::ParagraphSeparator
        )
}
