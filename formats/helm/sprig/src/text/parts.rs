//! Strings in strings: searching, replacing, dividing, joining.

use std::collections::BTreeMap;
use std::rc::Rc;

use gabion_template::{Bytes, Data, Elem, Function, Map, MapKind, Param, Text, Value};

use super::{Pieces, find, strings, strval};
use crate::call::{Answer, any, bytes, derive, int, text, yes};
use crate::runes;

use Param::{Any, Int, String as Str};

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("contains", &[Str, Str], |args| yes(find(bytes(args, 1)?, bytes(args, 0)?).is_some())),
    derive("hasPrefix", &[Str, Str], |args| yes(bytes(args, 1)?.starts_with(bytes(args, 0)?))),
    derive("hasSuffix", &[Str, Str], |args| yes(bytes(args, 1)?.ends_with(bytes(args, 0)?))),
    derive("join", &[Str, Any], join),
    derive("plural", &[Str, Str, Int], |args| Ok(any(args, usize::from(int(args, 2)? != 1)).clone())),
    derive("replace", &[Str, Str, Str], replace),
    derive("sortAlpha", &[Any], sort_alpha),
    derive("split", &[Str, Str], |args| Ok(numbered(split(text(args, 1)?, bytes(args, 0)?, -1)))),
    derive("splitList", &[Str, Str], |args| Ok(Value::strings(split(text(args, 1)?, bytes(args, 0)?, -1)))),
    derive("splitn", &[Str, Int, Str], |args| {
        Ok(numbered(split(text(args, 2)?, bytes(args, 0)?, int(args, 1)?)))
    }),
];

fn join(args: &[Value]) -> Answer {
    let separator = text(args, 0)?;
    let mut out = Pieces::default();
    for (at, item) in strings(any(args, 1))?.iter().enumerate() {
        if at > 0 {
            out.text(separator);
        }
        out.text(item);
    }
    out.value()
}

/// `strings.Replace` without a bound: an empty `old` stands before every character and at the end.
fn replace(args: &[Value]) -> Answer {
    let (old, new, given) = (bytes(args, 0)?, text(args, 1)?, text(args, 2)?);
    let all = given.bytes();
    let mut out = Pieces::default();
    let mut start = 0;
    if old.is_empty() {
        for (at, _) in runes::runes(all) {
            out.slice(given, start, at);
            out.text(new);
            start = at;
        }
        out.slice(given, start, all.len());
        out.text(new);
        return out.value();
    }
    while let Some(more) = find(&all[start..], old) {
        out.slice(given, start, start + more);
        out.text(new);
        start += more + old.len();
    }
    if start == 0 {
        return Ok(given.clone().into());
    }
    out.slice(given, start, all.len());
    out.value()
}

/// `strings.SplitN`: at most `most` parts, the last one with the rest; an empty separator stands between all characters.
fn split(given: &Text, separator: &[u8], most: i64) -> Vec<Text> {
    let most = match most {
        0 => return Vec::new(),
        most => usize::try_from(most).unwrap_or(usize::MAX),
    };
    let all = given.bytes();
    let mut out = Vec::new();
    let mut start = 0;
    if separator.is_empty() {
        while start < all.len() && out.len() + 1 < most {
            let end = start + runes::first(&all[start..]).map_or(1, |(_, length)| length);
            out.push(given.slice(start, end));
            start = end;
        }
        if start < all.len() {
            out.push(given.slice(start, all.len()));
        }
        return out;
    }
    while out.len() + 1 < most {
        let Some(more) = find(&all[start..], separator) else { break };
        out.push(given.slice(start, start + more));
        start += more + separator.len();
    }
    out.push(given.slice(start, all.len()));
    out
}

/// A `map[string]string` with the keys `_0`, `_1` and so on.
fn numbered(parts: Vec<Text>) -> Value {
    let key = |at: usize| Bytes::from(format!("_{at}").into_bytes());
    let entries: BTreeMap<_, _> =
        parts.into_iter().enumerate().map(|(at, part)| (key(at), Value::from(part))).collect();
    Data::Map(Rc::new(Map::from_entries(MapKind::String, entries))).into()
}

/// Sorts by bytes; what is no list is the only element of one.
fn sort_alpha(args: &[Value]) -> Answer {
    let given = any(args, 0);
    let mut all = match &given.data {
        Data::List(list) if list.elem == Elem::String => {
            list.items.iter().filter_map(Value::as_text).cloned().collect()
        }
        Data::List(_) => strings(given)?,
        _ => vec![strval(given)?],
    };
    all.sort_by(|left, right| left.bytes().cmp(right.bytes()));
    Ok(Value::strings(all))
}
