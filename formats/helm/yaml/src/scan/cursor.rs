//! A place in a text, and what stands there.

/// A place in the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// In bytes.
    pub(crate) offset: usize,
    /// From 0.
    pub(crate) line: u32,
    /// In characters, from 0.
    pub(crate) column: u32,
}

/// Reads a text that was checked to have no NUL; NUL is what stands behind its end.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) mark: Mark,
}

impl<'a> Cursor<'a> {
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// The byte `ahead` of here.
    pub(super) fn peek(&self, ahead: usize) -> u8 {
        self.bytes().get(self.mark.offset + ahead).copied().unwrap_or(0)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes()[self.mark.offset.min(self.text.len())..]
    }

    pub(super) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.peek(ahead), b' ' | b'\t')
    }

    /// Whether a line ends here: CR, LF, NEL, LS or PS.
    pub(super) fn is_break(&self, ahead: usize) -> bool {
        break_length(self.rest().get(ahead..).unwrap_or_default()) > 0
    }

    pub(super) fn is_break_or_end(&self, ahead: usize) -> bool {
        self.peek(ahead) == 0 || self.is_break(ahead)
    }

    pub(super) fn is_blank_or_end(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break_or_end(ahead)
    }

    /// Whether `---` or `...` stands at the beginning of a line, alone.
    pub(super) fn is_document_mark(&self) -> bool {
        self.mark.column == 0
            && (self.rest().starts_with(b"---") || self.rest().starts_with(b"..."))
            && self.is_blank_or_end(3)
    }

    /// Goes over characters that end no line.
    pub(super) fn advance(&mut self, bytes: usize) {
        let passed = self.rest().get(..bytes).unwrap_or(self.rest());
        self.mark.offset += passed.len();
        self.mark.column += characters(passed);
    }

    /// Goes over one character that ends no line.
    pub(super) fn skip(&mut self) {
        self.advance(character_length(self.peek(0)));
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank(0) {
            self.skip();
        }
    }

    /// Goes to the end of the line if a comment stands here.
    pub(super) fn skip_comment(&mut self) {
        if self.peek(0) == b'#' {
            self.advance(line_length(self.rest()));
        }
    }

    /// Goes over the end of a line, and gives what it is in a scalar: LF, or LS and PS themselves; nothing if none is here.
    pub(super) fn read_break(&mut self) -> &'a str {
        let rest = self.rest();
        let length = break_length(rest);
        if length == 0 {
            return "";
        }
        let start = self.mark.offset;
        self.mark = Mark { offset: start + length, line: self.mark.line + 1, column: 0 };
        if rest[0] == 0xe2 { &self.text[start..start + length] } else { "\n" }
    }
}

/// How many characters are in whole characters. No text has more than 32 bits count.
pub(super) fn characters(bytes: &[u8]) -> u32 {
    bytes.iter().map(|it| u32::from((it & 0xc0) != 0x80)).sum()
}

/// Whether more than `limit` characters are in it.
pub(super) fn has_more_than(bytes: &[u8], limit: usize) -> bool {
    bytes.len() > 4 * limit || bytes.len() > limit && characters(bytes) as usize > limit
}

fn character_length(first: u8) -> usize {
    match first {
        0..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    }
}

/// The length of the end of a line that stands at the beginning, or 0.
pub(super) fn break_length(rest: &[u8]) -> usize {
    match *rest {
        [b'\n', ..] => 1,
        [b'\r', ..] => 1 + usize::from(rest.get(1) == Some(&b'\n')),
        [0xc2, 0x85, ..] => 2,
        [0xe2, 0x80, 0xa8 | 0xa9, ..] => 3,
        _ => 0,
    }
}

/// How far the end of the line is.
pub(super) fn line_length(rest: &[u8]) -> usize {
    let mut at = 0;
    while at < rest.len() {
        match rest[at] {
            b'\n' | b'\r' => break,
            0xc2 | 0xe2 if break_length(&rest[at..]) > 0 => break,
            _ => at += 1,
        }
    }
    at
}
