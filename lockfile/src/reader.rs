//! Reads the TOML that locks are written in: `version`, then blocks of strings, integers and lists.
//!
//! A subset of TOML 1.0 (<https://toml.io/en/v1.0.0>): bare keys, basic strings on one line, decimal
//! integers, arrays of basic strings, `[[artifact]]`. Blocks, fields, blank lines and comments may stand
//! in any order. Everything accepted here has the same meaning to every TOML reader.
//!
//! It knows positions and syntax and does not know which fields an entry has.

use crate::error::{Fault, Problem};
use crate::lock::VERSION;
use std::borrow::Cow;
use std::ops::Range;

/// No entry has half as many fields; bounds the search for repeated ones.
const MOST_FIELDS: usize = 32;

/// One line of a lock, without its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) text: &'a str,
    /// Where the line starts in the whole text.
    pub(crate) offset: usize,
    /// The conflict of a merge that this line belongs to.
    pub(crate) zone: Option<u32>,
    /// A conflict ends right before this line.
    pub(crate) seam: bool,
}

/// The lines of `text`.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.split_inclusive('\n').scan(0, |offset, line| {
        let at = *offset;
        *offset += line.len();
        let line = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
        Some(Line { text: line, offset: at, zone: None, seam: false })
    })
}

/// An item of a list and its place.
pub(crate) type Item<'a> = (Cow<'a, str>, Range<usize>);

#[derive(Debug)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    /// The digits of an integer.
    Number(&'a str),
    List(Vec<Item<'a>>),
}

#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    pub(crate) name_at: Range<usize>,
    pub(crate) value: Value<'a>,
    pub(crate) value_at: Range<usize>,
}

/// A block and how a merge conflict touches it.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    /// The header `[[artifact]]`.
    pub(crate) at: Range<usize>,
    pub(crate) fields: Vec<Field<'a>>,
    zone: Option<u32>,
    /// A conflict begins or ends between the fields of this block, so that its fields may be those of two.
    pub(crate) torn: bool,
}

/// Reads all blocks and hands each to `take`. The caller has checked for a newer version before.
pub(crate) fn read<'a>(
    lines: impl Iterator<Item = Line<'a>>,
    mut take: impl FnMut(Block<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut lines = lines;
    let mut version = false;
    let mut block: Option<Block<'a>> = None;
    let mut seam = false;
    let mut end = 0;
    while let Some(line) = lines.next() {
        let mut cursor = Cursor::new(line)?;
        end = line.offset + line.text.len();
        seam |= line.seam;
        cursor.blanks();
        if cursor.at_end() {
            continue;
        }
        let seam = std::mem::take(&mut seam);
        if cursor.peek() == Some(b'[') {
            let at = cursor.header()?;
            let fields = Vec::with_capacity(12);
            if let Some(done) = block.replace(Block { at, fields, zone: None, torn: false }) {
                take(done)?;
            }
            continue;
        }
        let field = cursor.field(&mut lines)?;
        let Some(block) = &mut block else {
            check_version(&field, version)?;
            version = true;
            continue;
        };
        if block.fields.len() == MOST_FIELDS {
            return Err(Fault::new(
                field.name_at,
                Problem::Syntax { expected: "`[[artifact]]` after so many fields" },
            ));
        }
        // The header of a block says nothing, so only what happens between its fields counts.
        if block.fields.is_empty() {
            block.zone = line.zone;
        } else {
            block.torn |= seam || line.zone != block.zone;
        }
        block.torn |= cursor.crossed;
        if block.fields.iter().any(|it| it.name == field.name) {
            if block.torn {
                continue;
            }
            return Err(Fault::new(field.name_at, Problem::Twice { name: field.name.to_owned() }));
        }
        block.fields.push(field);
    }
    if !version {
        return Err(Fault::new(end..end, Problem::Missing { name: "version" }));
    }
    block.map_or(Ok(()), take)
}

