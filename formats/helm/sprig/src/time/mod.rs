//! Moments and durations (sprig `date.go`, Go's `time`).
//!
//! The local zone is UTC. What looks at the clock is tainted.

mod calendar;
mod duration;
mod format;
mod layout;
mod moment;
mod parse;
mod zone;

use gabion_template::{Data, Error, Function, Origin, Param, Taint, Text, Value};

pub(crate) use moment::Moment;

use crate::call::{Answer, any, bytes, derive, string};
use zone::Zone;

use Param::{Any, String as Str, Time};

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("ago", &[Any], ago),
    derive("date", &[Str, Any], |args| date(bytes(args, 0)?, any(args, 1), &Zone::utc())),
    derive("dateInZone", &[Str, Any, Str], date_in_zone),
    derive("dateModify", &[Str, Time], |args| Ok(modify(args)?.unwrap_or_else(|_| any(args, 1).clone()))),
    derive("date_in_zone", &[Str, Any, Str], date_in_zone),
    derive("date_modify", &[Str, Time], |args| Ok(modify(args)?.unwrap_or_else(|_| any(args, 1).clone()))),
    derive("duration", &[Any], seconds),
    derive("durationRound", &[Any], duration_round),
    derive("htmlDate", &[Any], |args| date(b"2006-01-02", any(args, 0), &Zone::utc())),
    derive("htmlDateInZone", &[Any, Str], |args| {
        date(b"2006-01-02", any(args, 0), &Zone::named(bytes(args, 1)?))
    }),
    derive("mustDateModify", &[Str, Time], |args| modify(args)?),
    derive("mustToDate", &[Str, Str], |args| Ok(parse::parse(bytes(args, 0)?, bytes(args, 1)?)?.value())),
    derive("must_date_modify", &[Str, Time], |args| modify(args)?),
    derive("now", &[], |_| Ok(Moment::now().value().tainted(Taint::CLOCK))),
    derive("toDate", &[Str, Str], |args| {
        Ok(parse::parse(bytes(args, 0)?, bytes(args, 1)?).unwrap_or_else(|_| Moment::zero()).value())
    }),
    derive("unixEpoch", &[Time], |args| string(moment(args, 0)?.seconds.to_string())),
];

/// A text that the clock had a part in.
fn clocked(text: String) -> Value {
    Text::from_origin(text.into_bytes(), Origin::default(), Taint::CLOCK).into()
}

fn moment(args: &[Value], at: usize) -> Result<&Moment, Error> {
    Moment::of(any(args, at)).ok_or_else(|| "wrong type for value; expected time.Time".into())
}

/// A moment, or seconds since 1970; of anything else nothing, for which sprig takes the clock.
fn given(value: &Value, small: bool) -> Option<Moment> {
    use gabion_template::IntKind::{Int, Int32, Int64};
    match &value.data {
        Data::Int(int) if matches!(int.kind, Int | Int64) || small && int.kind == Int32 => {
            Some(Moment::unix(int.bits))
        }
        _ => Moment::of(value).cloned(),
    }
}

fn date(layout: &[u8], value: &Value, zone: &Zone) -> Answer {
    match given(value, true) {
        Some(moment) => string(moment.at(zone.clone()).format(layout)),
        None => {
            let text = Moment::now().at(zone.clone()).format(layout);
            Ok(Text::from_origin(text, Origin::default(), Taint::CLOCK).into())
        }
    }
}

fn date_in_zone(args: &[Value]) -> Answer {
    date(bytes(args, 0)?, any(args, 1), &Zone::named(bytes(args, 2)?))
}

/// The moment later by a duration; inside, what is wrong with the duration.
fn modify(args: &[Value]) -> Result<Answer, Error> {
    let moment = moment(args, 1)?;
    Ok(duration::parse(bytes(args, 0)?).map(|by| moment.add(by).value()))
}

fn ago(args: &[Value]) -> Answer {
    let now = Moment::now();
    let then = given(any(args, 0), false).unwrap_or_else(|| now.clone());
    Ok(clocked(duration::show(duration::round(now.since(&then), duration::SECOND))))
}

fn seconds(args: &[Value]) -> Answer {
    let count = match &any(args, 0).data {
        Data::Text(text) => crate::number::parse_saturating(text.bytes()),
        Data::Int(int) if int.kind == gabion_template::IntKind::Int64 => int.bits,
        _ => 0,
    };
    string(duration::show(count.wrapping_mul(duration::SECOND)))
}

/// The largest unit that fits more than once.
fn duration_round(args: &[Value]) -> Answer {
    let value = any(args, 0);
    if let Some(then) = Moment::of(value) {
        return Ok(clocked(duration::coarse(Moment::now().since(then))));
    }
    let nanoseconds = match &value.data {
        Data::Text(text) => duration::parse(text.bytes()).unwrap_or(0),
        Data::Int(int) if int.kind == gabion_template::IntKind::Int64 => int.bits,
        _ => 0,
    };
    string(duration::coarse(nanoseconds))
}
