//! Classes of characters and escapes.

use std::fmt::Write as _;

use super::syntax::Reader;

/// A sign that stands for itself.
pub(super) fn sign(sign: char) -> String {
    if sign.is_ascii_alphanumeric() { sign.to_string() } else { format!("\\x{{{:X}}}", u32::from(sign)) }
}

/// Perl's classes, in ASCII.
fn perl(letter: char) -> Option<&'static str> {
    Some(match letter {
        'd' => "0-9",
        's' => r"\t\n\x0C\r\x20",
        'w' => "0-9A-Za-z_",
        _ => return None,
    })
}

/// POSIX's classes, in ASCII.
fn posix(name: &str) -> Option<&'static str> {
    Some(match name {
        "alnum" => "0-9A-Za-z",
        "alpha" => "A-Za-z",
        "ascii" => r"\x00-\x7F",
        "blank" => r"\t\x20",
        "cntrl" => r"\x00-\x1F\x7F",
        "digit" => "0-9",
        "graph" => r"\x21-\x7E",
        "lower" => "a-z",
        "print" => r"\x20-\x7E",
        "punct" => r"\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E",
        "space" => r"\t\n\x0B\x0C\r\x20",
        "upper" => "A-Z",
        "word" => "0-9A-Za-z_",
        "xdigit" => "0-9A-Fa-f",
        _ => return None,
    })
}

fn signed(class: &str, negative: bool) -> String {
    if negative { format!("[^{class}]") } else { class.to_owned() }
}

/// `\d`, `\W`, `\pL` or `\p{Greek}` here, as the inside of a class.
pub(super) fn named(reader: &mut Reader<'_>) -> Result<Option<String>, String> {
    let mut signs = reader.rest().chars();
    let (Some('\\'), Some(letter)) = (signs.next(), signs.next()) else { return Ok(None) };
    if let Some(class) = perl(letter.to_ascii_lowercase()) {
        reader.at += 2;
        return Ok(Some(signed(class, letter.is_ascii_uppercase())));
    }
    if letter == 'p' || letter == 'P' { unicode(reader, letter == 'P').map(Some) } else { Ok(None) }
}

fn unicode(reader: &mut Reader<'_>, mut negative: bool) -> Result<String, String> {
    let rest = reader.rest();
    let wrong = |end: usize| Err(format!("invalid character class range: `{}`", &rest[..end]));
    let (mut name, length) = match rest[2..].chars().next() {
        None => return wrong(rest.len()),
        Some('{') => match rest.find('}') {
            None => return wrong(rest.len()),
            Some(end) => (&rest[3..end], end + 1),
        },
        Some(letter) => (&rest[2..2 + letter.len_utf8()], 2 + letter.len_utf8()),
    };
    if let Some(inner) = name.strip_prefix('^') {
        (name, negative) = (inner, !negative);
    }
    let Some(class) = table(name) else { return wrong(length) };
    reader.at += length;
    Ok(if negative { format!("[^{class}]") } else { class })
}

/// A category or a script of Unicode; Go knows no other properties.
fn table(name: &str) -> Option<String> {
    let plain: String =
        name.chars().filter(|it| !matches!(it, ' ' | '_' | '-')).map(|it| it.to_ascii_lowercase()).collect();
    if !name.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, ' ' | '_' | '-')) {
        return None;
    }
    match plain.as_str() {
        // No text has surrogates.
        "cs" | "surrogate" => return Some(r"[^\x00-\x{10FFFF}]".to_owned()),
        "any" => return Some(r"\x00-\x{10FFFF}".to_owned()),
        "ascii" => return Some(r"\x00-\x7F".to_owned()),
        _ => {}
    }
    let written = ["gc", "sc"].map(|kind| format!("\\p{{{kind}={plain}}}"));
    written.into_iter().find(|it| regex::Regex::new(it).is_ok())
}

/// `[…]` here.
pub(super) fn bracket(reader: &mut Reader<'_>) -> Result<String, String> {
    let start = reader.at;
    reader.at += 1;
    let mut out = String::from("[");
    if reader.rest().starts_with('^') {
        reader.at += 1;
        out.push('^');
    }
    let before = out.len();
    let mut first = true;
    while first || !reader.rest().starts_with(']') {
        first = false;
        if let Some(class) = posix_here(reader)? {
            out.push_str(&class);
        } else if let Some(class) = named(reader)? {
            out.push_str(&class);
        } else {
            range(reader, start, &mut out)?;
        }
    }
    reader.at += 1;
    if out.len() == before {
        // Nothing but surrogates, which no text has.
        out.push_str(r"[^\x00-\x{10FFFF}]");
    }
    out.push(']');
    Ok(out)
}

