//! Words in names: `snakecase`, `kebabcase`, `camelcase` (huandu/xstrings `convert.go`).

use gabion_template::{Function, Param};

use crate::call::{bytes, derive, string};
use crate::runes::{
    self, ERROR, is_letter, is_number, is_punct, is_space, is_upper, push, to_lower, to_upper,
};

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("camelcase", &[Param::String], |args| string(pascal(bytes(args, 0)?))),
    derive("kebabcase", &[Param::String], |args| string(joined(bytes(args, 0)?, b'-'))),
    derive("snakecase", &[Param::String], |args| string(joined(bytes(args, 0)?, b'_'))),
];

fn connects(it: char) -> bool {
    it == '-' || it == '_' || is_space(it)
}

/// xstrings `ToPascalCase`.
fn pascal(given: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(given.len());
    let mut rest = runes::runes(given).map(|(_, it)| it).peekable();
    let mut now = ERROR;
    let mut upper = false;
    // Connectors at the start stay.
    for it in rest.by_ref() {
        now = it;
        if !connects(it) {
            upper = is_upper(it);
            now = to_upper(it);
            break;
        }
        push(&mut out, it);
    }
    if rest.peek().is_none() {
        if !given.is_empty() {
            push(&mut out, now);
        }
        return out;
    }
    for it in rest {
        let before = std::mem::replace(&mut now, it);
        if connects(it) && connects(before) {
            push(&mut out, before);
            continue;
        }
        if connects(before) {
            upper = is_upper(it);
            now = to_upper(it);
            continue;
        }
        if upper {
            if is_upper(it) {
                now = to_lower(it);
            } else {
                upper = false;
            }
        }
        push(&mut out, before);
    }
    push(&mut out, now);
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Invalid,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punct,
    Other,
}

/// A word, and the text behind it.
#[derive(Clone, Copy)]
struct Word<'a> {
    kind: Kind,
    text: &'a [u8],
    rest: &'a [u8],
}

/// A letter of a script that has words (xstrings `isAlphabet`).
fn is_alphabet(it: char) -> bool {
    let ideograph =
        matches!(it, '\u{3400}'..='\u{4D85}' | '\u{4E00}'..='\u{9FCC}' | '\u{20000}'..='\u{2B81D}');
    is_letter(it) && !ideograph
}

/// The next character that is one, and how far it reaches; `before` if there is none.
fn next_rune(rest: &[u8], before: char) -> (char, usize) {
    let found = runes::runes(rest).find(|(_, it)| *it != ERROR);
    found.map_or((before, rest.len()), |(at, it)| (it, at + it.len_utf8()))
}

/// xstrings `nextWord`.
fn next_word(text: &[u8]) -> Word<'_> {
    let word = |kind, end| Word { kind, text: &text[..end], rest: &text[end..] };
    let (first, size) = next_rune(text, ERROR);
    // From `end` on, over all characters of which this holds; gives the one that ended it, too.
    let run = |mut end: usize, mut last: char, holds: &dyn Fn(char) -> bool| {
        let mut before = 0;
        while end < text.len() {
            let (it, size) = next_rune(&text[end..], last);
            last = it;
            if !holds(it) {
                return (end, before, Some(it));
            }
            before = size;
            end += size;
        }
        (end, before, None)
    };
    let small = |it: char| is_alphabet(it) && !is_upper(it);
    if first == ERROR {
        // Also of nothing.
        word(Kind::Invalid, size)
    } else if connects(first) {
        word(Kind::Connector, run(size, first, &connects).0)
    } else if is_punct(first) {
        word(Kind::Punct, run(size, first, &is_punct).0)
    } else if is_upper(first) {
        let (end, last, stop) = run(size, first, &is_upper);
        match stop {
            Some(it) if end == size && is_alphabet(it) => word(Kind::Upper, run(size, first, &small).0),
            // `HTTPStatus` is `HTTP` and `Status`.
            Some(it) if end > size && is_alphabet(it) => word(Kind::Upper, end - last),
            _ => word(Kind::Upper, end),
        }
    } else if is_alphabet(first) {
        word(Kind::Alphabet, run(size, first, &small).0)
    } else if is_number(first) {
        word(Kind::Number, run(size, first, &is_number).0)
    } else {
        let other = |it| !(connects(it) || is_alphabet(it) || is_number(it) || is_punct(it));
        word(Kind::Other, run(size, first, &other).0)
    }
}

/// Appends a word in lower case, if it is one that has cases.
fn push_lower(out: &mut Vec<u8>, kind: Kind, word: &[u8], connector: u8) {
    if kind != Kind::Upper && kind != Kind::Connector {
        out.extend_from_slice(word);
        return;
    }
    for (_, it) in runes::runes(word) {
        if connects(it) {
            out.push(connector);
        } else {
            push(out, if is_upper(it) { to_lower(it) } else { it });
        }
    }
}

/// xstrings `camelCaseToLowerCase`.
fn joined(given: &[u8], connector: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(given.len() + 8);
    let mut now = next_word(given);
    while !now.rest.is_empty() {
        if now.kind != Kind::Connector {
            push_lower(&mut out, now.kind, now.text, connector);
        }
        let before = now;
        now = next_word(now.rest);
        match before.kind {
            Kind::Number => {
                now = letters_and_numbers(&mut out, now, connector);
                if !matches!(now.kind, Kind::Invalid | Kind::Punct | Kind::Connector) {
                    out.push(connector);
                }
            }
            Kind::Connector => push_lower(&mut out, before.kind, before.text, connector),
            Kind::Punct => {}
            _ if now.kind != Kind::Number => {
                if now.kind != Kind::Connector && now.kind != Kind::Punct {
                    out.push(connector);
                }
            }
            _ if now.rest.is_empty() => {}
            _ => now = number_behind_word(&mut out, now, connector),
        }
    }
    push_lower(&mut out, now.kind, now.text, connector);
    out
}

fn letters_and_numbers<'a>(out: &mut Vec<u8>, mut now: Word<'a>, connector: u8) -> Word<'a> {
    while matches!(now.kind, Kind::Alphabet | Kind::Number) {
        push_lower(out, now.kind, now.text, connector);
        now = next_word(now.rest);
    }
    now
}

/// A number that stands behind letters: part of their word, unless small letters follow it.
fn number_behind_word<'a>(out: &mut Vec<u8>, number: Word<'a>, connector: u8) -> Word<'a> {
    let mut now = next_word(number.rest);
    if now.kind != Kind::Alphabet {
        push_lower(out, Kind::Number, number.text, connector);
        if now.kind != Kind::Connector && now.kind != Kind::Punct {
            out.push(connector);
        }
        return now;
    }
    out.push(connector);
    push_lower(out, Kind::Number, number.text, connector);
    now = letters_and_numbers(out, now, connector);
    if !matches!(now.kind, Kind::Invalid | Kind::Punct | Kind::Connector) {
        out.push(connector);
    }
    now
}
