//! Scalars in quotes.

use super::cursor::break_length;
use super::plain::{Breaks, Folded};
use super::{Kind, Scanned, Scanner, Token};

impl<'a> Scanner<'a> {
    pub(super) fn scan_flow_scalar(&mut self, single: bool) -> Scanned<Token<'a>> {
        let text = self.at.text;
        let quote = if single { b'\'' } else { b'"' };
        let start = self.at.mark;
        self.at.skip();
        let mut value = Folded::at(self.at.mark.offset);
        let mut breaks = Breaks::default();
        loop {
            self.look_ahead(4)?;
            if self.at.is_document_mark() {
                return Err(self.problem("found unexpected document indicator"));
            }
            if self.at.peek(0) == 0 {
                return Err(self.problem("found unexpected end of stream"));
            }
            let mut new_line = self.quoted_words(single, &mut value)?;
            if self.at.peek(0) == quote {
                break;
            }
            let blanks = self.at.mark.offset;
            self.quoted_blanks(&mut new_line, &mut breaks);
            if new_line {
                breaks.fold_into(value.owned(text));
            } else {
                value.extend(text, blanks, self.at.mark.offset);
            }
        }
        self.at.skip();
        let kind = Kind::Scalar { value: value.finish(text), plain: false };
        Ok(Token { kind, start, end: self.at.mark })
    }

    /// Characters up to a blank or the quote; whether an escaped end of a line ended them.
    fn quoted_words(&mut self, single: bool, value: &mut Folded) -> Scanned<bool> {
        let text = self.at.text;
        loop {
            let from = self.at.mark.offset;
            let length = ordinary_length(self.at.rest(), single);
            self.at.advance(length);
            self.look_ahead(2)?;
            value.extend(text, from, from + length);
            match self.at.peek(0) {
                b'\'' if single && self.at.peek(1) == b'\'' => {
                    value.owned(text).push('\'');
                    self.at.advance(2);
                }
                b'\\' if !single && self.at.is_break(1) => {
                    value.owned(text);
                    self.at.skip();
                    self.at.read_break();
                    return Ok(true);
                }
                b'\\' if !single => {
                    let character = self.escape()?;
                    value.owned(text).push(character);
                }
                _ => return Ok(false),
            }
        }
    }

    fn quoted_blanks(&mut self, new_line: &mut bool, breaks: &mut Breaks) {
        loop {
            if self.at.is_blank(0) {
                self.at.skip();
                continue;
            }
            let line_break = self.at.read_break();
            if line_break.is_empty() {
                return;
            }
            if *new_line { &mut breaks.others } else { &mut breaks.first }.push_str(line_break);
            *new_line = true;
        }
    }

    /// An escape of double quotes.
    fn escape(&mut self) -> Scanned<char> {
        let length = match self.at.peek(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            letter => {
                let character = short_escape(letter);
                let character = character.ok_or_else(|| self.problem("found unknown escape character"))?;
                self.at.advance(2);
                return Ok(character);
            }
        };
        self.at.advance(2);
        self.look_ahead(length)?;
        let mut code = 0;
        for ahead in 0..length {
            let digit = char::from(self.at.peek(ahead)).to_digit(16);
            let digit = digit.ok_or_else(|| self.problem("did not find expected hexdecimal number"))?;
            code = code << 4 | digit;
        }
        let character = char::from_u32(code);
        let character =
            character.ok_or_else(|| self.problem("found invalid Unicode character escape code"))?;
        self.at.advance(length);
        Ok(character)
    }
}

/// How far characters go that stand for themselves, up to a blank.
fn ordinary_length(rest: &[u8], single: bool) -> usize {
    let mut at = 0;
    while at < rest.len() {
        match rest[at] {
            b' ' | b'\t' | b'\n' | b'\r' => break,
            b'\'' if single => break,
            b'"' | b'\\' if !single => break,
            0xc2 | 0xe2 if break_length(&rest[at..]) > 0 => break,
            _ => at += 1,
        }
    }
    at
}

const fn short_escape(letter: u8) -> Option<char> {
    Some(match letter {
        b'0' => '\0',
        b'a' => '\u{7}',
        b'b' => '\u{8}',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\u{b}',
        b'f' => '\u{c}',
        b'r' => '\r',
        b'e' => '\u{1b}',
        b' ' => ' ',
        b'"' => '"',
        b'\'' => '\'',
        b'\\' => '\\',
        b'N' => '\u{85}',
        b'_' => '\u{a0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        _ => return None,
    })
}
