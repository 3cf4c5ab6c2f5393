//! `eq` and its siblings.

use std::cmp::Ordering;
use std::rc::Rc;

use crate::fmt;
use crate::function::Error;
use crate::value::{Data, Elem, Value};

/// What Go compares values as. Integers of any sign are compared with each other.
enum Basic<'v> {
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(&'v [u8]),
    /// Nothing that has an order.
    Other,
}

fn basic(value: &Value) -> Basic<'_> {
    match &value.data {
        Data::Bool(bool) => Basic::Bool(*bool),
        Data::Int(int) => Basic::Int(int.value()),
        Data::Float(float) => Basic::Float(*float),
        Data::Text(text) => Basic::Text(text.bytes()),
        _ => Basic::Other,
    }
}

fn type_of(value: &Value) -> &str {
    value.type_name().unwrap_or("<nil>")
}

fn incompatible(one: &Value, other: &Value) -> Error {
    format!("incompatible types for comparison: {} and {}", type_of(one), type_of(other)).into()
}

/// Is the first one equal to any of the others?
pub(super) fn equal(args: &[Value]) -> Result<bool, Error> {
    let Some((first, others)) = args.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Err("missing argument for comparison".into());
    };
    for other in others {
        if equal_two(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal_two(one: &Value, other: &Value) -> Result<bool, Error> {
    match (basic(one), basic(other)) {
        (Basic::Bool(one), Basic::Bool(other)) => Ok(one == other),
        (Basic::Int(one), Basic::Int(other)) => Ok(one == other),
        #[expect(clippy::float_cmp, reason = "Go compares floats like this")]
        (Basic::Float(one), Basic::Float(other)) => Ok(one == other),
        (Basic::Text(one), Basic::Text(other)) => Ok(one == other),
        (Basic::Other, Basic::Other) => equal_others(one, other),
        _ if one.is_nil() || other.is_nil() => Ok(false),
        _ => Err(incompatible(one, other)),
    }
}

/// Lists, maps and objects. Only `nil` and the same object are equal to anything.
fn equal_others(one: &Value, other: &Value) -> Result<bool, Error> {
    if one.is_nil() || other.is_nil() || (is_nil(one) && is_nil(other)) {
        return Ok(is_nil(one) == is_nil(other));
    }
    if one.kind() != other.kind() {
        let text = shown(b"non-comparable types %s: ", one)? + type_of(one) + ", " + type_of(other);
        return Err((text + &shown(b": %v", other)?).into());
    }
    match (&one.data, &other.data) {
        (Data::Object(one), Data::Object(other)) => Ok(Rc::ptr_eq(one, other)),
        _ => Err((shown(b"non-comparable type %s: ", other)? + type_of(other)).into()),
    }
}

/// Is it `nil`, or a slice that is?
fn is_nil(value: &Value) -> bool {
    value.is_nil() || value.as_list().is_some_and(|list| list.elem == Elem::Nil)
}

fn shown(format: &[u8], value: &Value) -> Result<String, Error> {
    let mut out = Vec::new();
    fmt::printf(&mut out, format, std::slice::from_ref(value))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// How two values are ordered; `None`: they are floats without an order.
fn order(one: &Value, other: &Value) -> Result<Option<Ordering>, Error> {
    match (basic(one), basic(other)) {
        (Basic::Other, _) | (_, Basic::Other) | (Basic::Bool(_), Basic::Bool(_)) => {
            Err("invalid type for comparison".into())
        }
        (Basic::Int(one), Basic::Int(other)) => Ok(Some(one.cmp(&other))),
        (Basic::Float(one), Basic::Float(other)) => Ok(one.partial_cmp(&other)),
        (Basic::Text(one), Basic::Text(other)) => Ok(Some(one.cmp(other))),
        _ => Err(incompatible(one, other)),
    }
}

/// `<`
pub(super) fn less(one: &Value, other: &Value) -> Result<bool, Error> {
    Ok(order(one, other)? == Some(Ordering::Less))
}

/// `<=`
pub(super) fn less_or_equal(one: &Value, other: &Value) -> Result<bool, Error> {
    Ok(order(one, other)?.is_some_and(Ordering::is_le))
}
