//! What becomes of a value between Go's `encoding/json`, which `toYaml` writes first, and `yaml.v2`, which reads that.

use std::borrow::Cow;

use crate::resolve::{Number, through_json};

/// Why a value cannot be written. Helm's `toYaml` gives an empty text then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DumpError {
    /// DEL, C1 controls but NEL, U+FFFE, U+FFFF: JSON writes them as they are, YAML does not read them.
    #[error("the string has `U+{0:04X}`, which `yaml` does not read")]
    Control(u32),
    /// Behind U+0085, which YAML reads as the end of a line.
    #[error("the string has a line that is the mark of a document")]
    Mark,
    /// A key is looked for in 1024 characters of one line.
    #[error("a key is longer than 1024 characters as JSON, or has `U+0085`")]
    Key,
    /// JSON has no such number.
    #[error("`{0}` is no number of JSON")]
    NotFinite(&'static str),
    /// More than [`MAX_DEPTH`](crate::MAX_DEPTH) levels; a value that holds itself ends here.
    #[error("the value is nested deeper than {} levels", crate::MAX_DEPTH)]
    Depth,
}

/// What a number is behind JSON, which has no infinity.
pub(super) fn number(value: f64) -> Result<Number, DumpError> {
    match value {
        _ if value.is_nan() => Err(DumpError::NotFinite("NaN")),
        f64::INFINITY => Err(DumpError::NotFinite("+Inf")),
        f64::NEG_INFINITY => Err(DumpError::NotFinite("-Inf")),
        _ => Ok(through_json(value)),
    }
}

/// A string behind JSON and the reader of YAML.
pub(super) fn through(bytes: &[u8]) -> Result<Cow<'_, str>, DumpError> {
    if bytes.iter().all(|it| *it < 0x7f)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Ok(Cow::Borrowed(text));
    }
    let text = lossy(bytes);
    if let Some(control) = text.chars().find(|it| is_refused(*it)) {
        return Err(DumpError::Control(control.into()));
    }
    if text.contains('\u{85}') { folded(&text).map(Cow::Owned) } else { Ok(text) }
}

/// The same for a key, which has to be found on one line.
pub(super) fn key_through(bytes: &[u8]) -> Result<Cow<'_, str>, DumpError> {
    let text = through(bytes)?;
    if bytes.len() > 160 && encoded_length(bytes) > 1024 || text.len() != bytes.len() && has_nel(bytes) {
        return Err(DumpError::Key);
    }
    Ok(text)
}

fn has_nel(bytes: &[u8]) -> bool {
    lossy(bytes).contains('\u{85}')
}

/// Bytes as text: each byte that is part of no character becomes U+FFFD, as in Go.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(out)
}

fn is_refused(it: char) -> bool {
    matches!(it, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}') && it != '\u{85}'
}

/// What a quoted scalar of YAML makes of U+0085: the end of a line, around which spaces go, and one of which is a space.
fn folded(text: &str) -> Result<String, DumpError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find([' ', '\u{85}']) {
        out.push_str(&rest[..at]);
        let behind = rest[at..].trim_start_matches([' ', '\u{85}']);
        let blanks = &rest[at..rest.len() - behind.len()];
        match blanks.matches('\u{85}').count() {
            0 => out.push_str(blanks),
            1 => out.push(' '),
            many => out.extend(std::iter::repeat_n('\n', many - 1)),
        }
        if blanks.ends_with('\u{85}')
            && (behind.starts_with("---") || behind.starts_with("..."))
            && behind[3..].starts_with([' ', '\u{85}'])
        {
            return Err(DumpError::Mark);
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

/// How many characters `encoding/json` makes of it, with its quotes.
fn encoded_length(bytes: &[u8]) -> usize {
    let length = |it: char| match it {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..'\u{20}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => 6,
        _ => 1,
    };
    let chunks = bytes.utf8_chunks();
    2 + chunks.map(|it| it.valid().chars().map(length).sum::<usize>() + 6 * it.invalid().len()).sum::<usize>()
}
