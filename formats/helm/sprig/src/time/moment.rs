//! Go's `time.Time`.

use std::rc::Rc;

use gabion_template::{Data, Error, IntKind, Kind, Object, Value};

use super::calendar::{self, Civil, DAYS, MONTHS};
use super::zone::Zone;

/// A moment, seen from a zone.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// Since 1970 in UTC.
    pub(crate) seconds: i64,
    pub(super) nanoseconds: u32,
    pub(super) zone: Zone,
}

/// `2006-01-02T15:04:05.999999999Z07:00`.
const RFC3339: &[u8] = b"2006-01-02T15:04:05.999999999Z07:00";
const STRING: &[u8] = b"2006-01-02 15:04:05.999999999 -0700 MST";

impl Moment {
    pub(crate) fn unix(seconds: i64) -> Self {
        Self { seconds, nanoseconds: 0, zone: Zone::utc() }
    }

    /// The first moment of the year 1: Go's zero.
    pub(super) fn zero() -> Self {
        Self::unix(calendar::days(1, 1, 1) * 86_400)
    }

    /// The clock's moment. Whoever takes it taints what is made of it.
    #[expect(clippy::disallowed_methods, reason = "`now` is what it says; its taint keeps it out of outputs")]
    pub(crate) fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self { nanoseconds: since.subsec_nanos(), ..Self::unix(since.as_secs() as i64) }
    }

    pub(super) fn new(civil: [i64; 6], nanoseconds: u32, zone: Zone) -> Self {
        let [year, month, day, hour, minute, second] = civil;
        let seconds = calendar::days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        Self { seconds: seconds - zone.offset, nanoseconds, zone }
    }

    /// The moment that a value is.
    pub(super) fn of(value: &Value) -> Option<&Self> {
        match &value.data {
            Data::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }

    pub(super) fn value(self) -> Value {
        Data::Object(Rc::new(self)).into()
    }

    /// The same moment, seen from another zone.
    pub(super) fn at(self, zone: Zone) -> Self {
        Self { zone, ..self }
    }

    pub(crate) fn civil(&self) -> Civil {
        calendar::civil(self.seconds.saturating_add(self.zone.offset))
    }

    /// The moment later by nanoseconds.
    pub(super) fn add(&self, nanoseconds: i64) -> Self {
        let sum = i64::from(self.nanoseconds) + nanoseconds.rem_euclid(1_000_000_000);
        let seconds = nanoseconds.div_euclid(1_000_000_000) + sum / 1_000_000_000;
        Self {
            seconds: self.seconds.wrapping_add(seconds),
            nanoseconds: (sum % 1_000_000_000) as u32,
            zone: self.zone.clone(),
        }
    }

    /// Nanoseconds since another moment; the longest duration if it is longer.
    pub(super) fn since(&self, other: &Self) -> i64 {
        let seconds = i128::from(self.seconds) - i128::from(other.seconds);
        let all = seconds * 1_000_000_000 + i128::from(self.nanoseconds) - i128::from(other.nanoseconds);
        i64::try_from(all).unwrap_or(if all < 0 { i64::MIN } else { i64::MAX })
    }

    fn add_date(&self, args: &[Value]) -> Result<Value, Error> {
        let mut by = [0; 3];
        for (at, by) in by.iter_mut().enumerate() {
            *by = crate::call::int(args, at)?;
        }
        let civil = self.civil();
        let far = |value: i64, by: i64| {
            value.checked_add(by).filter(|it| it.abs() < 1 << 32).ok_or("a date too far away")
        };
        let date = [
            far(civil.year, by[0])?,
            far(civil.month, by[1])?,
            far(civil.day, by[2])?,
            civil.hour,
            civil.minute,
            civil.second,
        ];
        Ok(Self::new(date, self.nanoseconds, self.zone.clone()).value())
    }

    fn method(&self, method: &str, args: &[Value]) -> Result<Value, Error> {
        let civil = self.civil();
        let int = |value| Ok(Value::int(value));
        let key = (self.seconds, self.nanoseconds);
        let other = || {
            let other = args.first().and_then(Self::of).ok_or("wrong type for value; expected time.Time")?;
            Ok::<_, Error>((other.seconds, other.nanoseconds))
        };
        match method {
            "Format" => Ok(Value::text(self.format(crate::call::bytes(args, 0)?))),
            "String" => Ok(self.print().into()),
            "Unix" => Ok(Value::int64(self.seconds)),
            "UnixMilli" => Ok(Value::int64(
                self.seconds.wrapping_mul(1000).wrapping_add(i64::from(self.nanoseconds / 1_000_000)),
            )),
            "UnixMicro" => Ok(Value::int64(
                self.seconds.wrapping_mul(1_000_000).wrapping_add(i64::from(self.nanoseconds / 1000)),
            )),
            "UnixNano" => Ok(Value::int64(
                self.seconds.wrapping_mul(1_000_000_000).wrapping_add(i64::from(self.nanoseconds)),
            )),
            "Year" => int(civil.year),
            "YearDay" => int(civil.year_day),
            "Day" => int(civil.day),
            "Hour" => int(civil.hour),
            "Minute" => int(civil.minute),
            "Second" => int(civil.second),
            "Nanosecond" => int(i64::from(self.nanoseconds)),
            "Month" => Ok(Named::value("time.Month", civil.month, MONTHS[civil.month as usize - 1])),
            "Weekday" => Ok(Named::value("time.Weekday", civil.weekday as i64, DAYS[civil.weekday])),
            "UTC" | "Local" => Ok(self.clone().at(Zone::utc()).value()),
            "AddDate" => self.add_date(args),
            "IsZero" => Ok((key == (Self::zero().seconds, 0)).into()),
            "Equal" => Ok((key == other()?).into()),
            "Before" => Ok((key < other()?).into()),
            _ => Ok((key > other()?).into()),
        }
    }
}

impl Object for Moment {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn call(&self, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
        let wanted = match method {
            "String" | "Unix" | "UnixMilli" | "UnixMicro" | "UnixNano" | "Year" | "YearDay" | "Day"
            | "Hour" | "Minute" | "Second" | "Nanosecond" | "Month" | "Weekday" | "UTC" | "Local"
            | "IsZero" => 0,
            "Format" | "Equal" | "Before" | "After" => 1,
            "AddDate" => 3,
            _ => return None,
        };
        if args.len() != wanted {
            let got = args.len();
            return Some(Err(format!("wrong number of args for {method}: want {wanted} got {got}").into()));
        }
        Some(self.method(method, args))
    }

    fn print(&self) -> String {
        String::from_utf8_lossy(&self.format(STRING)).into_owned()
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::text(self.format(RFC3339)))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// A number with a name: `time.Month`, `time.Weekday`.
#[derive(Debug)]
struct Named {
    kind: &'static str,
    number: i64,
    name: &'static str,
}

impl Named {
    fn value(kind: &'static str, number: i64, name: &'static str) -> Value {
        Data::Object(Rc::new(Self { kind, number, name })).into()
    }
}

impl Object for Named {
    fn type_name(&self) -> &'static str {
        self.kind
    }

    fn kind(&self) -> Kind {
        Kind::Int(IntKind::Int)
    }

    fn call(&self, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
        (method == "String" && args.is_empty()).then(|| Ok(self.name.into()))
    }

    fn print(&self) -> String {
        self.name.to_owned()
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::int(self.number))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
