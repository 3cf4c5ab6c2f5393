//! The canonical text of a lock: the only one that is ever written.

use crate::entry::Shown;
use crate::lock::VERSION;
use crate::{Entry, HEADER, Lock};
use std::fmt::Write as _;

/// Writes `lock`: header, version, then blocks sorted by id, one field per line, one list item per line.
pub(crate) fn lock(lock: &Lock) -> String {
    let mut out = format!("{HEADER}\nversion = {VERSION}\n");
    for entry in lock.entries() {
        write_entry(entry, &mut out);
    }
    out
}

fn write_entry(entry: &Entry, out: &mut String) {
    out.push_str("\n[[artifact]]\n");
    for (name, value) in entry.shown() {
        out.push_str(name);
        out.push_str(" = ");
        match value {
            Shown::Text(text) => string(&text, out),
            Shown::Number(number) => {
                // Writing to a `String` cannot fail.
                let _written = write!(out, "{number}");
            }
            Shown::List(items) => {
                out.push_str("[\n");
                for item in items {
                    out.push_str("  ");
                    string(&item, out);
                    out.push_str(",\n");
                }
                out.push(']');
            }
        }
        out.push('\n');
    }
}

/// A basic string. No value of a lock holds control characters, so that two escapes suffice.
fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
