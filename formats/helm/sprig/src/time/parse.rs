//! Text as moments (`time.ParseInLocation` with the local zone).

use gabion_template::Error;

use super::calendar::{DAYS, MONTHS, days_in, is_leap};
use super::duration::quote;
use super::layout::{self, Offset, Parts, Piece};
use super::moment::Moment;
use super::zone::Zone;

/// What was read so far.
#[derive(Default)]
struct Read<'a> {
    value: &'a [u8],
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanoseconds: u32,
    pm: bool,
    am: bool,
    utc: bool,
    offset: Option<i64>,
    name: Option<&'a [u8]>,
}

/// What is wrong with a piece: it does not look so, or it is out of its range.
enum Wrong {
    Bad,
    Range(&'static str),
}

type Step<T> = Result<T, Wrong>;

/// Reads a moment in a layout.
pub(super) fn parse(layout: &[u8], value: &[u8]) -> Result<Moment, Error> {
    let cannot = |elem: &[u8], piece: &[u8]| {
        Error(format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quote(value),
            quote(layout),
            quote(elem),
            quote(piece)
        ))
    };
    let about = |what: &str| Error(format!("parsing time {}: {what}", quote(value)));
    let mut read = Read { value, ..Read::default() };
    let mut rest = layout;
    loop {
        let next = layout::next(rest);
        let before = next.map_or(rest, |(before, ..)| before);
        read.value = skip(read.value, before).map_err(|at| cannot(at, before))?;
        let Some((_, piece, written, after)) = next else { break };
        let hold = read.value;
        read.piece(piece, after).map_err(|wrong| match wrong {
            Wrong::Bad => cannot(hold, written),
            Wrong::Range(what) => about(&format!("{what} out of range")),
        })?;
        rest = after;
    }
    if !read.value.is_empty() {
        return Err(about(&format!("extra text: {}", quote(read.value))));
    }
    read.moment().map_err(about)
}

/// Steps over signs of the layout; blanks stand for any number of blanks.
fn skip<'a>(mut value: &'a [u8], mut prefix: &[u8]) -> Result<&'a [u8], &'a [u8]> {
    while let [sign, behind @ ..] = prefix {
        if *sign == b' ' {
            if value.first().is_some_and(|byte| *byte != b' ') {
                return Err(value);
            }
            prefix = blanks(prefix);
            value = blanks(value);
            continue;
        }
        match value {
            [first, rest @ ..] if first == sign => (value, prefix) = (rest, behind),
            _ => return Err(value),
        }
    }
    Ok(value)
}

fn blanks(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|byte| **byte == b' ').count()..]
}

fn digit(text: &[u8], at: usize) -> Option<i64> {
    text.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| i64::from(byte - b'0'))
}

/// One or two digits; fixed: two.
fn two(text: &[u8], fixed: bool) -> Step<(i64, &[u8])> {
    match (digit(text, 0), digit(text, 1)) {
        (Some(tens), Some(ones)) => Ok((tens * 10 + ones, &text[2..])),
        (Some(ones), None) if !fixed => Ok((ones, &text[1..])),
        _ => Err(Wrong::Bad),
    }
}

/// Go's `atoi` on exactly these signs, which may begin with a sign.
fn whole(text: &[u8]) -> Step<i64> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Wrong::Bad)
}

