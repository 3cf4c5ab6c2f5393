//! `urlParse` and `urlJoin`: Go's `net/url`, which is neither RFC 3986 nor what browsers do.

mod escape;
mod parse;

use std::collections::BTreeMap;

use gabion_template::{Bytes, Data, Error, Function, Map, Param, Value, fmt};

use crate::call::{Answer, NIL_POINTER, bytes, derive, map, string};
use escape::{Mode, escaped};
use parse::{Url, Wrong, parse};

pub(crate) const FUNCTIONS: &[Function] =
    &[derive("urlJoin", &[Param::Map], join), derive("urlParse", &[Param::String], url_parse)];

/// What Go says of a URL that is none. The text that it names is without the fragment, unless that is the mistake.
fn complaint(text: &[u8], error: &Wrong) -> String {
    let named = if error.fragment { text } else { text.split(|byte| *byte == b'#').next().unwrap_or(text) };
    let mut quoted = Vec::new();
    fmt::quote(&mut quoted, named);
    format!("parse {}: {}", String::from_utf8_lossy(&quoted), error.what)
}

fn url_parse(args: &[Value]) -> Answer {
    let text = bytes(args, 0)?;
    let url =
        parse(text).map_err(|error| Error(format!("unable to parse url: {}", complaint(text, &error))))?;
    let hostname = url.hostname().to_vec();
    let userinfo = url.user.unwrap_or_default();
    let parts = [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", userinfo),
    ];
    let entries: BTreeMap<Bytes, Value> =
        parts.into_iter().map(|(name, part)| (name.as_bytes().into(), Value::text(part))).collect();
    Ok(Value::map(entries))
}

/// The part of this name, which must be a string if it is there.
fn part(parts: &Map, name: &str) -> Result<Vec<u8>, Error> {
    match parts.get(name.as_bytes()).map(|value| value.data) {
        None => Ok(Vec::new()),
        Some(Data::Text(text)) => Ok(text.bytes().to_vec()),
        Some(Data::Nil) => Err(NIL_POINTER.into()),
        Some(other) => {
            let kind = crate::kinds::name(Value::from(other).kind());
            Err(format!("unable to parse {name} key, must be of type string, but {kind} found").into())
        }
    }
}

fn join(args: &[Value]) -> Answer {
    let parts = map(args, 0)?;
    let get = |name| part(&parts, name);
    let mut url = Url {
        scheme: get("scheme")?,
        host: get("host")?,
        path: get("path")?,
        query: get("query")?,
        opaque: get("opaque")?,
        fragment: get("fragment")?,
        user: None,
    };
    let given = get("userinfo")?;
    if !given.is_empty() {
        let whole = [b"proto://", given.as_slice(), b"@host"].concat();
        let wrong =
            |error: Wrong| Error(format!("unable to parse userinfo in dict: {}", complaint(&whole, &error)));
        url.user = parse(&whole).map_err(wrong)?.user;
    }
    string(written(&url))
}

/// `URL.String`.
fn written(url: &Url) -> Vec<u8> {
    let mut out = Vec::new();
    if !url.scheme.is_empty() {
        out.extend_from_slice(&url.scheme);
        out.push(b':');
    }
    if url.opaque.is_empty() {
        let hosted = !url.host.is_empty() || url.user.is_some();
        if hosted || !url.scheme.is_empty() && !url.path.is_empty() {
            out.extend_from_slice(b"//");
        }
        if let Some(user) = &url.user {
            out.extend_from_slice(user);
            out.push(b'@');
        }
        out.extend(escaped(&url.host, Mode::Host));
        let path = if url.path == b"*" { url.path.clone() } else { escaped(&url.path, Mode::Path) };
        if path.first().is_some_and(|byte| *byte != b'/') && !url.host.is_empty() {
            out.push(b'/');
        }
        let first = path.split(|byte| *byte == b'/').next().unwrap_or_default();
        if out.is_empty() && first.contains(&b':') {
            out.extend_from_slice(b"./");
        }
        out.extend(path);
    } else {
        out.extend_from_slice(&url.opaque);
    }
    if !url.query.is_empty() {
        out.push(b'?');
        out.extend_from_slice(&url.query);
    }
    if !url.fragment.is_empty() {
        out.push(b'#');
        out.extend(escaped(&url.fragment, Mode::Fragment));
    }
    out
}
