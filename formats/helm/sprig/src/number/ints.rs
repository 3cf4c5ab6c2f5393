//! Whole numbers: 64 bits that wrap, as Go's.

use gabion_template::{Function, Param, Value};

use super::to_int64;
use crate::call::{Answer, any, derive, derive_all, int64};

use Param::Any;

pub(crate) const FUNCTIONS: &[Function] = &[
    derive_all("add", &[], Any, |args| fold(0, args, i64::wrapping_add)),
    derive("add1", &[Any], |args| int64(to_int64(any(args, 0)).wrapping_add(1))),
    derive_all("biggest", &[Any], Any, |args| first(args, i64::max)),
    derive("div", &[Any, Any], |args| divide(args, i64::wrapping_div)),
    derive_all("max", &[Any], Any, |args| first(args, i64::max)),
    derive_all("min", &[Any], Any, |args| first(args, i64::min)),
    derive("mod", &[Any, Any], |args| divide(args, i64::wrapping_rem)),
    derive_all("mul", &[Any], Any, |args| first(args, i64::wrapping_mul)),
    derive("sub", &[Any, Any], |args| int64(to_int64(any(args, 0)).wrapping_sub(to_int64(any(args, 1))))),
];

fn fold(start: i64, args: &[Value], with: fn(i64, i64) -> i64) -> Answer {
    int64(args.iter().map(to_int64).fold(start, with))
}

/// [`fold`], from the first argument on.
fn first(args: &[Value], with: fn(i64, i64) -> i64) -> Answer {
    fold(to_int64(any(args, 0)), args.get(1..).unwrap_or_default(), with)
}

fn divide(args: &[Value], with: fn(i64, i64) -> i64) -> Answer {
    match to_int64(any(args, 1)) {
        0 => Err("runtime error: integer divide by zero".into()),
        by => int64(with(to_int64(any(args, 0)), by)),
    }
}
