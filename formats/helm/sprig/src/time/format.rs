//! Moments as text (`Time.Format`).

use std::io::Write as _;

use super::calendar::{Civil, DAYS, MONTHS};
use super::layout::{self, Offset, Parts, Piece};
use super::moment::Moment;

impl Moment {
    /// The moment in a layout, in its own zone.
    pub(crate) fn format(&self, layout: &[u8]) -> Vec<u8> {
        let civil = self.civil();
        let mut out = Vec::with_capacity(layout.len() + 10);
        let mut rest = layout;
        while let Some((before, piece, _, after)) = layout::next(rest) {
            out.extend_from_slice(before);
            self.piece(&mut out, &civil, piece);
            rest = after;
        }
        out.extend_from_slice(rest);
        out
    }

    fn piece(&self, out: &mut Vec<u8>, civil: &Civil, piece: Piece) {
        let hour12 = if civil.hour % 12 == 0 { 12 } else { civil.hour % 12 };
        match piece {
            Piece::LongMonth => out.extend_from_slice(MONTHS[civil.month as usize - 1].as_bytes()),
            Piece::Month => out.extend_from_slice(&MONTHS[civil.month as usize - 1].as_bytes()[..3]),
            Piece::LongWeekday => out.extend_from_slice(DAYS[civil.weekday].as_bytes()),
            Piece::Weekday => out.extend_from_slice(&DAYS[civil.weekday].as_bytes()[..3]),
            Piece::NumMonth => number(out, civil.month, 0),
            Piece::ZeroMonth => number(out, civil.month, 2),
            Piece::Day => number(out, civil.day, 0),
            Piece::UnderDay => under(out, civil.day, 2),
            Piece::ZeroDay => number(out, civil.day, 2),
            Piece::UnderYearDay => under(out, civil.year_day, 3),
            Piece::ZeroYearDay => number(out, civil.year_day, 3),
            Piece::Hour => number(out, civil.hour, 2),
            Piece::Hour12 => number(out, hour12, 0),
            Piece::ZeroHour12 => number(out, hour12, 2),
            Piece::Minute => number(out, civil.minute, 0),
            Piece::ZeroMinute => number(out, civil.minute, 2),
            Piece::Second => number(out, civil.second, 0),
            Piece::ZeroSecond => number(out, civil.second, 2),
            Piece::LongYear => number(out, civil.year, 4),
            Piece::Year => number(out, civil.year.abs() % 100, 2),
            Piece::UpperPm => out.extend_from_slice(if civil.hour >= 12 { b"PM" } else { b"AM" }),
            Piece::LowerPm => out.extend_from_slice(if civil.hour >= 12 { b"pm" } else { b"am" }),
            Piece::Abbreviation => self.abbreviation(out),
            Piece::Offset(offset) => self.offset(out, offset),
            Piece::Fraction { comma, digits } => {
                out.push(if comma { b',' } else { b'.' });
                out.extend_from_slice(self.fraction(digits).as_bytes());
            }
            Piece::Trimmed { comma, digits } => {
                let fraction = self.fraction(digits);
                let fraction = fraction.trim_end_matches('0');
                if !fraction.is_empty() {
                    out.push(if comma { b',' } else { b'.' });
                    out.extend_from_slice(fraction.as_bytes());
                }
            }
        }
    }

    fn fraction(&self, digits: usize) -> String {
        let all = format!("{:09}", self.nanoseconds);
        format!("{:0<digits$}", &all[..digits.min(9)]).get(..digits.min(9)).unwrap_or(&all).to_owned()
    }

    fn abbreviation(&self, out: &mut Vec<u8>) {
        if !self.zone.name.is_empty() {
            out.extend_from_slice(self.zone.name.as_bytes());
            return;
        }
        let minutes = self.zone.offset / 60;
        out.push(if minutes < 0 { b'-' } else { b'+' });
        number(out, minutes.abs() / 60, 2);
        number(out, minutes.abs() % 60, 2);
    }

    fn offset(&self, out: &mut Vec<u8>, how: Offset) {
        let seconds = self.zone.offset;
        if how.z && seconds == 0 {
            out.push(b'Z');
            return;
        }
        // The sign is that of the minutes: half a minute west of UTC is `+0000`.
        let minutes = seconds / 60;
        let seconds = if minutes < 0 { -seconds } else { seconds };
        out.push(if minutes < 0 { b'-' } else { b'+' });
        number(out, minutes.abs() / 60, 2);
        let colon = |out: &mut Vec<u8>| {
            if how.colon {
                out.push(b':');
            }
        };
        if how.parts != Parts::Hours {
            colon(out);
            number(out, minutes.abs() % 60, 2);
        }
        if how.parts == Parts::Seconds {
            colon(out);
            number(out, seconds % 60, 2);
        }
    }
}

/// A number with zeros in front, and a sign before them.
fn number(out: &mut Vec<u8>, value: i64, width: usize) {
    if value < 0 {
        out.push(b'-');
    }
    let _ = write!(out, "{:0width$}", value.unsigned_abs());
}

/// A number with blanks in front.
fn under(out: &mut Vec<u8>, value: i64, width: usize) {
    let _ = write!(out, "{value:width$}");
}
