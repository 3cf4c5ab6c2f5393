//! Bytes as Go's runes, and Go's `unicode` package.
//!
//! A byte that begins no character is U+FFFD and one byte long. Cases are mapped one character to one, so `ß` has no
//! upper case here. Newer versions of Unicode know more letters than Go's tables; nothing else differs.

use std::sync::LazyLock;

use regex::Regex;

/// What stands for a byte that begins no character (`utf8.RuneError`).
pub(crate) const ERROR: char = '\u{FFFD}';

/// The first character and its length; [`ERROR`] and 1 for what is none; `None` of nothing.
pub(crate) fn first(bytes: &[u8]) -> Option<(char, usize)> {
    let length = match *bytes.first()? {
        byte if byte < 0x80 => return Some((char::from(byte), 1)),
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return Some((ERROR, 1)),
    };
    let found = bytes.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok());
    Some(found.and_then(|text| text.chars().next()).map_or((ERROR, 1), |it| (it, length)))
}

/// The last character and its length, as [`first`].
pub(crate) fn last(bytes: &[u8]) -> Option<(char, usize)> {
    if bytes.is_empty() {
        return None;
    }
    let whole = (1..=4.min(bytes.len())).find_map(|length| {
        let found = first(&bytes[bytes.len() - length..])?;
        (found.1 == length && (length > 1 || found.0.is_ascii())).then_some(found)
    });
    Some(whole.unwrap_or((ERROR, 1)))
}

/// The characters and where they begin.
pub(crate) fn runes(bytes: &[u8]) -> impl Iterator<Item = (usize, char)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (rune, length) = first(&bytes[at..])?;
        at += length;
        Some((at - length, rune))
    })
}

/// Appends a character.
pub(crate) fn push(out: &mut Vec<u8>, rune: char) {
    out.extend_from_slice(rune.encode_utf8(&mut [0; 4]).as_bytes());
}

macro_rules! category {
    ($(#[$doc:meta])* $name:ident, $ascii:expr, $class:literal) => {
        $(#[$doc])*
        pub(crate) fn $name(it: char) -> bool {
            static CLASS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(concat!("^", $class, "$")).ok());
            let ascii: fn(char) -> bool = $ascii;
            if it.is_ascii() {
                return ascii(it);
            }
            CLASS.as_ref().is_some_and(|class| class.is_match(it.encode_utf8(&mut [0; 4])))
        }
    };
}

category!(/// Upper case (`Lu`).
    is_upper, |it| it.is_ascii_uppercase(), r"\p{Lu}");
category!(/// Lower case (`Ll`).
    is_lower, |it| it.is_ascii_lowercase(), r"\p{Ll}");
category!(/// Title case (`Lt`).
    is_title, |_| false, r"\p{Lt}");
category!(/// A letter (`L`).
    is_letter, |it| it.is_ascii_alphabetic(), r"\p{L}");
category!(/// A decimal digit (`Nd`).
    is_digit, |it| it.is_ascii_digit(), r"\p{Nd}");
category!(/// A number (`N`).
    is_number, |it| it.is_ascii_digit(), r"\p{N}");
category!(/// Punctuation (`P`).
    is_punct, |it| it.is_ascii_punctuation() && !"$+<=>^`|~".contains(it), r"\p{P}");

/// White space (`unicode.IsSpace`).
pub(crate) fn is_space(it: char) -> bool {
    it.is_whitespace()
}

/// The one upper case character (`unicode.ToUpper`).
pub(crate) fn to_upper(it: char) -> char {
    let mut all = it.to_uppercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        // Unicode's full mapping has several; its simple one is Greek with an iota beneath, or nothing.
        _ => {
            let shift = match it {
                '\u{1F80}'..='\u{1FAF}' if u32::from(it) & 8 == 0 => 8,
                '\u{1FB3}' | '\u{1FC3}' | '\u{1FF3}' => 9,
                _ => 0,
            };
            char::from_u32(u32::from(it) + shift).unwrap_or(it)
        }
    }
}

/// The one lower case character (`unicode.ToLower`).
pub(crate) fn to_lower(it: char) -> char {
    it.to_lowercase().next().unwrap_or(it)
}

/// The one title case character (`unicode.ToTitle`).
pub(crate) fn to_title(it: char) -> char {
    match it {
        '\u{1C4}'..='\u{1C6}' => '\u{1C5}',
        '\u{1C7}'..='\u{1C9}' => '\u{1C8}',
        '\u{1CA}'..='\u{1CC}' => '\u{1CB}',
        '\u{1F1}'..='\u{1F3}' => '\u{1F2}',
        // Georgian has capitals, but no titles.
        '\u{10D0}'..='\u{10FF}' => it,
        _ => to_upper(it),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_byte_is_one_rune() {
        let found: Vec<_> = runes(b"a\xe2\x82x\xc3\xa9").collect();
        assert_eq!(found, [(0, 'a'), (1, ERROR), (2, ERROR), (3, 'x'), (4, 'é')]);
        assert_eq!(last(b"\xc3\xa9"), Some(('é', 2)));
        assert_eq!(last(b"a\xa9"), Some((ERROR, 1)));
        assert_eq!((first(b""), last(b"")), (None, None));
    }

    #[test]
    fn cases_are_mapped_one_to_one() {
        for (it, upper, lower, title) in [
            ('ß', 'ß', 'ß', 'ß'),
            ('ᾳ', 'ᾼ', 'ᾳ', 'ᾼ'),
            ('İ', 'İ', 'i', 'İ'),
            ('ǆ', 'Ǆ', 'ǆ', 'ǅ'),
            ('é', 'É', 'é', 'É'),
        ] {
            assert_eq!((to_upper(it), to_lower(it), to_title(it)), (upper, lower, title), "{it}");
        }
        assert!(is_upper('É') && !is_upper('Ⅷ') && is_number('Ⅷ') && is_title('ǅ') && is_punct('«'));
    }
}
