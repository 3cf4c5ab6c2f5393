//! `reflect.DeepEqual`: the same types, and the same values all the way down.

use std::rc::Rc;

use gabion_template::{Data, Error, Value};

use crate::call::{DEEPEST, too_deep};

/// Are these equal in Go's sense? `1` and `1.0` are not, nor are `int` and `int64`.
pub(crate) fn deep_equal(left: &Value, right: &Value) -> Result<bool, Error> {
    equal(left, right, 0)
}

fn equal(left: &Value, right: &Value, depth: usize) -> Result<bool, Error> {
    if depth > DEEPEST {
        return Err(too_deep());
    }
    Ok(match (&left.data, &right.data) {
        (Data::Nil, Data::Nil) => true,
        (Data::Bool(left), Data::Bool(right)) => left == right,
        (Data::Int(left), Data::Int(right)) => left == right,
        (Data::Float(left), Data::Float(right)) => same_float(*left, *right),
        (Data::Text(left), Data::Text(right)) => left == right,
        (Data::List(left), Data::List(right)) => {
            if Rc::ptr_eq(left, right) {
                return Ok(true);
            }
            let same = left.elem == right.elem && left.items.len() == right.items.len();
            same && all(left.items.iter().zip(&right.items), depth)?
        }
        (Data::Map(left), Data::Map(right)) => {
            if Rc::ptr_eq(left, right) {
                return Ok(true);
            }
            let (one, other) = (left.snapshot(), right.snapshot());
            let same = left.kind == right.kind && one.len() == other.len();
            let keys = || one.iter().zip(&other).all(|((left, _), (right, _))| left == right);
            same && keys() && all(one.iter().zip(&other).map(|((_, left), (_, right))| (left, right)), depth)?
        }
        (Data::Object(left), Data::Object(right)) => {
            Rc::ptr_eq(left, right) || left.type_name() == right.type_name() && left.print() == right.print()
        }
        _ => false,
    })
}

#[expect(clippy::float_cmp, reason = "Go compares floats like this")]
fn same_float(left: f64, right: f64) -> bool {
    left == right
}

fn all<'a>(mut pairs: impl Iterator<Item = (&'a Value, &'a Value)>, depth: usize) -> Result<bool, Error> {
    pairs.try_fold(true, |same, (left, right)| Ok(same && equal(left, right, depth + 1)?))
}

/// Is it in the list?
pub(crate) fn contains(list: &[Value], value: &Value) -> Result<bool, Error> {
    list.iter().try_fold(false, |found, item| Ok(found || deep_equal(value, item)?))
}
