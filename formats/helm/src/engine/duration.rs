//! Helm's functions of spans of time (`pkg/engine/funcs.go`), and Go's `time.Duration`.

use gabion_template::{Body, Data, Error, Flow, Function, IntKind, Kind, Object, Param, Value, Work};
use std::any::Any;
use std::rc::Rc;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

type Answer = Result<Value, Error>;

const fn of(name: &'static str, params: &'static [Param], run: fn(&[Value]) -> Answer) -> Function {
    Function { name, params, rest: None, flow: Flow::Derive, work: Work::Small, run: Body::Pure(run) }
}

const ONE: &[Param] = &[Param::Any];
const TWO: &[Param] = &[Param::Any, Param::Any];

pub(super) const FUNCTIONS: &[Function] = &[
    of("mustToDuration", ONE, |args| nanoseconds(&args[0]).map(value)),
    of("durationSeconds", ONE, |args| Ok(in_units(&args[0], SECOND))),
    of("durationMilliseconds", ONE, |args| Ok(whole_units(&args[0], 1_000_000))),
    of("durationMicroseconds", ONE, |args| Ok(whole_units(&args[0], 1000))),
    of("durationNanoseconds", ONE, |args| Ok(whole_units(&args[0], 1))),
    of("durationMinutes", ONE, |args| Ok(in_units(&args[0], MINUTE))),
    of("durationHours", ONE, |args| Ok(in_units(&args[0], HOUR))),
    of("durationDays", ONE, |args| Ok((hours(&args[0]) / 24.0).into())),
    of("durationWeeks", ONE, |args| Ok((hours(&args[0]) / 24.0 / 7.0).into())),
    of("durationRoundTo", TWO, |args| Ok(to_multiple(args, rounded))),
    of("durationTruncateTo", TWO, |args| {
        Ok(to_multiple(args, |it, unit| if unit <= 0 { it } else { it - it % unit }))
    }),
];

fn value(nanoseconds: i64) -> Value {
    Data::Object(Rc::new(Duration(nanoseconds))).into()
}

fn units(nanoseconds: i64, unit: i64) -> f64 {
    // As Go does it, so that the last digit is the same.
    #[expect(clippy::cast_precision_loss, reason = "Go loses it too")]
    let (whole, rest) = ((nanoseconds / unit) as f64, (nanoseconds % unit) as f64);
    #[expect(clippy::cast_precision_loss, reason = "a unit is far below 2^53")]
    let unit = unit as f64;
    whole + rest / unit
}

fn in_units(it: &Value, unit: i64) -> Value {
    nanoseconds(it).map_or(0.0, |it| units(it, unit)).into()
}

fn hours(it: &Value) -> f64 {
    nanoseconds(it).map_or(0.0, |it| units(it, HOUR))
}

fn whole_units(it: &Value, unit: i64) -> Value {
    Value::int64(nanoseconds(it).map_or(0, |it| it / unit))
}

fn to_multiple(args: &[Value], to: fn(i64, i64) -> i64) -> Value {
    match (nanoseconds(&args[0]), nanoseconds(&args[1])) {
        (Err(_), _) => value(0),
        (Ok(it), Err(_)) => value(it),
        (Ok(it), Ok(unit)) => value(to(it, unit)),
    }
}

/// To the nearest multiple, halves away from zero (`Duration.Round`).
fn rounded(it: i64, unit: i64) -> i64 {
    if unit <= 0 {
        return it;
    }
    let rest = (it % unit).abs();
    let (down, up) = (it - it % unit, unit - rest);
    if rest.unsigned_abs() * 2 < unit.unsigned_abs() {
        return down;
    }
    if it < 0 { it.saturating_sub(up) } else { it.saturating_add(up) }
}

/// What templates take for a span of time, in nanoseconds: a number is seconds (`asDuration`).
fn nanoseconds(it: &Value) -> Result<i64, Error> {
    match &it.data {
        Data::Object(object) => match object.as_any().downcast_ref::<Duration>() {
            Some(Duration(it)) => Ok(*it),
            None => Err(format!("unsupported duration type {}", object.type_name()).into()),
        },
        Data::Text(text) => {
            let text = text.to_str();
            let trimmed = text.trim();
            if trimmed.is_empty() {
                return Err("empty duration".into());
            }
            if let Some(it) = parse(trimmed) {
                return Ok(it);
            }
            match trimmed.parse::<f64>() {
                Ok(it) => of_seconds(it),
                Err(_) => Err(format!("could not parse duration {text:?}").into()),
            }
        }
        Data::Nil => Err("invalid duration".into()),
        Data::Int(it) => {
            let seconds = it.value();
            let wrong = || Error(format!("duration seconds overflow: {seconds}"));
            i64::try_from(seconds).ok().and_then(|it| it.checked_mul(SECOND)).ok_or_else(wrong)
        }
        Data::Float(it) => of_seconds(*it),
        _ => Err(format!("unsupported duration type {}", it.type_name().unwrap_or("nil")).into()),
    }
}

