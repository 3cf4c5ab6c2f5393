//! `semver` and `semverCompare`.

use std::cmp::Ordering;
use std::rc::Rc;

use gabion_template::{Data, Error, Function, IntKind, Kind, Object, Param, Value, fmt};

use super::{Constraint, Version};
use crate::call::{Answer, bytes, derive, yes};

use Param::String as Str;

pub(crate) const FUNCTIONS: &[Function] =
    &[derive("semver", &[Str], semver), derive("semverCompare", &[Str, Str], compare)];

fn version(text: &[u8]) -> Result<Version, Error> {
    let text = String::from_utf8_lossy(text);
    text.parse().map_err(|_| {
        // Two of Go's complaints; its others come with forms that are no versions anywhere.
        let pre = text.split('+').next().and_then(|text| text.split_once('-')).map_or("", |(_, pre)| pre);
        let mut parts = pre.split('.');
        let zero = parts.any(|part| {
            part.len() > 1 && part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit())
        });
        if zero { "version segment starts with 0".into() } else { "invalid semantic version".into() }
    })
}

fn semver(args: &[Value]) -> Answer {
    Ok(SemVer::pointer(version(bytes(args, 0)?)?))
}

fn compare(args: &[Value]) -> Answer {
    let text = String::from_utf8_lossy(bytes(args, 0)?);
    let constraint = text.parse::<Constraint>().map_err(|_| {
        let mut quoted = Vec::new();
        fmt::quote(&mut quoted, text.as_bytes());
        Error(format!("improper constraint: {}", String::from_utf8_lossy(&quoted)))
    })?;
    yes(constraint.allows(&version(bytes(args, 1)?)?))
}

/// A version with the methods of Masterminds/semver's `Version`.
#[derive(Debug)]
struct SemVer {
    version: Version,
    /// Go's pointer, or the struct itself, which methods give that make another version.
    pointer: bool,
}

impl SemVer {
    fn pointer(version: Version) -> Value {
        Data::Object(Rc::new(Self { version, pointer: true })).into()
    }

    /// A version of these parts, with the `v` in front that this one has.
    fn made(&self, numbers: [u64; 3], pre: &str, build: &str) -> Answer {
        let [major, minor, patch] = numbers;
        let behind =
            |mark: &str, text: &str| if text.is_empty() { String::new() } else { format!("{mark}{text}") };
        let v = if self.version.as_str().starts_with('v') { "v" } else { "" };
        let text = format!("{v}{major}.{minor}.{patch}{}{}", behind("-", pre), behind("+", build));
        let version = version(text.as_bytes())?;
        Ok(Data::Object(Rc::new(Self { version, pointer: false })).into())
    }

    /// `IncMajor` and its like: the numbers behind become 0; a patch of what comes before a release is the release.
    fn next(&self, place: usize) -> Answer {
        let mut numbers = self.version.numbers();
        if place < 2 || self.version.prerelease().is_empty() {
            let overflow = || Error::from("version increment would overflow uint64");
            numbers[place] = numbers[place].checked_add(1).ok_or_else(overflow)?;
        }
        numbers[place + 1..].fill(0);
        self.made(numbers, "", "")
    }

    fn with(&self, part: Option<&Value>, pre: bool) -> Answer {
        let part = part.and_then(Value::as_text).ok_or("wrong type for value; expected string")?.to_str();
        let numbers = self.version.numbers();
        if pre {
            self.made(numbers, &part, self.version.build()).map_err(|_| "invalid prerelease string".into())
        } else {
            self.made(numbers, self.version.prerelease(), &part).map_err(|_| "invalid metadata string".into())
        }
    }

    fn other(args: &[Value]) -> Result<&Version, Error> {
        match args {
            [Value { data: Data::Object(object), .. }] => object.as_any().downcast_ref::<Self>(),
            _ => None,
        }
        .map(|other| &other.version)
        .ok_or_else(|| "wrong type for value; expected *semver.Version".into())
    }
}

impl Object for SemVer {
    fn type_name(&self) -> &str {
        if self.pointer { "*semver.Version" } else { "semver.Version" }
    }

    fn kind(&self) -> Kind {
        if self.pointer { Kind::Ptr } else { Kind::Struct }
    }

    fn call(&self, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
        let version = &self.version;
        let number = |place: usize| Ok(Value::integer(version.numbers()[place] as i64, IntKind::Uint64));
        let order = |fits: fn(Ordering) -> bool| Self::other(args).map(|it| fits(version.cmp(it)).into());
        let wanted = match method {
            "SetPrerelease" | "SetMetadata" | "Compare" | "Equal" | "LessThan" | "GreaterThan"
            | "LessThanEqual" | "GreaterThanEqual" => 1,
            _ => 0,
        };
        let answer = match method {
            // Methods of the pointer, which the struct does not have in a template.
            "Original" | "Compare" | "Equal" | "LessThan" | "GreaterThan" | "LessThanEqual"
            | "GreaterThanEqual"
                if !self.pointer =>
            {
                return None;
            }
            "Major" => number(0),
            "Minor" => number(1),
            "Patch" => number(2),
            "Prerelease" => Ok(version.prerelease().into()),
            "Metadata" => Ok(version.build().into()),
            "Original" => Ok(version.as_str().into()),
            "String" => Ok(version.normal().into()),
            "IncMajor" => self.next(0),
            "IncMinor" => self.next(1),
            "IncPatch" => self.next(2),
            "SetPrerelease" => self.with(args.first(), true),
            "SetMetadata" => self.with(args.first(), false),
            "Compare" => Self::other(args).map(|it| Value::int(version.cmp(it) as i64)),
            "Equal" => order(Ordering::is_eq),
            "LessThan" => order(Ordering::is_lt),
            "GreaterThan" => order(Ordering::is_gt),
            "LessThanEqual" => order(Ordering::is_le),
            "GreaterThanEqual" => order(Ordering::is_ge),
            _ => return None,
        };
        if args.len() != wanted {
            let got = args.len();
            return Some(Err(format!("wrong number of args for {method}: want {wanted} got {got}").into()));
        }
        Some(answer)
    }

    fn print(&self) -> String {
        self.version.normal()
    }

    fn plain(&self) -> Option<Value> {
        Some(self.version.normal().into())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
