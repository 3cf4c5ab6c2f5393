//! Text to tokens, as `text/template/parse` cuts it: trim markers and comments are gone after this.

use crate::fmt;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The message is [`Lexer::error`].
    Error,
    Bool,
    /// A printable character that means nothing of its own.
    Char,
    CharConstant,
    Complex,
    /// `=`
    Assign,
    /// `:=`
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawText,
    RightDelim,
    RightParen,
    Space,
    Quoted,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Kind {
    /// Is it a word of the language?
    pub(crate) fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Block
                | Self::Break
                | Self::Continue
                | Self::Dot
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Nil
                | Self::Range
                | Self::Template
                | Self::With
        )
    }

    fn keyword(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"block" => Self::Block,
            b"break" => Self::Break,
            b"continue" => Self::Continue,
            b"define" => Self::Define,
            b"else" => Self::Else,
            b"end" => Self::End,
            b"if" => Self::If,
            b"nil" => Self::Nil,
            b"range" => Self::Range,
            b"template" => Self::Template,
            b"with" => Self::With,
            _ => return None,
        })
    }
}

/// A token: a range of the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The line on which it begins, from 1.
    pub(crate) line: u32,
}

/// The reader of tokens.
#[derive(Debug)]
pub(crate) struct Lexer<'t> {
    input: &'t [u8],
    pos: usize,
    start: usize,
    /// Line of `start`, from 1.
    line: u32,
    parens: u32,
    inside: bool,
    /// A function of this name hides the word.
    pub(crate) break_is_word: bool,
    pub(crate) continue_is_word: bool,
    /// The message of the last [`Kind::Error`].
    pub(crate) error: String,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(input: &'t [u8]) -> Self {
        Self {
            input,
            pos: 0,
            start: 0,
            line: 1,
            parens: 0,
            inside: false,
            break_is_word: true,
            continue_is_word: true,
            error: String::new(),
        }
    }

    /// The next token; after an error and at the end, the end.
    pub(crate) fn token(&mut self) -> Token {
        if self.inside { self.action() } else { self.text() }
    }

    fn rest(&self) -> &'t [u8] {
        &self.input[self.pos..]
    }

    /// The character at the position, and its length; what is no UTF-8 is U+FFFD of one byte, as Go decodes it.
    fn peek(&self) -> Option<(char, usize)> {
        fmt::first_char(self.rest())
    }

    fn emit(&mut self, kind: Kind) -> Token {
        let token = Token { kind, start: self.start as u32, end: self.pos as u32, line: self.line };
        self.ignore();
        token
    }

    /// Goes on from here.
    fn ignore(&mut self) {
        self.line += newlines(&self.input[self.start..self.pos]);
        self.start = self.pos;
    }

    fn fail(&mut self, message: impl Into<String>) -> Token {
        self.error = message.into();
        let token =
            Token { kind: Kind::Error, start: self.start as u32, end: self.start as u32, line: self.line };
        self.input = &[];
        (self.pos, self.start, self.inside) = (0, 0, false);
        token
    }

    fn text(&mut self) -> Token {
        loop {
            let Some(at) = find(self.rest(), *b"{{") else {
                self.pos = self.input.len();
                return self.emit(if self.pos > self.start { Kind::Text } else { Kind::Eof });
            };
            self.pos += at;
            let trim = has_left_marker(&self.input[self.pos + 2..]);
            if at > 0 {
                let end = self.pos;
                if trim {
                    self.pos = self.start + trimmed_end(&self.input[self.start..end]);
                }
                let token = (self.pos > self.start).then(|| self.emit(Kind::Text));
                self.pos = end;
                self.ignore();
                if let Some(token) = token {
                    return token;
                }
            }
            let marker = if trim { 2 } else { 0 };
            if self.input[self.pos + 2 + marker..].starts_with(b"/*") {
                if let Some(error) = self.comment(marker) {
                    return error;
                }
                continue;
            }
            self.pos += 2;
            let token = self.emit(Kind::LeftDelim);
            self.pos += marker;
            self.ignore();
            self.inside = true;
            self.parens = 0;
            return token;
        }
    }

    fn comment(&mut self, marker: usize) -> Option<Token> {
        self.pos += 2 + marker;
        self.ignore();
        self.pos += 2;
        let Some(end) = find(self.rest(), *b"*/") else {
            return Some(self.fail("unclosed comment"));
        };
        self.pos += end + 2;
        let Some(trim) = self.right_delim() else {
            return Some(self.fail("comment ends before closing delimiter"));
        };
        self.pass_right_delim(trim);
        self.ignore();
        None
    }

    /// Is there a right delimiter here, and does it trim?
    fn right_delim(&self) -> Option<bool> {
        match self.rest() {
            [space, b'-', b'}', b'}', ..] if is_space(*space) => Some(true),
            [b'}', b'}', ..] => Some(false),
            _ => None,
        }
    }

    fn pass_right_delim(&mut self, trim: bool) {
        if trim {
            self.pos += 4;
            self.pos += self.rest().iter().take_while(|byte| is_space(**byte)).count();
        } else {
            self.pos += 2;
        }
    }

    fn action(&mut self) -> Token {
        if let Some(trim) = self.right_delim() {
            if self.parens > 0 {
                return self.fail("unclosed left paren");
            }
            return self.end_of_action(trim);
        }
        let Some((first, size)) = self.peek() else {
            return self.fail("unclosed action");
        };
        if first.is_ascii() && is_space(first as u8) {
            return self.space();
        }
        self.pos += size;
        match first {
            '=' => self.emit(Kind::Assign),
            ':' if self.rest().first() == Some(&b'=') => {
                self.pos += 1;
                self.emit(Kind::Declare)
            }
            ':' => self.fail("expected :="),
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted(b'"', Kind::Quoted, "unterminated quoted string"),
            '\'' => self.quoted(b'\'', Kind::CharConstant, "unterminated character constant"),
            '`' => self.raw(),
            '$' => self.word_after(Kind::Variable, Kind::Variable),
            '.' if self.rest().first().is_some_and(|byte| !byte.is_ascii_digit()) => {
                self.word_after(Kind::Field, Kind::Dot)
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.pos -= 1;
                self.number()
            }
            '(' => {
                self.parens += 1;
                self.emit(Kind::LeftParen)
            }
            ')' if self.parens == 0 => self.fail("unexpected right paren"),
            ')' => {
                self.parens -= 1;
                self.emit(Kind::RightParen)
            }
            _ if is_alphanumeric(first) => self.identifier(),
            _ if first.is_ascii_graphic() => self.emit(Kind::Char),
            _ => self.fail(format!("unrecognized character in action: {}", fmt::unicode(first))),
        }
    }

    fn end_of_action(&mut self, trim: bool) -> Token {
        if trim {
            self.pos += 2;
            self.ignore();
        }
        self.pos += 2;
        let token = self.emit(Kind::RightDelim);
        if trim {
            self.pos += self.rest().iter().take_while(|byte| is_space(**byte)).count();
            self.ignore();
        }
        self.inside = false;
        token
    }

    /// A run of spaces. The last one may belong to a right delimiter that trims.
    fn space(&mut self) -> Token {
        let count = self.rest().iter().take_while(|byte| is_space(**byte)).count();
        self.pos += count;
        if self.rest().starts_with(b"-}}") {
            self.pos -= 1;
            if count == 1 {
                // Open parentheses are the parser's complaint here, as in Go.
                return self.end_of_action(true);
            }
        }
        self.emit(Kind::Space)
    }

    fn identifier(&mut self) -> Token {
        if let Some(error) = self.word() {
            return error;
        }
        let word = &self.input[self.start..self.pos];
        let kind = match Kind::keyword(word) {
            Some(Kind::Break) if !self.break_is_word => Kind::Identifier,
            Some(Kind::Continue) if !self.continue_is_word => Kind::Identifier,
            Some(kind) => kind,
            None if word == b"true" || word == b"false" => Kind::Bool,
            None => Kind::Identifier,
        };
        self.emit(kind)
    }

    /// A word after `.` or `$`, which were passed; `alone` if there is none.
    fn word_after(&mut self, kind: Kind, alone: Kind) -> Token {
        if self.at_terminator() {
            return self.emit(alone);
        }
        match self.word() {
            Some(error) => error,
            None => self.emit(kind),
        }
    }

    /// Passes letters and digits; what follows must end a word.
    fn word(&mut self) -> Option<Token> {
        loop {
            match self.peek() {
                Some((next, size)) if is_alphanumeric(next) => self.pos += size,
                Some((next, _)) if !self.at_terminator() => {
                    return Some(self.fail(format!("bad character {}", fmt::unicode(next))));
                }
                _ => return None,
            }
        }
    }

    fn at_terminator(&self) -> bool {
        match self.rest() {
            [] | [b'.' | b',' | b'|' | b':' | b')' | b'(', ..] => true,
            [space, ..] if is_space(*space) => true,
            rest => rest.starts_with(b"}}"),
        }
    }

    fn quoted(&mut self, quote: u8, kind: Kind, unterminated: &str) -> Token {
        loop {
            match self.rest() {
                [b'\\', escaped, ..] if *escaped != b'\n' => self.pos += 2,
                [b'\\' | b'\n', ..] | [] => return self.fail(unterminated),
                [byte, ..] => {
                    self.pos += 1;
                    if *byte == quote {
                        return self.emit(kind);
                    }
                }
            }
        }
    }

    fn raw(&mut self) -> Token {
        match self.rest().iter().position(|byte| *byte == b'`') {
            Some(end) => {
                self.pos += end + 1;
                self.emit(Kind::RawText)
            }
            None => self.fail("unterminated raw quoted string"),
        }
    }

    fn number(&mut self) -> Token {
        if !self.scan_number() {
            return self.bad_number();
        }
        if !matches!(self.rest().first(), Some(b'+' | b'-')) {
            return self.emit(Kind::Number);
        }
        if !self.scan_number() || self.input[self.pos - 1] != b'i' {
            return self.bad_number();
        }
        self.emit(Kind::Complex)
    }

    fn bad_number(&mut self) -> Token {
        let text = fmt::quoted(&self.input[self.start..self.pos]);
        self.fail(format!("bad number syntax: {text}"))
    }

    fn accept(&mut self, set: &[u8]) -> bool {
        let found = self.rest().first().is_some_and(|byte| set.contains(byte));
        self.pos += usize::from(found);
        found
    }

    fn accept_run(&mut self, set: &[u8]) {
        while self.accept(set) {}
    }

    /// Passes what looks like a number; whether it is one shows when it is read.
    fn scan_number(&mut self) -> bool {
        const DECIMAL: &[u8] = b"0123456789_";
        const HEX: &[u8] = b"0123456789abcdefABCDEF_";
        self.accept(b"+-");
        let mut digits = DECIMAL;
        if self.accept(b"0") {
            if self.accept(b"xX") {
                digits = HEX;
            } else if self.accept(b"oO") {
                digits = b"01234567_";
            } else if self.accept(b"bB") {
                digits = b"01_";
            }
        }
        self.accept_run(digits);
        if self.accept(b".") {
            self.accept_run(digits);
        }
        if (digits == DECIMAL && self.accept(b"eE")) || (digits == HEX && self.accept(b"pP")) {
            self.accept(b"+-");
            self.accept_run(DECIMAL);
        }
        self.accept(b"i");
        match self.peek() {
            Some((next, size)) if is_alphanumeric(next) => {
                self.pos += size;
                false
            }
            _ => true,
        }
    }
}

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Go's letters and decimal digits, and `_`. Outside of ASCII the letters are those of Unicode's `Alphabetic`.
fn is_alphanumeric(char: char) -> bool {
    char == '_' || if char.is_ascii() { char.is_ascii_alphanumeric() } else { char.is_alphabetic() }
}

fn has_left_marker(rest: &[u8]) -> bool {
    matches!(rest, [b'-', space, ..] if is_space(*space))
}

fn trimmed_end(text: &[u8]) -> usize {
    text.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1)
}

pub(crate) fn newlines(text: &[u8]) -> u32 {
    text.split(|byte| *byte == b'\n').skip(1).count() as u32
}

fn find(text: &[u8], pair: [u8; 2]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| *byte == pair[0]) {
        if text.get(from + at + 1) == Some(&pair[1]) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}
