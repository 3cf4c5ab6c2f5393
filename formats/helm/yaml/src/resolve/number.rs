//! Numbers as Go's `strconv` reads and writes them.

/// `strconv.ParseInt` without underscores; base 0 reads the prefix.
pub(super) fn parse_signed(text: &str, base: u32) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = parse_unsigned(digits, base)?;
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// `strconv.ParseUint`: no sign.
pub(super) fn parse_unsigned(text: &str, base: u32) -> Option<u64> {
    let (base, digits) = if base == 0 { prefixed(text) } else { (base, text) };
    if text.is_empty() || (digits.is_empty() && text != "0") {
        return None;
    }
    digits.chars().try_fold(0_u64, |sum, digit| {
        sum.checked_mul(u64::from(base))?.checked_add(u64::from(digit.to_digit(base)?))
    })
}

/// The base that a prefix says, and what follows it. A prefix without a digit is none, and a leading zero is octal.
fn prefixed(text: &str) -> (u32, &str) {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'0') {
        return (10, text);
    }
    let base = match bytes.get(1).map(u8::to_ascii_lowercase) {
        Some(b'b') => 2,
        Some(b'o') => 8,
        Some(b'x') => 16,
        _ => return (8, &text[1..]),
    };
    if bytes.len() < 3 { (8, &text[1..]) } else { (base, &text[2..]) }
}

/// Whether it looks like a float to `yaml.v2`: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
pub(super) fn is_yaml_float(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = digits(unsigned);
    let mut rest = &unsigned[whole..];
    if let Some(behind) = rest.strip_prefix('.') {
        let fraction = digits(behind);
        if whole == 0 && fraction == 0 {
            return false;
        }
        rest = &behind[fraction..];
    } else if whole == 0 {
        return false;
    }
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else { return rest.is_empty() };
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    !exponent.is_empty() && digits(exponent) == exponent.len()
}

/// `strconv.ParseFloat` for a text that begins with a point, whose underscores it allows between digits.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let joined;
    let plain = if text.contains('_') {
        if !underscores_are_between_digits(text) {
            return None;
        }
        joined = text.replace('_', "");
        &joined
    } else {
        text
    };
    if !is_yaml_float(plain) {
        return None;
    }
    plain.parse().ok().filter(|it: &f64| it.is_finite())
}

fn underscores_are_between_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|it| bytes.get(it)).is_some_and(u8::is_ascii_digit);
    (0..bytes.len()).all(|at| bytes[at] != b'_' || digit(at.checked_sub(1)) && digit(Some(at + 1)))
}

/// `strconv.FormatFloat(…, 'g', -1, …)`, with YAML's words for what is no number. Of two shortest forms that are equally
/// near Go takes the even one, and so does `zmij`; `std` does not.
///
/// The shortest form has an exponent if that is below -4 or not below 6.
pub(crate) fn general(value: impl zmij::Float) -> String {
    let mut buffer = zmij::Buffer::new();
    let text = match buffer.format(value) {
        "inf" => return ".inf".into(),
        "-inf" => return "-.inf".into(),
        "NaN" => return ".nan".into(),
        text => text,
    };
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |it| ("-", it));
    let (digits, exponent) = scientific(unsigned);
    if !(-4..6).contains(&exponent) {
        let point = if digits.len() > 1 { "." } else { "" };
        let of_exponent = if exponent < 0 { '-' } else { '+' };
        let (first, rest) = digits.split_at(1);
        return format!("{sign}{first}{point}{rest}e{of_exponent}{:02}", exponent.unsigned_abs());
    }
    let Ok(behind) = usize::try_from(exponent) else {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("{sign}0.{zeros}{digits}");
    };
    let point = behind + 1;
    if digits.len() <= point {
        return format!("{sign}{digits:0<point$}");
    }
    format!("{sign}{}.{}", &digits[..point], &digits[point..])
}

/// A float as a number of JSON that `yaml.v2` reads: what is whole and below 10²¹ is written without point and exponent,
/// from the shortest digits and zeros behind them, and is an integer if 64 bits hold that.
pub(crate) fn through_json(value: f64) -> Number {
    // Below 2⁵³ the digits are the value's own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() != 0.0 || !value.is_finite() || value.abs() >= 1e21 {
        return Number::Float(value);
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and the bound stands before it")]
    if value.abs() < EXACT {
        return Number::Int(value as i64);
    }
    let mut buffer = zmij::Buffer::new();
    let (digits, exponent) = scientific(buffer.format(value.abs()));
    let places = usize::try_from(exponent + 1).unwrap_or(1);
    let sign = if value < 0.0 { "-" } else { "" };
    let text = format!("{sign}{digits:0<places$}");
    if let Ok(it) = text.parse() {
        return Number::Int(it);
    }
    text.parse().map_or(Number::Float(value), Number::Uint)
}

/// A number as `yaml.v2` finds it in JSON.
pub(crate) enum Number {
    Int(i64),
    Uint(u64),
    Float(f64),
}

/// The digits of a decimal number, without zeros around them, and the exponent of the first.
fn scientific(text: &str) -> (String, i32) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    if digits.is_empty() {
        return ("0".into(), 0);
    }
    let zeros = i32::try_from(all.len() - digits.len()).unwrap_or_default();
    let places = i32::try_from(whole.len()).unwrap_or_default();
    let exponent: i32 = exponent.parse().unwrap_or_default();
    (digits.trim_end_matches('0').to_owned(), exponent + places - 1 - zeros)
}
