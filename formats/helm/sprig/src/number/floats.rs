//! Rounding and comparing floats.

use gabion_template::{Data, Function, Param, Value};

use super::cast::{ldexp, to_float};
use crate::call::{Answer, any, derive, derive_all, float, int};

use Param::{Any, Float64, Int};

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("ceil", &[Any], |args| float(to_float(any(args, 0)).ceil())),
    derive("floor", &[Any], |args| float(to_float(any(args, 0)).floor())),
    derive_all("maxf", &[Any], Any, |args| fold(args, largest)),
    derive_all("minf", &[Any], Any, |args| fold(args, smallest)),
    derive_all("round", &[Any, Int], Float64, round),
];

fn fold(args: &[Value], with: fn(f64, f64) -> f64) -> Answer {
    let rest = args.get(1..).unwrap_or_default();
    float(rest.iter().map(to_float).fold(to_float(any(args, 0)), with))
}

/// `math.Max`: an infinite one before what is no number, and 0 before -0.
fn largest(left: f64, right: f64) -> f64 {
    if left == f64::INFINITY || right == f64::INFINITY {
        f64::INFINITY
    } else if left.is_nan() || right.is_nan() {
        f64::NAN
    } else if left == 0.0 && right == 0.0 {
        if left.is_sign_negative() { right } else { left }
    } else {
        left.max(right)
    }
}

/// `math.Min`.
fn smallest(left: f64, right: f64) -> f64 {
    -largest(-left, -right)
}

/// sprig's `round`: to `places` after the point, upwards from `on` on, which is a half.
fn round(args: &[Value]) -> Answer {
    let on = match args.get(2).map(|value| &value.data) {
        Some(Data::Float(on)) => *on,
        _ => 0.5,
    };
    let power = power(10.0, int(args, 1)?);
    let digit = power * to_float(any(args, 0));
    let fraction = if digit.is_infinite() { f64::NAN } else { digit.fract() };
    float(if fraction >= on { digit.ceil() } else { digit.floor() } / power)
}

/// `math.Pow` for a whole exponent and a base above 1, with Go's roundings on the way.
fn power(base: f64, exponent: i64) -> f64 {
    if exponent == 0 {
        return 1.0;
    }
    if exponent == 1 {
        return base;
    }
    let (mut fraction, mut shift) = (base, 0_i64);
    while fraction >= 1.0 {
        fraction /= 2.0;
        shift += 1;
    }
    let (mut result, mut sum) = (1.0_f64, 0_i64);
    // Go rounds the exponent to a double first.
    let mut left = (exponent as f64).abs() as u64;
    while left != 0 {
        if !(-(1 << 12)..=1 << 12).contains(&shift) {
            sum += shift;
            break;
        }
        if left & 1 == 1 {
            result *= fraction;
            sum += shift;
        }
        fraction *= fraction;
        shift <<= 1;
        if fraction < 0.5 {
            fraction += fraction;
            shift -= 1;
        }
        left >>= 1;
    }
    if exponent < 0 {
        (result, sum) = (1.0 / result, -sum);
    }
    ldexp(result, sum)
}
