//! `$1`, `${name}` and `$$` in a replacement (`Regexp.Expand`).

use gabion_template::Text;

use super::search::{Found, Haystack, Pattern};
use crate::runes;
use crate::text::Pieces;

/// Appends the replacement with the groups put in.
pub(super) fn expand(
    out: &mut Pieces,
    new: &Text,
    given: &Text,
    hay: &Haystack<'_>,
    pattern: &Pattern,
    found: &[Option<Found>],
) {
    let bytes = new.bytes();
    let mut at = 0;
    while let Some(more) = bytes[at..].iter().position(|byte| *byte == b'$') {
        out.slice(new, at, at + more);
        at += more + 1;
        if bytes.get(at) == Some(&b'$') {
            out.own(b"$");
            at += 1;
            continue;
        }
        let Some((name, length)) = reference(&bytes[at..]) else {
            out.own(b"$");
            continue;
        };
        at += length;
        if let Some((start, end)) = group(name, pattern, found) {
            out.slice(given, hay.outside(start), hay.outside(end));
        }
    }
    out.slice(new, at, bytes.len());
}

/// The name behind a `$`, as long as it can be, and how far it reaches.
fn reference(text: &[u8]) -> Option<(&str, usize)> {
    let brace = usize::from(text.first() == Some(&b'{'));
    let part = |it: char| it == '_' || runes::is_letter(it) || runes::is_digit(it);
    let inner = &text[brace..];
    let length = runes::runes(inner).find(|(_, it)| !part(*it)).map_or(inner.len(), |(at, _)| at);
    let name = std::str::from_utf8(&inner[..length]).ok().filter(|name| !name.is_empty())?;
    if brace == 1 && inner.get(length) != Some(&b'}') {
        return None;
    }
    Some((name, length + 2 * brace))
}

fn group(name: &str, pattern: &Pattern, found: &[Option<Found>]) -> Option<Found> {
    let number =
        name.bytes().all(|byte| byte.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0'));
    if number && name.len() < 10 {
        return found.get(name.parse::<usize>().ok()?).copied().flatten();
    }
    let mut named = pattern.names.iter().enumerate().filter(|(_, it)| it.as_deref() == Some(name));
    named.find_map(|(at, _)| found.get(at).copied().flatten())
}
