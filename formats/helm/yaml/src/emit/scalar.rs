//! Strings in their four shapes: plain, in single or double quotes, below `|`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::analysis::{Analysis, is_break, is_printable, width};
use super::{Emitter, Next};

/// The column behind which a space becomes a line break, for `yaml.v2`.
const BEST_WIDTH: usize = 80;

impl Emitter {
    /// A string as key (`simple`: on the line of its colon) or value.
    pub(super) fn scalar(&mut self, text: &str, may: Analysis, simple: bool) {
        if text.contains('\n') {
            if may.block && !simple {
                self.indented(|it| it.literal(text));
            } else {
                self.indented(|it| it.double_quoted(text, !simple));
            }
        } else if !self.is_string(text) {
            self.indented(|it| it.double_quoted(text, !simple));
        } else if may.plain && !(simple && text.is_empty()) {
            self.indented(|it| {
                it.space();
                it.words(text, !simple, 0..text.len());
            });
        } else if may.single {
            self.indented(|it| it.single_quoted(text, !simple));
        } else {
            self.indented(|it| it.double_quoted(text, !simple));
        }
    }

    /// What is no UTF-8, under a tag, as only `yaml.v3` meets it.
    pub(super) fn binary(&mut self, bytes: &[u8], simple: bool) {
        self.indicator("!!binary", true, false);
        let text = wrapped(bytes);
        let may = Analysis::of(&text, self.style);
        self.indented(|it| {
            if may.multiline && !simple {
                it.literal(&text);
            } else {
                it.space();
                it.words(&text, !simple, 0..text.len());
            }
        });
    }

    pub(super) fn binary_key(&mut self, bytes: &[u8]) {
        self.write_indent();
        let text = wrapped(bytes);
        let simple = !text.contains('\n') && text.len() + "!!binary".len() <= 128;
        if !simple {
            self.indicator("?", true, true);
        }
        self.in_mapping = true;
        self.set_next(if simple { Next::Value } else { Next::FarValue });
        self.binary(bytes, simple);
    }

    /// The lines of a scalar stand one level deeper than what it belongs to.
    fn indented(&mut self, write: impl FnOnce(&mut Self)) {
        let outer = self.indent;
        self.indent = if outer < 0 { 2 } else { outer + 2 };
        write(self);
        self.indent = outer;
    }

    fn single_quoted(&mut self, text: &str, folds: bool) {
        self.indicator("'", true, false);
        self.words(text, folds, 1..text.len() - 1);
        self.indicator("'", false, false);
    }

    /// The text itself, for plain scalars and single quotes (where `'` is doubled). `foldable`: which spaces may become
    /// a line break, in a text of `yaml.v2`.
    fn words(&mut self, text: &str, folds: bool, foldable: std::ops::Range<usize>) {
        let quoted = foldable.start == 1;
        let bytes = text.as_bytes();
        let folds = folds && self.style == super::Style::Helm;
        let (mut spaces, mut breaks) = (false, false);
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            let size = width(byte);
            if byte == b' ' {
                let may_fold = folds && !spaces && self.column > BEST_WIDTH && foldable.contains(&at);
                if may_fold && bytes.get(at + 1) != Some(&b' ') {
                    self.write_indent();
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else if !byte.is_ascii() && is_break(&bytes[at..]) {
                self.out.push_str(&text[at..at + size]);
                self.column = 0;
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if quoted && byte == b'\'' {
                    self.put('\'');
                }
                self.out.push_str(&text[at..at + size]);
                self.column += 1;
                self.indention = false;
                (spaces, breaks) = (false, false);
            }
            at += size;
        }
        self.whitespace = false;
        self.indention = false;
    }

    fn double_quoted(&mut self, text: &str, folds: bool) {
        self.indicator("\"", true, false);
        let bytes = text.as_bytes();
        let folds = folds && self.style == super::Style::Helm;
        // Go asks whether the *text* begins with a BOM, at each of its characters.
        let escapes_all = text.starts_with('\u{feff}');
        let mut spaces = false;
        for (at, character) in text.char_indices() {
            let rest = &bytes[at..];
            if escapes_all || matches!(character, '"' | '\\') || !is_printable(rest) || is_break(rest) {
                self.escape(character);
                spaces = false;
            } else if character == ' ' {
                if folds && !spaces && self.column > BEST_WIDTH && at > 0 && at + 1 < bytes.len() {
                    self.write_indent();
                    if bytes[at + 1] == b' ' {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else {
                self.put(character);
                spaces = false;
            }
        }
        self.indicator("\"", false, false);
    }

    fn escape(&mut self, character: char) {
        let short = match character {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => return self.escape_number(character),
        };
        self.put('\\');
        self.put(short);
    }

    fn escape_number(&mut self, character: char) {
        let code = u32::from(character);
        let text = match code {
            0..=0xff => format!("\\x{code:02X}"),
            0x100..=0xffff => format!("\\u{code:04X}"),
            _ => format!("\\U{code:08X}"),
        };
        self.out.push_str(&text);
        self.column += text.len();
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false);
        let bytes = text.as_bytes();
        if bytes[0] == b' ' || is_break(bytes) {
            self.indicator("2", false, false);
        }
        if let Some(hint) = chomping(text) {
            self.indicator(hint, false, false);
        }
        self.put_break();
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        let mut at = 0;
        while at < bytes.len() {
            let end = at
                + bytes[at..].iter().take_while(|it| it.is_ascii() && !matches!(**it, b'\n' | b'\r')).count();
            if end > at {
                if breaks {
                    self.write_indent();
                }
                self.out.push_str(&text[at..end]);
                self.column += end - at;
                self.indention = false;
                breaks = false;
                at = end;
            } else if is_break(&bytes[at..]) {
                let size = width(bytes[at]);
                self.out.push_str(&text[at..at + size]);
                self.column = 0;
                self.indention = true;
                breaks = true;
                at += size;
            } else {
                if breaks {
                    self.write_indent();
                }
                let size = width(bytes[at]);
                self.out.push_str(&text[at..at + size]);
                self.column += 1;
                self.indention = false;
                breaks = false;
                at += size;
            }
        }
    }
}

/// What stands behind `|`: `-` if no line break ends the text, `+` if more than one does.
fn chomping(text: &str) -> Option<&'static str> {
    let mut characters = text.chars().rev();
    let ends = |it: Option<char>| it.map(|it| matches!(it, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}'));
    match (ends(characters.next()), ends(characters.next())) {
        (Some(true), None | Some(true)) => Some("+"),
        (Some(true), Some(false)) => None,
        _ => Some("-"),
    }
}

/// Base64 in lines of 70, as `yaml.v3` writes it.
fn wrapped(bytes: &[u8]) -> String {
    let whole = STANDARD.encode(bytes);
    if whole.len() < 70 {
        return whole;
    }
    let mut out = String::new();
    let mut rest = whole.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(rest.len().min(70));
        out.push_str(line);
        out.push('\n');
        rest = behind;
    }
    out
}