/// `[:alpha:]` here. What has no end is no class, but signs.
fn posix_here(reader: &mut Reader<'_>) -> Result<Option<String>, String> {
    let rest = reader.rest();
    let Some(end) = rest.strip_prefix("[:").and_then(|inner| inner.find(":]")) else { return Ok(None) };
    let name = &rest[2..2 + end];
    let (bare, negative) = name.strip_prefix('^').map_or((name, false), |bare| (bare, true));
    let Some(class) = posix(bare) else {
        return Err(format!("invalid character class range: `{}`", &rest[..end + 4]));
    };
    reader.at += end + 4;
    Ok(Some(signed(class, negative)))
}

fn range(reader: &mut Reader<'_>, class: usize, out: &mut String) -> Result<(), String> {
    let start = reader.at;
    let low = single(reader, class)?;
    let mut high = low;
    let rest = reader.rest();
    if rest.len() >= 2 && rest.starts_with('-') && !rest.starts_with("-]") {
        reader.at += 1;
        high = single(reader, class)?;
        if high < low {
            let text = &reader.text[start..reader.at];
            return Err(format!("invalid character class range: `{text}`"));
        }
    }
    // Without the surrogates, which the crate does not take.
    for (low, high) in [(low, high.min(0xD7FF)), (low.max(0xE000), high)] {
        if low <= high {
            let _ = write!(out, "\\x{{{low:X}}}-\\x{{{high:X}}}");
        }
    }
    Ok(())
}

/// A character of a class.
fn single(reader: &mut Reader<'_>, class: usize) -> Result<u32, String> {
    match reader.peek() {
        None => Err(format!("missing closing ]: `{}`", &reader.text[class..])),
        Some('\\') => code(reader),
        Some(sign) => {
            reader.at += sign.len_utf8();
            Ok(u32::from(sign))
        }
    }
}

/// The character that an escape stands for; of a surrogate one that no text has either.
pub(super) fn escape(reader: &mut Reader<'_>) -> Result<char, String> {
    Ok(char::from_u32(code(reader)?).unwrap_or('\u{10FFFF}'))
}

/// `\n`, `\x41`, `\x{1F600}`, `\012`, `\.`.
fn code(reader: &mut Reader<'_>) -> Result<u32, String> {
    let start = reader.at;
    reader.at += 1;
    let take = |reader: &mut Reader<'_>| {
        let sign = reader.peek();
        reader.at += sign.map_or(0, char::len_utf8);
        sign
    };
    let Some(sign) = take(reader) else {
        return Err("trailing backslash at end of expression: ``".to_owned());
    };
    let digit = |reader: &Reader<'_>, base| reader.peek().and_then(|it| it.to_digit(base));
    let found = match sign {
        '1'..='7' if digit(reader, 8).is_none() => None,
        '0'..='7' => {
            let mut code = u32::from(sign) - u32::from('0');
            for _ in 0..2 {
                if let Some(digit) = digit(reader, 8) {
                    code = code * 8 + digit;
                    reader.at += 1;
                }
            }
            Some(code)
        }
        'x' => hexadecimal(reader),
        'a' => Some(7),
        'f' => Some(12),
        'n' => Some(10),
        'r' => Some(13),
        't' => Some(9),
        'v' => Some(11),
        sign if sign.is_ascii() && !sign.is_ascii_alphanumeric() => Some(u32::from(sign)),
        _ => None,
    };
    found.ok_or_else(|| format!("invalid escape sequence: `{}`", &reader.text[start..reader.at]))
}

fn hexadecimal(reader: &mut Reader<'_>) -> Option<u32> {
    let mut next = || {
        let sign = reader.peek()?;
        reader.at += sign.len_utf8();
        Some(sign)
    };
    let first = next()?;
    if first != '{' {
        return Some(first.to_digit(16)? << 4 | next()?.to_digit(16)?);
    }
    let (mut code, mut any) = (0, false);
    loop {
        match next()? {
            '}' => return any.then_some(code),
            digit => code = code << 4 | digit.to_digit(16)?,
        }
        any = true;
        if code > 0x0010_FFFF {
            return None;
        }
    }
}