fn check_version(field: &Field<'_>, known: bool) -> Result<(), Fault> {
    let span = field.name_at.clone();
    match &field.value {
        _ if field.name != "version" => {
            let near = crate::error::nearest(field.name, &["version", "artifact"]);
            Err(Fault::new(span, Problem::Unknown { name: field.name.to_owned(), near }))
        }
        _ if known => Err(Fault::new(span, Problem::Twice { name: "version".into() })),
        Value::Number(digits) if digits.parse() == Ok(VERSION) => Ok(()),
        _ => Err(Fault::new(
            field.value_at.clone(),
            Problem::Syntax { expected: "`1`, the version of the lock" },
        )),
    }
}

/// Finds `version = N` before the first table and refuses an N above ours, whatever else stands there: a
/// newer lock need not be readable for us to say that it is newer.
pub(crate) fn refuse_newer<'a>(lines: impl Iterator<Item = Line<'a>>) -> Result<(), Fault> {
    for line in lines.take_while(|line| !line.text.trim_start().starts_with('[')) {
        let Some(rest) = line.text.trim_start().strip_prefix("version") else { continue };
        let Some(value) = rest.trim_start().strip_prefix('=') else { continue };
        let value = value.split('#').next().unwrap_or_default().trim();
        let newer = !value.starts_with('0')
            && !value.is_empty()
            && value.bytes().all(|b| b.is_ascii_digit())
            && value.parse::<u32>().map_or(true, |found| found > VERSION);
        if newer {
            let span = line.offset..line.offset + line.text.len();
            let found = value.chars().take(20).collect();
            return Err(Fault::new(span, Problem::Newer { found, known: VERSION }));
        }
    }
    Ok(())
}

struct Cursor<'a> {
    line: Line<'a>,
    at: usize,
    /// A list ran over the border of a conflict.
    crossed: bool,
}

impl<'a> Cursor<'a> {
    /// Refuses the control characters that TOML refuses everywhere (section "Comment" and "String").
    fn new(line: Line<'a>) -> Result<Self, Fault> {
        let control = |b: u8| (b < 0x20 && b != b'\t') || b == 0x7f;
        // Without a way out of the loop, the compiler looks at many bytes at once.
        let any = line.text.bytes().fold(false, |any, b| any | control(b));
        if any && let Some(at) = line.text.bytes().position(control) {
            let at = line.offset + at;
            return Err(Fault::new(at..at + 1, Problem::Syntax { expected: "no control characters" }));
        }
        Ok(Self { line, at: 0, crossed: false })
    }

    fn rest(&self) -> &'a str {
        self.line.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.line.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn at_end(&self) -> bool {
        matches!(self.peek(), None | Some(b'#'))
    }

    fn span(&self, from: usize) -> Range<usize> {
        self.line.offset + from..self.line.offset + self.at
    }

    /// What was expected at the next character.
    fn expected(&self, expected: &'static str) -> Fault {
        let width = self.rest().chars().next().map_or(0, char::len_utf8);
        let at = self.line.offset + self.at;
        Fault::new(at..at + width, Problem::Syntax { expected })
    }

    fn line_end(&mut self) -> Result<(), Fault> {
        self.blanks();
        if self.at_end() { Ok(()) } else { Err(self.expected("the end of the line")) }
    }

    fn bare_key(&mut self) -> &'a str {
        let rest = self.rest();
        let key = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        let length = rest.as_bytes().iter().take_while(|b| key(b)).count();
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn header(&mut self) -> Result<Range<usize>, Fault> {
        let from = self.at;
        let double = self.eat(b'[') && self.eat(b'[');
        self.blanks();
        let name_from = self.at;
        let name = self.bare_key();
        let name_at = self.span(name_from);
        if name != "artifact" || !double {
            if name.is_empty() || name == "artifact" {
                return Err(Fault::new(self.span(from), Problem::Syntax { expected: "`[[artifact]]`" }));
            }
            let near = crate::error::nearest(name, &["artifact"]);
            return Err(Fault::new(name_at, Problem::Unknown { name: name.to_owned(), near }));
        }
        self.blanks();
        if !(self.eat(b']') && self.eat(b']')) {
            return Err(self.expected("`]]`"));
        }
        let at = self.span(from);
        self.line_end()?;
        Ok(at)
    }

