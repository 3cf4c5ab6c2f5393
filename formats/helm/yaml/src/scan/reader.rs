//! Bytes to a text of which every character may stand in YAML (`readerc.go` of Go's `yaml.v2`).

use std::borrow::Cow;

use super::{Mark, Problem};

/// Go reads in pieces of this size, and finds what it cannot read only when it needs the piece.
const PIECE: usize = 512;

/// A text, up to where it can be read.
#[derive(Clone, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) text: &'a str,
    /// Behind the mark of the byte order, which is no part of it.
    pub(crate) start: usize,
    /// Why it ends there, if that is not its own end.
    pub(crate) unreadable: Option<Problem>,
}

/// A text, and what stands behind it that is none.
pub(crate) type Readable<'a> = (Cow<'a, str>, Option<Problem>);

/// Bytes as text. UTF-16 is read as such if the mark of its byte order stands before it; places are then those of the
/// text, not of the bytes.
pub(crate) fn read(bytes: &[u8]) -> Result<Readable<'_>, Problem> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes).map(|it| (Cow::Owned(it), None)),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes).map(|it| (Cow::Owned(it), None)),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Ok((Cow::Borrowed(text), None)),
            Err(error) => {
                let end = error.valid_up_to();
                let text = std::str::from_utf8(&bytes[..end]).unwrap_or_default();
                let broken = &bytes[end..];
                let problem = problem(broken_octets(broken), end);
                // A control character before it is met first.
                let source = Source::new(text);
                if source.unreadable.is_some() {
                    return Ok((Cow::Borrowed(text), None));
                }
                let width = broken.first().map_or(1, |it| octets(*it).max(1)).min(broken.len().max(1));
                Ok((Cow::Borrowed(&text[..piece(text, end, width)]), Some(problem)))
            }
        },
    }
}

impl<'a> Source<'a> {
    /// A text up to the piece with the first character that may not stand in it.
    pub(crate) fn new(text: &'a str) -> Self {
        let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let Some(bad) = refused(text) else { return Self { text, start, unreadable: None } };
        let width = text[bad..].chars().next().map_or(1, char::len_utf8);
        let end = piece(text, bad, width).max(start);
        let unreadable = Some(problem("control characters are not allowed", bad));
        Self { text: &text[..end], start, unreadable }
    }
}

fn problem(text: &'static str, offset: usize) -> Problem {
    Problem::new(text.into(), None, Mark { offset, ..Mark::default() })
}

/// Where the first character stands that YAML does not have.
fn refused(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut start = 0;
    for part in bytes.chunks(64) {
        // Without a branch for each byte; most parts are text of ASCII.
        let odd = part.iter().fold(false, |odd, it| odd | !is_common(*it));
        if odd && let Some(at) = (start..start + part.len()).find(|at| is_refused(&bytes[*at..])) {
            return Some(at);
        }
        start += part.len();
    }
    None
}

const fn is_common(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\n')
}

/// Whether a character begins here that YAML does not have: C0 and C1 controls but TAB, LF, CR and NEL; U+FFFE, U+FFFF.
fn is_refused(bytes: &[u8]) -> bool {
    match *bytes {
        [control @ (0..0x20 | 0x7f), ..] => !matches!(control, b'\t' | b'\n' | b'\r'),
        [0xc2, next @ 0x80..0xa0, ..] => next != 0x85,
        [0xef, 0xbf, 0xbe | 0xbf, ..] => true,
        _ => false,
    }
}

/// Where the piece begins in which the character at `bad` is read.
fn piece(text: &str, bad: usize, width: usize) -> usize {
    let mut start = 0;
    loop {
        let end = start + PIECE;
        if bad + width <= end {
            return start;
        }
        if bad < end {
            return bad;
        }
        start = (start + 1..=end).rev().find(|it| text.is_char_boundary(*it)).unwrap_or(end);
    }
}

/// How many octets a character has, by its first; 0 if none begins so.
const fn octets(first: u8) -> usize {
    match first {
        0..0x80 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf8 => 4,
        _ => 0,
    }
}

/// Go's words for octets that are no character.
fn broken_octets(bytes: &[u8]) -> &'static str {
    let first = bytes.first().copied().unwrap_or_default();
    let width = octets(first);
    if width == 0 {
        return "invalid leading UTF-8 octet";
    }
    if width > bytes.len() {
        return "incomplete UTF-8 octet sequence";
    }
    let mut code = u32::from(first) & (0x7f >> width);
    for octet in &bytes[1..width] {
        if octet & 0xc0 != 0x80 {
            return "invalid trailing UTF-8 octet";
        }
        code = code << 6 | u32::from(octet & 0x3f);
    }
    let least = [0, 0, 0x80, 0x800, 0x1_0000][width];
    if code < least { "invalid length of a UTF-8 sequence" } else { "invalid Unicode character" }
}

fn wide(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Problem> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut out = String::with_capacity(bytes.len());
    for (at, character) in char::decode_utf16(pairs.iter().map(|it| unit(*it))).enumerate() {
        out.push(character.map_err(|error| {
            let low = error.unpaired_surrogate() >= 0xdc00;
            let last = at + 1 >= pairs.len();
            problem(
                match () {
                    () if low => "unexpected low surrogate area",
                    () if last => "incomplete UTF-16 surrogate pair",
                    () => "expected low surrogate area",
                },
                at * 2 + 2,
            )
        })?);
    }
    if odd.is_empty() { Ok(out) } else { Err(problem("incomplete UTF-16 character", bytes.len())) }
}
