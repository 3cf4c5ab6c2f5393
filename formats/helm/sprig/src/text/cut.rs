//! Parts of strings: cutting, trimming, shortening.

use gabion_template::{Error, Function, Param, Text, Value};

use super::Pieces;
use crate::call::{Answer, bytes, derive, int, string, text};
use crate::runes::{self, is_space};

use Param::{Int, String as Str};

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("abbrev", &[Int, Str], |args| abbrev(int(args, 0)?, text(args, 1)?)),
    derive("abbrevboth", &[Int, Int, Str], |args| abbrev_both(int(args, 0)?, int(args, 1)?, text(args, 2)?)),
    derive("initials", &[Str], |args| string(initials(bytes(args, 0)?))),
    derive("nospace", &[Str], no_space),
    derive("substr", &[Int, Int, Str], |args| substr(int(args, 0)?, int(args, 1)?, text(args, 2)?)),
    derive("trim", &[Str], |args| trim(text(args, 0)?, is_space, is_space)),
    derive("trimAll", &[Str, Str], trim_all),
    derive("trimPrefix", &[Str, Str], trim_prefix),
    derive("trimSuffix", &[Str, Str], trim_suffix),
    derive("trimall", &[Str, Str], trim_all),
    derive("trunc", &[Int, Str], |args| trunc(int(args, 0)?, text(args, 1)?)),
];

fn slice(text: &Text, start: usize, end: usize) -> Answer {
    if start == 0 && end == text.bytes().len() {
        return Ok(text.clone().into());
    }
    let mut out = Pieces::default();
    out.slice(text, start, end);
    out.value()
}

/// Go's `s[start:end]`, with its complaints.
fn go_slice(text: &Text, start: i64, end: i64) -> Answer {
    let length = text.bytes().len() as i64;
    let complaint = |what: String| Err(Error(format!("runtime error: slice bounds out of range {what}")));
    if !(0..=length).contains(&end) {
        let length = if end < 0 { String::new() } else { format!(" with length {length}") };
        return complaint(format!("[:{end}]{length}"));
    }
    if !(0..=end).contains(&start) {
        return complaint(if start < 0 { format!("[{start}:]") } else { format!("[{start}:{end}]") });
    }
    slice(text, start as usize, end as usize)
}

fn trunc(count: i64, text: &Text) -> Answer {
    let length = text.bytes().len() as i64;
    if count < 0 && length + count > 0 {
        slice(text, (length + count) as usize, length as usize)
    } else {
        slice(text, 0, if count >= 0 { length.min(count) } else { length } as usize)
    }
}

fn substr(start: i64, end: i64, text: &Text) -> Answer {
    let length = text.bytes().len() as i64;
    if start < 0 {
        go_slice(text, 0, end)
    } else if end < 0 || end > length {
        go_slice(text, start, length)
    } else {
        go_slice(text, start, end)
    }
}

fn abbrev(width: i64, text: &Text) -> Answer {
    if width < 4 { Ok(text.clone().into()) } else { shorten(text, 0, width) }
}

fn abbrev_both(left: i64, right: i64, text: &Text) -> Answer {
    if right < 4 || left > 0 && right < 7 { Ok(text.clone().into()) } else { shorten(text, left, right) }
}

/// goutils `AbbreviateFull`; an error of it is an empty text.
fn shorten(text: &Text, offset: i64, width: i64) -> Answer {
    let length = text.bytes().len() as i64;
    if length <= width {
        return Ok(text.clone().into());
    }
    let mut offset = offset.min(length);
    if length - offset < width - 3 {
        offset = length - (width - 3);
    }
    let mut out = Pieces::default();
    if offset <= 4 {
        out.slice(text, 0, (width - 3) as usize);
        out.own(b"...");
    } else if width >= 7 {
        out.own(b"...");
        if offset + width - 3 < length {
            // What is left is longer than the width, or this were the end of the text.
            out.slice(text, offset as usize, (offset + width - 6) as usize);
            out.own(b"...");
        } else {
            out.slice(text, (length - (width - 3)) as usize, length as usize);
        }
    }
    out.value()
}

/// goutils `Initials`, which takes each byte for a character.
fn initials(bytes: &[u8]) -> Vec<u8> {
    let mut gap = true;
    let starts = bytes.iter().map(|byte| char::from(*byte)).filter(|it| {
        let space = is_space(*it);
        let start = !space && gap;
        gap = space;
        start
    });
    starts.collect::<String>().into_bytes()
}

/// goutils `DeleteWhiteSpace`, which takes each byte for a character once it found a blank.
fn no_space(args: &[Value]) -> Answer {
    let given = text(args, 0)?;
    let blank = |byte: &u8| is_space(char::from(*byte));
    if !given.bytes().iter().any(blank) {
        return Ok(given.clone().into());
    }
    let kept = given.bytes().iter().filter(|byte| !blank(byte));
    string(kept.map(|byte| char::from(*byte)).collect::<String>())
}

/// The text without the characters at its ends of which this holds.
fn trim(text: &Text, left: impl Fn(char) -> bool, right: impl Fn(char) -> bool) -> Answer {
    let bytes = text.bytes();
    let (mut start, mut end) = (0, bytes.len());
    while let Some((_, length)) = runes::first(&bytes[start..end]).filter(|(it, _)| left(*it)) {
        start += length;
    }
    while let Some((_, length)) = runes::last(&bytes[start..end]).filter(|(it, _)| right(*it)) {
        end -= length;
    }
    slice(text, start, end)
}

fn trim_all(args: &[Value]) -> Answer {
    let set: Vec<char> = runes::runes(bytes(args, 0)?).map(|(_, it)| it).collect();
    trim(text(args, 1)?, |it| set.contains(&it), |it| set.contains(&it))
}

fn trim_prefix(args: &[Value]) -> Answer {
    let (part, given) = (bytes(args, 0)?, text(args, 1)?);
    let start = if given.bytes().starts_with(part) { part.len() } else { 0 };
    slice(given, start, given.bytes().len())
}

fn trim_suffix(args: &[Value]) -> Answer {
    let (part, given) = (bytes(args, 0)?, text(args, 1)?);
    let length = given.bytes().len();
    slice(given, 0, if given.bytes().ends_with(part) { length - part.len() } else { length })
}