impl<'a> Read<'a> {
    fn take(&mut self, length: usize) -> Step<&'a [u8]> {
        let (taken, rest) = self.value.split_at_checked(length).ok_or(Wrong::Bad)?;
        self.value = rest;
        Ok(taken)
    }

    fn number(&mut self, fixed: bool) -> Step<i64> {
        let (number, rest) = two(self.value, fixed)?;
        self.value = rest;
        Ok(number)
    }

    fn ranged(&mut self, fixed: bool, end: i64, what: &'static str) -> Step<i64> {
        let number = self.number(fixed)?;
        if number < end { Ok(number) } else { Err(Wrong::Range(what)) }
    }

    /// One of the names, the case of whose letters does not count.
    fn name(&mut self, names: &[&str], length: Option<usize>) -> Step<i64> {
        let found = names.iter().position(|name| {
            let name = &name.as_bytes()[..length.unwrap_or(name.len())];
            self.value.get(..name.len()).is_some_and(|value| value.eq_ignore_ascii_case(name))
        });
        let at = found.ok_or(Wrong::Bad)?;
        self.take(length.unwrap_or(names[at].len()))?;
        Ok(at as i64)
    }

    fn blank(&mut self) {
        if let [b' ', rest @ ..] = self.value {
            self.value = rest;
        }
    }

    fn piece(&mut self, piece: Piece, after: &[u8]) -> Step<()> {
        match piece {
            Piece::Year | Piece::LongYear => self.year(piece)?,
            Piece::Month => self.month = Some(self.name(&MONTHS, Some(3))? + 1),
            Piece::LongMonth => self.month = Some(self.name(&MONTHS, None)? + 1),
            Piece::NumMonth | Piece::ZeroMonth => {
                let month = self.number(piece == Piece::ZeroMonth)?;
                self.month = Some(month);
                if !(1..=12).contains(&month) {
                    return Err(Wrong::Range("month"));
                }
            }
            Piece::Weekday => drop(self.name(&DAYS, Some(3))?),
            Piece::LongWeekday => drop(self.name(&DAYS, None)?),
            Piece::Day | Piece::UnderDay | Piece::ZeroDay => {
                if piece == Piece::UnderDay {
                    self.blank();
                }
                self.day = Some(self.number(piece == Piece::ZeroDay)?);
            }
            Piece::UnderYearDay | Piece::ZeroYearDay => self.day_of_year(piece == Piece::ZeroYearDay)?,
            Piece::Hour => self.hour = self.ranged(false, 24, "hour")?,
            Piece::Hour12 => self.hour = self.ranged(false, 13, "hour")?,
            Piece::ZeroHour12 => self.hour = self.ranged(true, 13, "hour")?,
            Piece::Minute => self.minute = self.ranged(false, 60, "minute")?,
            Piece::ZeroMinute => self.minute = self.ranged(true, 60, "minute")?,
            Piece::Second | Piece::ZeroSecond => {
                self.second = self.ranged(piece == Piece::ZeroSecond, 60, "second")?;
                self.fraction_unasked(after)?;
            }
            Piece::UpperPm => self.half(self.value, b"PM", b"AM")?,
            Piece::LowerPm => self.half(self.value, b"pm", b"am")?,
            Piece::Abbreviation => self.abbreviation()?,
            Piece::Offset(how) => self.offset(how)?,
            Piece::Fraction { digits, .. } => self.fraction(digits + 1)?,
            Piece::Trimmed { .. } => {
                let digits = self.value.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
                if digits > 0 && matches!(self.value[0], b'.' | b',') {
                    self.fraction(digits + 1)?;
                }
            }
        }
        Ok(())
    }

    fn year(&mut self, piece: Piece) -> Step<()> {
        digit(self.value, 0).ok_or(Wrong::Bad)?;
        self.year = if piece == Piece::LongYear {
            whole(self.take(4)?)?
        } else {
            let year = whole(self.take(2)?)?;
            if year >= 69 { 1900 + year } else { 2000 + year }
        };
        Ok(())
    }

    fn day_of_year(&mut self, fixed: bool) -> Step<()> {
        if !fixed {
            self.blank();
            self.blank();
        }
        let digits = (0..3).take_while(|at| digit(self.value, *at).is_some()).count();
        if digits == 0 || fixed && digits != 3 {
            return Err(Wrong::Bad);
        }
        self.year_day = Some(whole(self.take(digits)?)?);
        Ok(())
    }

    fn half(&mut self, value: &[u8], pm: &[u8], am: &[u8]) -> Step<()> {
        let found = value.get(..2).ok_or(Wrong::Bad)?;
        (self.pm, self.am) = (self.pm || found == pm, self.am || found == am);
        if found != pm && found != am {
            return Err(Wrong::Bad);
        }
        self.take(2).map(drop)
    }

    /// A fraction of a second that the layout does not name is read all the same.
    fn fraction_unasked(&mut self, after: &[u8]) -> Step<()> {
        let named = layout::next(after)
            .is_some_and(|(_, piece, ..)| matches!(piece, Piece::Fraction { .. } | Piece::Trimmed { .. }));
        let digits = self.value.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
        if named || digits == 0 || !matches!(self.value[0], b'.' | b',') {
            return Ok(());
        }
        self.fraction(digits + 1)
    }

    /// A point or comma and digits, of which nine count.
    fn fraction(&mut self, length: usize) -> Step<()> {
        let taken =
            self.value.get(..length).filter(|taken| matches!(taken[0], b'.' | b',')).ok_or(Wrong::Bad)?;
        let digits = &taken[1..length.min(10)];
        let nanoseconds = whole(digits)?;
        if nanoseconds < 0 {
            return Err(Wrong::Range("fractional second"));
        }
        self.nanoseconds = (nanoseconds * 10_i64.pow(9 - digits.len() as u32)) as u32;
        self.take(length).map(drop)
    }

    fn offset(&mut self, how: Offset) -> Step<()> {
        if let (true, [b'Z', rest @ ..]) = (how.z, self.value) {
            self.value = rest;
            self.utc = true;
            return Ok(());
        }
        let length = match (how.parts, how.colon) {
            (Parts::Hours, _) => 3,
            (Parts::Minutes, false) => 5,
            (Parts::Minutes, true) => 6,
            (Parts::Seconds, false) => 7,
            (Parts::Seconds, true) => 9,
        };
        let text = self.value.get(..length).ok_or(Wrong::Bad)?;
        let step = if how.colon { 3 } else { 2 };
        if how.colon && (text[3] != b':' || length == 9 && text[6] != b':') {
            return Err(Wrong::Bad);
        }
        self.take(length)?;
        let part = |number: usize| match text.get(1 + number * step..3 + number * step) {
            Some(part) => two(part, true).map(|(number, _)| number),
            None => Ok(0),
        };
        let (hours, minutes, seconds) = (part(0)?, part(1)?, part(2)?);
        for (value, most, what) in [
            (hours, 24, "time zone offset hour"),
            (minutes, 60, "time zone offset minute"),
            (seconds, 60, "time zone offset second"),
        ] {
            if value > most {
                return Err(Wrong::Range(what));
            }
        }
        let offset = (hours * 60 + minutes) * 60 + seconds;
        self.offset = Some(match text[0] {
            b'+' => offset,
            b'-' => -offset,
            _ => return Err(Wrong::Bad),
        });
        Ok(())
    }

    fn abbreviation(&mut self) -> Step<()> {
        if self.value.starts_with(b"UTC") {
            self.utc = true;
            return self.take(3).map(drop);
        }
        let length = abbreviation(self.value).ok_or(Wrong::Bad)?;
        self.name = Some(self.take(length)?);
        Ok(())
    }

    fn date(&self) -> Result<(i64, i64), &'static str> {
        let Some(mut day_of_year) = self.year_day else {
            return Ok((self.month.unwrap_or(1), self.day.unwrap_or(1)));
        };
        let (mut month, mut day) = (0, 0);
        if is_leap(self.year) {
            if day_of_year == 31 + 29 {
                (month, day) = (2, 29);
            } else if day_of_year > 31 + 29 {
                day_of_year -= 1;
            }
        }
        if !(1..=365).contains(&day_of_year) {
            return Err("day-of-year out of range");
        }
        if month == 0 {
            month = 1;
            day = day_of_year;
            while day > days_in(month, 1) {
                day -= days_in(month, 1);
                month += 1;
            }
        }
        if self.month.is_some_and(|it| it != month) {
            return Err("day-of-year does not match month");
        }
        if self.day.is_some_and(|it| it != day) {
            return Err("day-of-year does not match day");
        }
        Ok((month, day))
    }

    fn moment(&self) -> Result<Moment, &'static str> {
        let hour = match self.hour {
            hour if self.pm && hour < 12 => hour + 12,
            12 if self.am && !self.pm => 0,
            hour => hour,
        };
        let (month, day) = self.date()?;
        if !(1..=days_in(month, self.year)).contains(&day) {
            return Err("day out of range");
        }
        let civil = [self.year, month, day, hour, self.minute, self.second];
        let name = self.name.map(|name| String::from_utf8_lossy(name).into_owned());
        let zone = match (self.utc, self.offset, name) {
            (true, ..) | (false, None | Some(0), None) => Zone::utc(),
            (false, Some(0), Some(name)) if name == "UTC" => Zone::utc(),
            (false, Some(offset), name) => Zone { name: name.unwrap_or_default(), offset },
            (false, None, Some(name)) => {
                // A name alone says nothing about the distance, but for `GMT+3`.
                let hours = name.strip_prefix("GMT").and_then(|hours| hours.parse::<i64>().ok()).unwrap_or(0);
                let mut moment = Moment::new(civil, self.nanoseconds, Zone::utc());
                moment.zone = Zone { name, offset: hours * 3600 };
                return Ok(moment);
            }
        };
        Ok(Moment::new(civil, self.nanoseconds, zone))
    }
}

/// The length of an abbreviation of a zone, if it looks like one (`time.parseTimeZone`).
fn abbreviation(text: &[u8]) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if text.starts_with(b"GMT") {
        return Some(3 + signed(&text[3..]));
    }
    if matches!(text[0], b'+' | b'-') {
        return Some(signed(text)).filter(|length| *length > 0);
    }
    match text.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count() {
        5 if text[4] == b'T' => Some(5),
        4 if text[3] == b'T' || text.starts_with(b"WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}

/// The length of `+3` or `-11` in front; 0 if there is none.
fn signed(text: &[u8]) -> usize {
    let [b'+' | b'-', digits @ ..] = text else { return 0 };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = std::str::from_utf8(&digits[..length]).ok().and_then(|it| it.parse::<i64>().ok());
    if value.is_some_and(|value| value <= 23) { length + 1 } else { 0 }
}
