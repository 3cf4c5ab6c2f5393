//! Characters and quotes, as `strconv` and `unicode/utf8` have them.

use super::integer::push_hex;

/// The first character and its length in bytes. What is no UTF-8 is U+FFFD of one byte (`utf8.DecodeRune`).
pub(crate) fn first_char(text: &[u8]) -> Option<(char, usize)> {
    let first = *text.first()?;
    if first < 0x80 {
        return Some((char::from(first), 1));
    }
    let size = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Some((char::REPLACEMENT_CHARACTER, 1)),
    };
    let char = text.get(..size).and_then(|bytes| std::str::from_utf8(bytes).ok()?.chars().next());
    Some(char.map_or((char::REPLACEMENT_CHARACTER, 1), |char| (char, size)))
}

/// How many characters a text has (`utf8.RuneCount`).
pub(super) fn char_count(text: &[u8]) -> usize {
    match std::str::from_utf8(text) {
        Ok(text) => text.chars().count(),
        Err(_) => CharsOf(text).count(),
    }
}

/// The characters of a text with their bytes.
pub(super) struct CharsOf<'t>(pub(super) &'t [u8]);

impl<'t> Iterator for CharsOf<'t> {
    type Item = (char, &'t [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (char, size) = first_char(self.0)?;
        let (bytes, rest) = self.0.split_at(size);
        self.0 = rest;
        Some((char, bytes))
    }
}

/// Is it a letter, mark, number, punctuation, symbol or the ASCII space (`strconv.IsPrint`)?
///
/// By the tables of this program's own version of Unicode, which may know newer characters than Go's.
pub fn is_print(char: char) -> bool {
    if char.is_ascii() {
        return (' '..='~').contains(&char);
    }
    // The standard library prints a character as it is exactly then, unless it begins a text.
    let mut text = String::with_capacity(5);
    text.push('a');
    text.push(char);
    text.escape_debug().nth(1) == Some(char)
}

/// Appends a text in double quotes, escaped (`strconv.AppendQuote`).
pub fn quote(out: &mut Vec<u8>, text: &[u8]) {
    quote_with(out, text, b'"', false);
}

/// [`quote`] as a string, for messages.
pub(crate) fn quoted(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    quote(&mut out, text);
    String::from_utf8_lossy(&out).into_owned()
}

/// A character as `%#U` writes it: `U+0041 'A'`.
pub(crate) fn unicode(char: char) -> String {
    let code = format!("U+{:04X}", u32::from(char));
    if is_print(char) { format!("{code} '{char}'") } else { code }
}

/// Quotes with any quote; `ascii` escapes everything else.
pub(super) fn quote_with(out: &mut Vec<u8>, text: &[u8], quote: u8, ascii: bool) {
    out.push(quote);
    for (char, bytes) in CharsOf(text) {
        if char == char::REPLACEMENT_CHARACTER && bytes.len() == 1 {
            out.extend_from_slice(b"\\x");
            push_hex(out, u64::from(bytes[0]), 2);
        } else {
            escape(out, char, quote, ascii);
        }
    }
    out.push(quote);
}

fn escape(out: &mut Vec<u8>, char: char, quote: u8, ascii: bool) {
    let code = u32::from(char);
    if char == char::from(quote) || char == '\\' {
        out.extend_from_slice(&[b'\\', char as u8]);
        return;
    }
    if is_print(char) && (char.is_ascii() || !ascii) {
        out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        return;
    }
    let (start, digits): (&[u8], usize) = match char {
        '\x07' => (b"\\a", 0),
        '\x08' => (b"\\b", 0),
        '\x0c' => (b"\\f", 0),
        '\n' => (b"\\n", 0),
        '\r' => (b"\\r", 0),
        '\t' => (b"\\t", 0),
        '\x0b' => (b"\\v", 0),
        '\0'..' ' | '\x7f' => (b"\\x", 2),
        _ if code < 0x10000 => (b"\\u", 4),
        _ => (b"\\U", 8),
    };
    out.extend_from_slice(start);
    push_hex(out, u64::from(code), digits);
}

/// May it stand between backquotes as it is (`strconv.CanBackquote`)?
pub(super) fn can_backquote(text: &[u8]) -> bool {
    CharsOf(text).all(|(char, bytes)| {
        let broken = char == char::REPLACEMENT_CHARACTER && bytes.len() == 1;
        !(broken || char == '\u{feff}' || char < ' ' && char != '\t' || char == '`' || char == '\x7f')
    })
}
