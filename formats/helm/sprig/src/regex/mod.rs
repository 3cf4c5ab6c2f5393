//! Regular expressions: Go's RE2 dialect and Go's ways to go over matches (sprig `regex.go`).

mod class;
mod expand;
mod search;
mod syntax;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use gabion_template::{Error, Function, Param, Text, Value, fmt};

use crate::call::{Answer, bytes, derive, int, string, text, yes};
use crate::text::Pieces;
use search::{Haystack, Pattern};

use Param::{Int, String as Str};

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("mustRegexFind", &[Str, Str], |args| find(args, compile(args)?)),
    derive("mustRegexFindAll", &[Str, Str, Int], |args| find_all(args, compile(args)?)),
    derive("mustRegexMatch", &[Str, Str], |args| matches(args, compile(args)?)),
    derive("mustRegexReplaceAll", &[Str, Str, Str], |args| replace(args, compile(args)?, false)),
    derive("mustRegexReplaceAllLiteral", &[Str, Str, Str], |args| replace(args, compile(args)?, true)),
    derive("mustRegexSplit", &[Str, Str, Int], |args| split(args, compile(args)?)),
    derive("regexFind", &[Str, Str], |args| find(args, must(args)?)),
    derive("regexFindAll", &[Str, Str, Int], |args| find_all(args, must(args)?)),
    derive("regexMatch", &[Str, Str], |args| match compile(args) {
        Ok(pattern) => matches(args, pattern),
        Err(_) => yes(false),
    }),
    derive("regexQuoteMeta", &[Str], |args| string(quote_meta(bytes(args, 0)?))),
    derive("regexReplaceAll", &[Str, Str, Str], |args| replace(args, must(args)?, false)),
    derive("regexReplaceAllLiteral", &[Str, Str, Str], |args| replace(args, must(args)?, true)),
    derive("regexSplit", &[Str, Str, Int], |args| split(args, must(args)?)),
];

/// So many patterns are kept; a chart has a handful, in loops.
const KEPT: usize = 256;

type Compiled = Result<Rc<Pattern>, Error>;

thread_local! {
    static PATTERNS: RefCell<HashMap<Vec<u8>, Compiled>> = RefCell::default();
}

/// `regexp.Compile` of the first argument.
fn compile(args: &[Value]) -> Compiled {
    let expression = bytes(args, 0)?;
    PATTERNS.with_borrow_mut(|kept| {
        if let Some(found) = kept.get(expression) {
            return found.clone();
        }
        let made = Pattern::new(expression)
            .map(Rc::new)
            .map_err(|what| Error(format!("error parsing regexp: {what}")));
        if kept.len() == KEPT {
            kept.clear();
        }
        kept.insert(expression.to_vec(), made.clone());
        made
    })
}

/// `regexp.MustCompile` of the first argument.
fn must(args: &[Value]) -> Compiled {
    compile(args).map_err(|error| {
        let expression = args.first().and_then(Value::as_text).map(Text::bytes).unwrap_or_default();
        let plain = std::str::from_utf8(expression).is_ok_and(|it| {
            !it.chars().any(|it| it == '`' || it.is_ascii_control() && it != '\t' || it == '\u{FEFF}')
        });
        let mut quoted = Vec::new();
        if plain {
            quoted.extend([b"`", expression, b"`"].concat());
        } else {
            fmt::quote(&mut quoted, expression);
        }
        Error(format!("regexp: Compile({}): {error}", String::from_utf8_lossy(&quoted)))
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the pattern is made in the call")]
fn matches(args: &[Value], pattern: Rc<Pattern>) -> Answer {
    yes(pattern.find(&Haystack::new(bytes(args, 1)?), 0).is_some())
}

#[expect(clippy::needless_pass_by_value, reason = "the pattern is made in the call")]
fn find(args: &[Value], pattern: Rc<Pattern>) -> Answer {
    let given = text(args, 1)?;
    let hay = Haystack::new(given.bytes());
    let found = pattern.find(&hay, 0).map(|(start, end)| given.slice(hay.outside(start), hay.outside(end)));
    Ok(found.unwrap_or_default().into())
}

#[expect(clippy::needless_pass_by_value, reason = "the pattern is made in the call")]
fn find_all(args: &[Value], pattern: Rc<Pattern>) -> Answer {
    let given = text(args, 1)?;
    let hay = Haystack::new(given.bytes());
    let all = pattern.all(&hay, int(args, 2)?);
    Ok(Value::strings(all.into_iter().map(|(start, end)| given.slice(hay.outside(start), hay.outside(end)))))
}

/// `Regexp.Split`.
#[expect(clippy::needless_pass_by_value, reason = "the pattern is made in the call")]
fn split(args: &[Value], pattern: Rc<Pattern>) -> Answer {
    let (given, most) = (text(args, 1)?, int(args, 2)?);
    if most == 0 {
        return Ok(Value::strings([]));
    }
    if given.bytes().is_empty() && !bytes(args, 0)?.is_empty() {
        return Ok(Value::strings([given.clone()]));
    }
    let hay = Haystack::new(given.bytes());
    let mut parts = Vec::new();
    let (mut start, mut end) = (0, 0);
    for (from, to) in pattern.all(&hay, most) {
        if most > 0 && parts.len() as i64 == most - 1 {
            break;
        }
        end = hay.outside(from);
        if to != 0 {
            parts.push(given.slice(start, end));
        }
        start = hay.outside(to);
    }
    if end != given.bytes().len() {
        parts.push(given.slice(start, given.bytes().len()));
    }
    Ok(Value::strings(parts))
}

/// `Regexp.ReplaceAllString`; literally: without `$1`.
#[expect(clippy::needless_pass_by_value, reason = "the pattern is made in the call")]
fn replace(args: &[Value], pattern: Rc<Pattern>, literally: bool) -> Answer {
    let (given, new) = (text(args, 1)?, text(args, 2)?);
    let hay = Haystack::new(given.bytes());
    let literally = literally || !new.bytes().contains(&b'$');
    let mut out = Pieces::default();
    let (mut last, mut at) = (0, 0);
    let mut any = false;
    while at <= hay.len() {
        let Some(found) = pattern.captures(&hay, at) else { break };
        let (start, end) = found[0].unwrap_or((at, at));
        any = true;
        out.slice(given, hay.outside(last), hay.outside(start));
        // An empty match right behind another one is passed over.
        if end > last || start == 0 {
            if literally {
                out.text(new);
            } else {
                expand::expand(&mut out, new, given, &hay, &pattern, &found);
            }
        }
        last = end;
        at = if at + hay.width(at) > end {
            at + hay.width(at)
        } else if at + 1 > end {
            at + 1
        } else {
            end
        };
    }
    if !any {
        return Ok(given.clone().into());
    }
    out.slice(given, hay.outside(last), given.bytes().len());
    out.value()
}

/// `regexp.QuoteMeta`.
fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if br"\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}
