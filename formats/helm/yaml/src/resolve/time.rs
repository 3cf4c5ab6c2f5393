//! What Go's `yaml.v2` takes for a timestamp (`parseTimestamp` of `resolve.go`, by the rules of Go's `time.Parse`).

/// Whether it is one: a date alone, with a time behind a `T` and a zone, or with a time behind spaces and no zone.
pub(crate) fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.iter().take_while(|it| it.is_ascii_digit()).count() != 4 {
        return false;
    }
    date(bytes).is_some_and(|rest| match rest.first() {
        None => true,
        Some(b'T' | b't') => clock(&rest[1..]).is_some_and(is_zone),
        Some(b' ') => {
            let spaces = rest.iter().take_while(|it| **it == b' ').count();
            clock(&rest[spaces..]).is_some_and(<[u8]>::is_empty)
        }
        Some(_) => false,
    })
}

/// A year of four digits, a month and a day of one or two; gives what follows.
fn date(text: &[u8]) -> Option<&[u8]> {
    let year = text[..4].iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    let (month, rest) = short(after(&text[4..], b'-')?)?;
    let (day, rest) = short(after(rest, b'-')?)?;
    (day >= 1 && day <= days(year, month)?).then_some(rest)
}

fn days(year: u32, month: u32) -> Option<u32> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
    }
}

/// Hour, minute, second, and a fraction if there is one; gives what follows.
fn clock(text: &[u8]) -> Option<&[u8]> {
    let (hour, rest) = short(text)?;
    let (minute, rest) = short(after(rest, b':')?)?;
    let (second, rest) = short(after(rest, b':')?)?;
    (hour < 24 && minute < 60 && second < 60).then(|| match rest {
        [b'.' | b',', first, ..] if first.is_ascii_digit() => {
            let digits = rest[1..].iter().take_while(|it| it.is_ascii_digit()).count();
            &rest[1 + digits..]
        }
        _ => rest,
    })
}

/// `Z`, or hours and minutes that lie ahead of or behind it.
fn is_zone(text: &[u8]) -> bool {
    let two = |ten: u8, one: u8| {
        (ten.is_ascii_digit() && one.is_ascii_digit()).then(|| (ten - b'0') * 10 + (one - b'0'))
    };
    match text {
        [b'Z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            two(*h1, *h2).is_some_and(|it| it <= 24) && two(*m1, *m2).is_some_and(|it| it <= 60)
        }
        _ => false,
    }
}

fn after(text: &[u8], mark: u8) -> Option<&[u8]> {
    text.split_first().filter(|(first, _)| **first == mark).map(|(_, rest)| rest)
}

/// A number of one or two digits.
fn short(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.iter().take(2).take_while(|it| it.is_ascii_digit()).count();
    let number = text[..digits].iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    (digits > 0).then(|| (number, &text[digits..]))
}
