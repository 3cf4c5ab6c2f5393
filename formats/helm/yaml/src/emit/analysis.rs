//! What of a string decides how it is written (`yaml_emitter_analyze_scalar` of Go's `emitterc.go`), outside of flows.

use super::Style;

/// How a string may be written.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "four questions that are answered apart")]
pub(super) struct Analysis {
    /// It has a line break, of any kind.
    pub(super) multiline: bool,
    /// It may stand without quotes.
    pub(super) plain: bool,
    /// It may stand in single quotes.
    pub(super) single: bool,
    /// It may stand below `|`.
    pub(super) block: bool,
}

/// What was seen so far.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a finding of its own, and they are combined at the end"
)]
struct Seen {
    indicators: bool,
    breaks: bool,
    special: bool,
    tabs: bool,
    edge_blank: bool,
    trailing_space: bool,
    break_space: bool,
    space_break: bool,
}

impl Analysis {
    pub(super) fn of(text: &str, style: Style) -> Self {
        if text.is_empty() {
            return Self { multiline: false, plain: true, single: true, block: false };
        }
        let seen = look(text.as_bytes(), style);
        let special = seen.special || seen.space_break;
        Self {
            multiline: seen.breaks,
            plain: !(seen.indicators
                || seen.breaks
                || seen.edge_blank
                || seen.break_space
                || special
                || seen.tabs),
            single: !(seen.break_space || special || seen.tabs),
            block: !(seen.trailing_space || special),
        }
    }
}

fn look(text: &[u8], style: Style) -> Seen {
    let mut seen =
        Seen { indicators: text.starts_with(b"---") || text.starts_with(b"..."), ..Seen::default() };
    let (mut previous_space, mut previous_break, mut after_blank) = (false, false, true);
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        let width = width(byte);
        let (first, last) = (at == 0, at + width >= text.len());
        if is_plain_word(byte) && !first {
            (previous_space, previous_break, after_blank) = (false, false, false);
            at += 1;
            continue;
        }
        let before_blank = last || matches!(text[at + width], b' ' | b'\t');
        seen.indicators |= is_indicator(byte, first, after_blank, before_blank);
        if byte == b'\t' && style == Style::Pretty {
            seen.tabs = true;
        } else if !is_printable(&text[at..]) {
            seen.special = true;
        }
        let line_break = is_break(&text[at..]);
        if byte == b' ' {
            seen.edge_blank |= first || last;
            seen.trailing_space |= last;
            seen.break_space |= previous_break;
        } else if line_break {
            seen.breaks = true;
            seen.edge_blank |= first || last;
            seen.space_break |= previous_space;
        }
        (previous_space, previous_break) = (byte == b' ', line_break);
        after_blank = line_break || matches!(byte, b' ' | b'\t' | 0);
        at += width;
    }
    seen
}

/// Letters, digits and others that never matter behind the first.
const fn is_plain_word(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/')
}

/// Whether a character makes quotes necessary where it stands.
const fn is_indicator(byte: u8, first: bool, after_blank: bool, before_blank: bool) -> bool {
    match byte {
        b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@'
        | b'`' => first,
        b'#' => first || after_blank,
        b'?' | b'-' => first && before_blank,
        b':' => before_blank,
        _ => false,
    }
}

/// The bytes of a character, by its first.
pub(super) const fn width(byte: u8) -> usize {
    match byte {
        0..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    }
}

/// Whether the character at the beginning may be written as it is. What is beyond U+FFFF may not.
pub(super) fn is_printable(text: &[u8]) -> bool {
    match *text {
        [0xc2, next, ..] => next >= 0xa0,
        [0xed, next, ..] => next < 0xa0,
        [0xef, 0xbb, 0xbf, ..] | [0xef, 0xbf, 0xbe | 0xbf, ..] => false,
        [b'\n' | 0x20..=0x7e | 0xc3..=0xec | 0xee | 0xef, ..] => true,
        _ => false,
    }
}

/// Whether a line ends at the beginning: CR, LF, NEL, LS, PS.
pub(super) const fn is_break(text: &[u8]) -> bool {
    matches!(*text, [b'\r' | b'\n', ..] | [0xc2, 0x85, ..] | [0xe2, 0x80, 0xa8 | 0xa9, ..])
}
