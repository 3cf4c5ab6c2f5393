//! Scalars below `|` and `>`.

use std::borrow::Cow;

use super::cursor::{Mark, line_length};
use super::plain::Breaks;
use super::{Kind, Scanned, Scanner, Token};

/// What stands behind `|` or `>`.
#[derive(Default)]
struct Header {
    /// What becomes of the last line ends: none stays (`-`), one does, or all (`+`).
    chomping: Option<bool>,
    /// How much deeper the lines stand, if that is said.
    increment: u32,
}

impl<'a> Scanner<'a> {
    pub(super) fn scan_block_scalar(&mut self, literal: bool) -> Scanned<Token<'a>> {
        let start = self.at.mark;
        self.at.skip();
        let header = self.block_header()?;
        let mut end = self.at.mark;
        let outer = u32::try_from(self.indent).unwrap_or(0);
        let mut indent = if header.increment > 0 { outer + header.increment } else { 0 };
        let mut value = String::new();
        let mut breaks = Breaks::default();
        self.block_breaks(&mut indent, &mut breaks.others, &mut end)?;
        let mut after_blank = false;
        while self.at.mark.column == indent && self.at.peek(0) != 0 {
            let blank = self.at.is_blank(0);
            if !literal && !after_blank && !blank && breaks.first.starts_with('\n') {
                breaks.fold_into(&mut value);
            } else {
                value.push_str(&breaks.first);
                value.push_str(&breaks.others);
                breaks.first.clear();
                breaks.others.clear();
            }
            after_blank = blank;
            let from = self.at.mark.offset;
            self.at.advance(line_length(self.at.rest()));
            value.push_str(&self.at.text[from..self.at.mark.offset]);
            self.look_ahead(2)?;
            breaks.first.push_str(self.at.read_break());
            self.block_breaks(&mut indent, &mut breaks.others, &mut end)?;
        }
        if header.chomping != Some(false) {
            value.push_str(&breaks.first);
        }
        if header.chomping == Some(true) {
            value.push_str(&breaks.others);
        }
        Ok(Token { kind: Kind::Scalar { value: Cow::Owned(value), plain: false }, start, end })
    }

    /// The signs behind `|` and the rest of the line, which may be a comment.
    fn block_header(&mut self) -> Scanned<Header> {
        let mut header = Header::default();
        let chomped = self.chomping(&mut header);
        self.increment(&mut header)?;
        if !chomped {
            self.chomping(&mut header);
        }
        self.at.skip_blanks();
        self.at.skip_comment();
        if !self.at.is_break_or_end(0) {
            return Err(self.problem("did not find expected comment or line break"));
        }
        self.at.read_break();
        Ok(header)
    }

    fn chomping(&mut self, header: &mut Header) -> bool {
        let sign = self.at.peek(0);
        let is_sign = matches!(sign, b'+' | b'-');
        if is_sign {
            header.chomping = Some(sign == b'+');
            self.at.skip();
        }
        is_sign
    }

    fn increment(&mut self, header: &mut Header) -> Scanned<()> {
        match self.at.peek(0) {
            b'0' => Err(self.problem("found an indentation indicator equal to 0")),
            digit @ b'1'..=b'9' => {
                header.increment = u32::from(digit - b'0');
                self.at.skip();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Indents and empty lines. Where the indent is not known yet (0), the deepest of them and the first line say it.
    fn block_breaks(&mut self, indent: &mut u32, breaks: &mut String, end: &mut Mark) -> Scanned<()> {
        *end = self.at.mark;
        let mut deepest = 0;
        loop {
            while (*indent == 0 || self.at.mark.column < *indent) && self.at.peek(0) == b' ' {
                self.at.skip();
            }
            deepest = deepest.max(self.at.mark.column);
            if (*indent == 0 || self.at.mark.column < *indent) && self.at.peek(0) == b'\t' {
                return Err(self.problem("found a tab character where an indentation space is expected"));
            }
            let line_break = self.at.read_break();
            if line_break.is_empty() {
                break;
            }
            breaks.push_str(line_break);
            *end = self.at.mark;
        }
        if *indent == 0 {
            let least = u32::try_from(self.indent + 1).unwrap_or(0);
            *indent = deepest.max(least).max(1);
        }
        Ok(())
    }
}