fn of_seconds(seconds: f64) -> Result<i64, Error> {
    const LIMIT: f64 = 9_223_372_036_854_775_807.0;
    let shown = || {
        let mut out = Vec::new();
        gabion_template::fmt::float(&mut out, seconds, b'g', None);
        String::from_utf8_lossy(&out).into_owned()
    };
    if !seconds.is_finite() {
        return Err(format!("invalid duration seconds: {}", shown()).into());
    }
    let nanoseconds = seconds * 1e9;
    if nanoseconds.abs() > LIMIT {
        return Err(format!("duration seconds overflow: {}", shown()).into());
    }
    #[expect(clippy::cast_possible_truncation, reason = "the bounds were looked at")]
    Ok(nanoseconds as i64)
}

/// `time.ParseDuration`: `1h2m3.5s`.
fn parse(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = |it: &str| it.find(|it: char| !it.is_ascii_digit()).unwrap_or(it.len());
        let whole = digits(rest);
        let after = &rest[whole..];
        let (fraction, after) = match after.strip_prefix('.') {
            Some(more) => more.split_at(digits(more)),
            None => ("", after),
        };
        if whole == 0 && fraction.is_empty() {
            return None;
        }
        let end = after.find(|it: char| it == '.' || it.is_ascii_digit()).unwrap_or(after.len());
        let unit: u64 = match &after[..end] {
            "ns" => 1,
            "us" | "µs" | "μs" => 1000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let number: u64 = if whole == 0 { 0 } else { rest[..whole].parse().ok()? };
        let mut part = number.checked_mul(unit)?;
        if !fraction.is_empty() {
            part = part.checked_add(of_fraction(fraction, unit))?;
        }
        total = total.checked_add(part).filter(|it| *it <= 1 << 63)?;
        rest = &after[end..];
    }
    let signed = i128::from(total) * if negative { -1 } else { 1 };
    i64::try_from(signed).ok()
}

/// Digits behind a point, of a unit; what does not fit into 63 bits is cut off, as in Go.
fn of_fraction(digits: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0_u64, 1.0_f64);
    for digit in digits.bytes() {
        let Some(next) = value.checked_mul(10).and_then(|it| it.checked_add(u64::from(digit - b'0'))) else {
            break;
        };
        if next > 1 << 63 {
            break;
        }
        (value, scale) = (next, scale * 10.0);
    }
    #[expect(clippy::cast_precision_loss, reason = "Go loses it too")]
    let exact = value as f64 * (unit as f64 / scale);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is less than a unit")]
    return exact as u64;
}

/// Go's `time.Duration`.
#[derive(Debug)]
struct Duration(i64);

impl Object for Duration {
    fn type_name(&self) -> &'static str {
        "time.Duration"
    }

    fn kind(&self) -> Kind {
        Kind::Int(IntKind::Int64)
    }

    fn call(&self, method: &str, args: &[Value]) -> Option<Answer> {
        let answer = match method {
            "String" => self.print().into(),
            "Seconds" => units(self.0, SECOND).into(),
            "Minutes" => units(self.0, MINUTE).into(),
            "Hours" => units(self.0, HOUR).into(),
            "Milliseconds" => Value::int64(self.0 / 1_000_000),
            "Microseconds" => Value::int64(self.0 / 1000),
            "Nanoseconds" => Value::int64(self.0),
            "Abs" => value(self.0.saturating_abs()),
            _ => return None,
        };
        Some(if args.is_empty() { Ok(answer) } else { Err(super::arguments(method, 0, args.len())) })
    }

    /// (`Duration.String`)
    fn print(&self) -> String {
        let nanoseconds = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let in_unit = |unit: u64, digits: usize, name: &str| {
            let (whole, rest) = (nanoseconds / unit, nanoseconds % unit);
            format!("{sign}{}{name}", point(whole, rest, digits))
        };
        match nanoseconds {
            0 => "0s".to_owned(),
            1..1000 => format!("{sign}{nanoseconds}ns"),
            1000..1_000_000 => in_unit(1000, 3, "µs"),
            1_000_000..1_000_000_000 => in_unit(1_000_000, 6, "ms"),
            _ => {
                let (seconds, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
                let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
                let below = format!("{}s", point(seconds % 60, rest, 9));
                match (hours, minutes) {
                    (0, 0) => format!("{sign}{below}"),
                    (0, _) => format!("{sign}{minutes}m{below}"),
                    _ => format!("{sign}{hours}h{minutes}m{below}"),
                }
            }
        }
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::int64(self.0))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A number with a fraction, without zeros at its end.
fn point(whole: u64, rest: u64, digits: usize) -> String {
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{}", format!("{rest:0digits$}").trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_are_read_and_printed_as_go_does() {
        for (text, shown) in [
            ("1h2m3.5s", "1h2m3.5s"),
            ("90m", "1h30m0s"),
            ("1.5", "1.5s"),
            ("-1.5ms", "-1.5ms"),
            ("100us", "100µs"),
            ("1ns", "1ns"),
            ("0", "0s"),
            (".5h", "30m0s"),
            (" 2s ", "2s"),
        ] {
            assert_eq!(Duration(nanoseconds(&text.into()).unwrap()).print(), shown, "{text}");
        }
        for text in ["", "1x", "1h2", "s", "300000000h"] {
            assert!(nanoseconds(&text.into()).is_err(), "{text}");
        }
        assert_eq!(rounded(5 * SECOND / 2, SECOND), 3 * SECOND);
        assert_eq!(rounded(-5 * SECOND / 2, SECOND), -3 * SECOND);
        assert_eq!(rounded(7, 0), 7);
    }
}
