//! Layouts: the reference time, read in pieces (Go's `time.nextStdChunk`).

/// A piece of a layout that stands for a part of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    Abbreviation,
    /// A distance from UTC.
    Offset(Offset),
    /// `.000`: this many digits.
    Fraction {
        comma: bool,
        digits: usize,
    },
    /// `.999`: as many digits, but no zeros at the end.
    Trimmed {
        comma: bool,
        digits: usize,
    },
}

/// How a distance from UTC is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    /// `Z` for none.
    pub(super) z: bool,
    pub(super) parts: Parts,
    pub(super) colon: bool,
}

/// The parts of a distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    Hours,
    Minutes,
    Seconds,
}

const fn offset(z: bool, parts: Parts, colon: bool) -> Piece {
    Piece::Offset(Offset { z, parts, colon })
}

/// Pieces by how they are written; the longer ones come first.
const WRITTEN: &[(&[u8], Piece)] = &[
    (b"January", Piece::LongMonth),
    (b"Monday", Piece::LongWeekday),
    (b"MST", Piece::Abbreviation),
    (b"002", Piece::ZeroYearDay),
    (b"01", Piece::ZeroMonth),
    (b"02", Piece::ZeroDay),
    (b"03", Piece::ZeroHour12),
    (b"04", Piece::ZeroMinute),
    (b"05", Piece::ZeroSecond),
    (b"06", Piece::Year),
    (b"15", Piece::Hour),
    (b"1", Piece::NumMonth),
    (b"2006", Piece::LongYear),
    (b"2", Piece::Day),
    (b"__2", Piece::UnderYearDay),
    (b"_2", Piece::UnderDay),
    (b"3", Piece::Hour12),
    (b"4", Piece::Minute),
    (b"5", Piece::Second),
    (b"PM", Piece::UpperPm),
    (b"pm", Piece::LowerPm),
    (b"-070000", offset(false, Parts::Seconds, false)),
    (b"-07:00:00", offset(false, Parts::Seconds, true)),
    (b"-0700", offset(false, Parts::Minutes, false)),
    (b"-07:00", offset(false, Parts::Minutes, true)),
    (b"-07", offset(false, Parts::Hours, false)),
    (b"Z070000", offset(true, Parts::Seconds, false)),
    (b"Z07:00:00", offset(true, Parts::Seconds, true)),
    (b"Z0700", offset(true, Parts::Minutes, false)),
    (b"Z07:00", offset(true, Parts::Minutes, true)),
    (b"Z07", offset(true, Parts::Hours, false)),
];

/// A piece where it stands in a layout: the signs before it, the piece, how it is written, and the rest.
pub(super) type Place<'a> = (&'a [u8], Piece, &'a [u8], &'a [u8]);

/// The first piece of a layout.
pub(super) fn next(layout: &[u8]) -> Option<Place<'_>> {
    for at in 0..layout.len() {
        if let Some((piece, skip, length)) = here(&layout[at..]) {
            let start = at + skip;
            return Some((
                &layout[..start],
                piece,
                &layout[start..start + length],
                &layout[start + length..],
            ));
        }
    }
    None
}

/// A piece at the start: after how many signs it begins, and how long it is.
fn here(text: &[u8]) -> Option<(Piece, usize, usize)> {
    // `_2006` is the sign and a year.
    if text.starts_with(b"_2006") {
        return Some((Piece::LongYear, 1, 4));
    }
    if let Some((written, piece)) = WRITTEN.iter().find(|(written, _)| text.starts_with(written)) {
        return Some((*piece, 0, written.len()));
    }
    // A short name must not go on as a word.
    let ends = |text: &[u8]| !text.get(3).is_some_and(u8::is_ascii_lowercase);
    if text.starts_with(b"Jan") && ends(text) {
        return Some((Piece::Month, 0, 3));
    }
    if text.starts_with(b"Mon") && ends(text) {
        return Some((Piece::Weekday, 0, 3));
    }
    fraction(text)
}

fn fraction(text: &[u8]) -> Option<(Piece, usize, usize)> {
    let [sign @ (b'.' | b','), digit @ (b'0' | b'9'), ..] = text else { return None };
    let digits = text[1..].iter().take_while(|byte| *byte == digit).count();
    if text.get(digits + 1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let comma = *sign == b',';
    let piece =
        if *digit == b'0' { Piece::Fraction { comma, digits } } else { Piece::Trimmed { comma, digits } };
    Some((piece, 0, digits + 1))
}
