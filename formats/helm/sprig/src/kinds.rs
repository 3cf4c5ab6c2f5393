//! `typeOf`, `kindIs` and their like: what values are in Go (sprig `reflect.go`).

use gabion_template::{Function, Kind, Param, Value};

use crate::call::{Answer, any, bytes, derive, string, yes};

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("kindIs", &[Param::String, Param::Any], kind_is),
    derive("kindOf", &[Param::Any], |args| string(name(any(args, 0).kind()))),
    derive("typeIs", &[Param::String, Param::Any], type_is),
    derive("typeIsLike", &[Param::String, Param::Any], type_is_like),
    derive("typeOf", &[Param::Any], |args| string(type_of(any(args, 0)))),
];

/// What `%T` writes.
fn type_of(value: &Value) -> &str {
    value.type_name().unwrap_or("<nil>")
}

/// `reflect.Kind.String`.
pub(crate) const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Invalid => "invalid",
        Kind::Bool => "bool",
        Kind::Int(int) => int.type_name(),
        Kind::Float64 => "float64",
        Kind::String => "string",
        Kind::Slice => "slice",
        Kind::Map => "map",
        Kind::Struct => "struct",
        Kind::Ptr => "ptr",
        Kind::Func => "func",
    }
}

fn kind_is(args: &[Value]) -> Answer {
    yes(bytes(args, 0)? == name(any(args, 1).kind()).as_bytes())
}

fn type_is(args: &[Value]) -> Answer {
    yes(bytes(args, 0)? == type_of(any(args, 1)).as_bytes())
}

fn type_is_like(args: &[Value]) -> Answer {
    let (wanted, own) = (bytes(args, 0)?, type_of(any(args, 1)).as_bytes());
    yes(wanted == own || own.strip_prefix(b"*") == Some(wanted))
}
