//! Letters: upper and lower case, titles.

use gabion_template::{Function, Param, Text, Value};

use crate::call::{bytes, derive, string, text};
use crate::runes::{self, is_lower, is_space, is_title, is_upper, to_lower, to_title, to_upper};

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("lower", &[Param::String], |args| Ok(map_text(text(args, 0)?, u8::to_ascii_lowercase, to_lower))),
    derive("swapcase", &[Param::String], |args| string(swap(bytes(args, 0)?))),
    derive("title", &[Param::String], |args| string(title(bytes(args, 0)?))),
    derive("untitle", &[Param::String], |args| string(untitle(bytes(args, 0)?))),
    derive("upper", &[Param::String], |args| Ok(map_text(text(args, 0)?, u8::to_ascii_uppercase, to_upper))),
];

/// `strings.ToUpper` and its like; of ASCII each byte keeps its origin.
fn map_text(text: &Text, ascii: fn(&u8) -> u8, rune: fn(char) -> char) -> Value {
    let bytes = text.bytes();
    if bytes.is_ascii() {
        let mapped: Vec<u8> = bytes.iter().map(ascii).collect();
        return Text::with_spans(mapped, text.spans().to_vec()).into();
    }
    Value::text(collect(runes::runes(bytes).map(|(_, it)| rune(it))))
}

fn collect(all: impl Iterator<Item = char>) -> Vec<u8> {
    all.collect::<String>().into_bytes()
}

/// goutils `SwapCase`: what was lower case at the start of a word becomes a title.
fn swap(bytes: &[u8]) -> Vec<u8> {
    let mut start = true;
    collect(runes::runes(bytes).map(|(_, it)| {
        if is_upper(it) || is_title(it) {
            start = false;
            to_lower(it)
        } else if is_lower(it) {
            if std::mem::take(&mut start) { to_title(it) } else { to_upper(it) }
        } else {
            start = is_space(it);
            it
        }
    }))
}

/// `strings.Title`, whose words end at every sign that is no letter, digit or underscore.
fn title(bytes: &[u8]) -> Vec<u8> {
    let mut before = ' ';
    collect(runes::runes(bytes).map(|(_, it)| {
        let starts = separates(std::mem::replace(&mut before, it));
        if starts { to_title(it) } else { it }
    }))
}

fn separates(it: char) -> bool {
    if it.is_ascii() {
        return !it.is_ascii_alphanumeric() && it != '_';
    }
    !runes::is_letter(it) && !runes::is_digit(it) && is_space(it)
}

/// goutils `Uncapitalize`: the first letter of each word.
fn untitle(bytes: &[u8]) -> Vec<u8> {
    let mut start = true;
    collect(runes::runes(bytes).map(|(_, it)| {
        if is_space(it) {
            start = true;
            it
        } else if std::mem::take(&mut start) {
            to_lower(it)
        } else {
            it
        }
    }))
}
