//! Scalars without quotes.

use std::borrow::Cow;

use super::cursor::break_length;
use super::{Kind, Scanned, Scanner, Token};

/// The value of a scalar while it is read: a part of the text as long as that is possible.
#[derive(Debug, Default)]
pub(super) struct Folded {
    owned: Option<String>,
    start: usize,
    end: usize,
}

impl Folded {
    pub(super) fn at(start: usize) -> Self {
        Self { owned: None, start, end: start }
    }

    /// What was read so far, to append to.
    pub(super) fn owned(&mut self, text: &str) -> &mut String {
        let (start, end) = (self.start, self.end);
        self.owned.get_or_insert_with(|| text[start..end].to_owned())
    }

    /// Appends a part of the text.
    pub(super) fn extend(&mut self, text: &str, start: usize, end: usize) {
        match &mut self.owned {
            Some(owned) => owned.push_str(&text[start..end]),
            None if start == self.end => self.end = end,
            None => self.owned(text).push_str(&text[start..end]),
        }
    }

    pub(super) fn finish(self, text: &str) -> Cow<'_, str> {
        match self.owned {
            Some(owned) => Cow::Owned(owned),
            None => Cow::Borrowed(&text[self.start..self.end]),
        }
    }
}

/// Ends of lines within a scalar of several lines.
#[derive(Debug, Default)]
pub(super) struct Breaks {
    pub(super) first: String,
    pub(super) others: String,
}

impl Breaks {
    /// One line end is a space; of more the first counts for nothing. LS and PS stay.
    pub(super) fn fold_into(&mut self, out: &mut String) {
        if !self.first.starts_with('\n') {
            out.push_str(&self.first);
            out.push_str(&self.others);
        } else if self.others.is_empty() {
            out.push(' ');
        } else {
            out.push_str(&self.others);
        }
        self.first.clear();
        self.others.clear();
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn scan_plain_scalar(&mut self) -> Scanned<Token<'a>> {
        let text = self.at.text;
        let start = self.at.mark;
        let mut end = start;
        let indent = self.indent + 1;
        let mut value = Folded::at(start.offset);
        let mut breaks = Breaks::default();
        let mut new_line = false;
        let mut blanks = start.offset;
        loop {
            self.look_ahead(4)?;
            if self.at.is_document_mark() || self.at.peek(0) == b'#' {
                break;
            }
            let word = self.at.mark.offset;
            let length = self.plain_word_length();
            if length > 0 {
                if new_line {
                    breaks.fold_into(value.owned(text));
                    new_line = false;
                    value.extend(text, word, word + length);
                } else {
                    value.extend(text, blanks, word + length);
                }
                self.at.advance(length);
                self.look_ahead(2)?;
                end = self.at.mark;
                blanks = end.offset;
            }
            if !self.at.is_blank(0) && !self.at.is_break(0) {
                break;
            }
            self.plain_blanks(indent, &mut new_line, &mut breaks)?;
            if self.flow_level == 0 && self.column() < indent {
                break;
            }
        }
        if new_line {
            self.simple_key_allowed = true;
        }
        Ok(Token { kind: Kind::Scalar { value: value.finish(text), plain: true }, start, end })
    }

    /// What stands between two words.
    fn plain_blanks(&mut self, indent: i64, new_line: &mut bool, breaks: &mut Breaks) -> Scanned<()> {
        loop {
            if self.at.is_blank(0) {
                if *new_line && self.column() < indent && self.at.peek(0) == b'\t' {
                    return Err(self.problem("found a tab character that violates indentation"));
                }
                self.at.skip();
                continue;
            }
            let line_break = self.at.read_break();
            if line_break.is_empty() {
                return Ok(());
            }
            if *new_line { &mut breaks.others } else { &mut breaks.first }.push_str(line_break);
            *new_line = true;
        }
    }

    /// How far the word goes: to a blank, to a `:` that ends a key, in a flow to its marks.
    fn plain_word_length(&self) -> usize {
        let rest = self.at.rest();
        let in_flow = self.flow_level > 0;
        let mut at = 0;
        while at < rest.len() {
            match rest[at] {
                b' ' | b'\t' | b'\n' | b'\r' => break,
                b':' if self.at.is_blank_or_end(at + 1) => break,
                b',' | b'?' | b'[' | b']' | b'{' | b'}' if in_flow => break,
                0xc2 | 0xe2 if break_length(&rest[at..]) > 0 => break,
                _ => at += 1,
            }
        }
        at
    }
}