    fn field(&mut self, lines: &mut impl Iterator<Item = Line<'a>>) -> Result<Field<'a>, Fault> {
        let from = self.at;
        let name = self.bare_key();
        if name.is_empty() {
            return Err(self.expected("the name of a field, `[[artifact]]` or a comment"));
        }
        let name_at = self.span(from);
        self.blanks();
        if !self.eat(b'=') {
            return Err(self.expected("`=`"));
        }
        self.blanks();
        let from = self.at;
        let (value, value_at) = match self.peek() {
            Some(b'"') => (Value::Text(self.string()?), self.span(from)),
            Some(b'0'..=b'9') => (Value::Number(self.number()?), self.span(from)),
            Some(b'[') => {
                let start = self.span(from).start;
                (Value::List(self.list(lines)?), start..start + 1)
            }
            _ => return Err(self.expected("a string in double quotes, a number or a list")),
        };
        self.line_end()?;
        Ok(Field { name, name_at, value, value_at })
    }

    fn number(&mut self) -> Result<&'a str, Fault> {
        let (from, rest) = (self.at, self.rest());
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        self.at += length;
        let digits = rest.get(..length).unwrap_or_default();
        if digits.len() > 1 && digits.starts_with('0') {
            return Err(Fault::new(
                self.span(from),
                Problem::Syntax { expected: "a number without leading zeros" },
            ));
        }
        Ok(digits)
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        if !self.eat(b'"') {
            return Err(self.expected("a string in double quotes"));
        }
        let rest = self.rest();
        let plain = rest.bytes().take_while(|b| !matches!(b, b'"' | b'\\')).count();
        self.at += plain;
        let start = rest.get(..plain).unwrap_or_default();
        if self.eat(b'"') {
            return Ok(Cow::Borrowed(start));
        }
        let mut text = start.to_owned();
        while !self.eat(b'"') {
            if self.eat(b'\\') {
                text.push(self.escape()?);
            } else {
                let Some(next) = self.rest().chars().next() else {
                    return Err(self.expected("`\"`, the end of the string"));
                };
                text.push(next);
                self.at += next.len_utf8();
            }
        }
        Ok(Cow::Owned(text))
    }

    /// An escape of TOML 1.0, after its backslash.
    fn escape(&mut self) -> Result<char, Fault> {
        let letter = self.peek();
        let escape = match letter {
            Some(b'b') => '\u{8}',
            Some(b't') => '\t',
            Some(b'n') => '\n',
            Some(b'f') => '\u{c}',
            Some(b'r') => '\r',
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'u') => return self.unicode(4),
            Some(b'U') => return self.unicode(8),
            _ => return Err(self.expected("an escape of TOML 1.0")),
        };
        self.at += 1;
        Ok(escape)
    }

    fn unicode(&mut self, digits: usize) -> Result<char, Fault> {
        let hex = self.line.text.get(self.at + 1..self.at + 1 + digits);
        let value = hex
            .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .and_then(char::from_u32);
        let value = value.ok_or_else(|| self.expected("the hex digits of a character"))?;
        self.at += 1 + digits;
        Ok(value)
    }

    /// A list of strings; it may run over several lines.
    fn list(&mut self, lines: &mut impl Iterator<Item = Line<'a>>) -> Result<Vec<Item<'a>>, Fault> {
        let mut items = Vec::new();
        let mut comma = true;
        self.at += 1;
        loop {
            self.blanks();
            if self.at_end() {
                self.next_line(lines)?;
            } else if self.eat(b']') {
                return Ok(items);
            } else if !comma {
                comma = self.eat(b',');
                if !comma {
                    return Err(self.expected("`,` or `]`"));
                }
            } else {
                let from = self.at;
                let item = self.string()?;
                items.push((item, self.span(from)));
                comma = false;
            }
        }
    }

    fn next_line(&mut self, lines: &mut impl Iterator<Item = Line<'a>>) -> Result<(), Fault> {
        let at = self.line.offset + self.line.text.len();
        let unclosed = || Fault::new(at..at, Problem::Syntax { expected: "`]`, the end of the list" });
        let next = Self::new(lines.next().ok_or_else(unclosed)?)?;
        self.crossed |= next.line.zone != self.line.zone || next.line.seam;
        self.line = next.line;
        self.at = 0;
        Ok(())
    }
}
