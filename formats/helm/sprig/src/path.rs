//! Paths with slashes (Go's `path`; on a machine with slashes `path/filepath` is the same).

use gabion_template::{Function, Param, Value};

use crate::call::{Answer, bytes, derive, string, yes};

use Param::String as Str;

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("base", &[Str], base),
    derive("clean", &[Str], |args| string(clean(bytes(args, 0)?))),
    derive("dir", &[Str], dir),
    derive("ext", &[Str], ext),
    derive("isAbs", &[Str], is_absolute),
    derive("osBase", &[Str], base),
    derive("osClean", &[Str], |args| string(clean(bytes(args, 0)?))),
    derive("osDir", &[Str], dir),
    derive("osExt", &[Str], ext),
    derive("osIsAbs", &[Str], is_absolute),
];

/// What stands behind the last slash.
fn behind_slash(path: &[u8]) -> usize {
    path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1)
}

fn base(args: &[Value]) -> Answer {
    let path = bytes(args, 0)?;
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at + 1);
    match &path[..end] {
        [] if path.is_empty() => string("."),
        [] => string("/"),
        path => string(&path[behind_slash(path)..]),
    }
}

fn dir(args: &[Value]) -> Answer {
    let path = bytes(args, 0)?;
    string(clean(&path[..behind_slash(path)]))
}

fn ext(args: &[Value]) -> Answer {
    let path = bytes(args, 0)?;
    let name = &path[behind_slash(path)..];
    string(name.iter().rposition(|byte| *byte == b'.').map_or(&[][..], |at| &name[at..]))
}

fn is_absolute(args: &[Value]) -> Answer {
    yes(bytes(args, 0)?.starts_with(b"/"))
}

/// `path.Clean`: no empty parts, no `.`, and `..` only at the start of a path that is not absolute.
fn clean(path: &[u8]) -> Vec<u8> {
    let absolute = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            b".." if absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (absolute, joined.is_empty()) {
        (true, _) => [b"/".as_slice(), &joined].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}
