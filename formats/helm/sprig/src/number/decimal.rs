//! The functions that count in decimals: `mulf 0.1 3` is 0.3 (shopspring/decimal 1.4).

use gabion_template::{Error, Function, Param, Value};
use num_bigint::{BigInt, Sign};

use super::cast::to_float;
use crate::call::{Answer, any, derive, derive_all, float};

use Param::Any;

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("add1f", &[Any], |args| fold(any(args, 0), &[Value::int(1)], add)),
    derive_all("addf", &[], Any, |args| fold(&Value::from(0.0), args, add)),
    derive_all("divf", &[Any], Any, |args| first(args, divide)),
    derive_all("mulf", &[Any], Any, |args| first(args, multiply)),
    derive_all("subf", &[Any], Any, |args| {
        first(args, |left, right| add(left, Decimal { digits: -right.digits, exponent: right.exponent }))
    }),
];

/// How many digits behind the point a quotient has (`decimal.DivisionPrecision`).
const PRECISION: i64 = 16;

/// `digits * 10^exponent`.
#[derive(Clone)]
struct Decimal {
    digits: BigInt,
    exponent: i64,
}

type Operation = fn(Decimal, Decimal) -> Result<Decimal, Error>;

fn fold(start: &Value, rest: &[Value], with: Operation) -> Answer {
    let mut sum = Decimal::new(to_float(start))?;
    for value in rest {
        sum = with(sum, Decimal::new(to_float(value))?)?;
    }
    float(sum.float())
}

fn first(args: &[Value], with: Operation) -> Answer {
    fold(any(args, 0), args.get(1..).unwrap_or_default(), with)
}

/// The fewest digits that are this float and no other, and of those the nearest; of two as near the even one.
fn shortest(value: f64) -> String {
    let text = format!("{value:e}");
    let digits = text.split('e').next().unwrap_or_default().bytes().filter(u8::is_ascii_digit).count();
    let nearest = format!("{value:.*e}", digits.saturating_sub(1));
    if nearest.parse() == Ok(value) { nearest } else { text }
}

fn tens(count: i64) -> BigInt {
    BigInt::from(10).pow(count as u32)
}

impl Decimal {
    /// The decimal with the fewest digits that is this float.
    fn new(value: f64) -> Result<Self, Error> {
        if !value.is_finite() {
            let name = if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            return Err(format!("Cannot create a Decimal from {name}").into());
        }
        let text = shortest(value);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: i64 = format!("{whole}{fraction}").parse().unwrap_or_default();
        let exponent = exponent.parse::<i64>().unwrap_or_default() - fraction.len() as i64;
        Ok(Self { digits: digits.into(), exponent })
    }

    /// The nearest float.
    fn float(&self) -> f64 {
        if self.digits.sign() == Sign::NoSign {
            return 0.0;
        }
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// The digits, as of a smaller exponent.
    fn at(self, exponent: i64) -> BigInt {
        self.digits * tens(self.exponent - exponent)
    }
}

fn add(left: Decimal, right: Decimal) -> Result<Decimal, Error> {
    let exponent = left.exponent.min(right.exponent);
    Ok(Decimal { digits: left.at(exponent) + right.at(exponent), exponent })
}

fn multiply(left: Decimal, right: Decimal) -> Result<Decimal, Error> {
    Ok(Decimal { digits: left.digits * right.digits, exponent: left.exponent + right.exponent })
}

/// Rounds a half away from zero.
fn divide(left: Decimal, right: Decimal) -> Result<Decimal, Error> {
    if right.digits.sign() == Sign::NoSign {
        return Err("decimal division by 0".into());
    }
    let shift = left.exponent - right.exponent + PRECISION;
    let (over, under) = if shift < 0 {
        (left.digits, right.digits * tens(-shift))
    } else {
        (left.digits * tens(shift), right.digits)
    };
    let (quotient, rest): (BigInt, BigInt) = (&over / &under, &over % &under);
    let away = rest.magnitude() * 2_u8 >= *under.magnitude();
    let one = if (over.sign() == Sign::Minus) == (under.sign() == Sign::Minus) { 1 } else { -1 };
    Ok(Decimal { digits: if away { quotient + one } else { quotient }, exponent: -PRECISION })
}
