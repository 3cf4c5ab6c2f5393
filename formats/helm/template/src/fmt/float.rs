//! Floats as text (`strconv.AppendFloat`).

#![expect(
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "counts of digits are small and were compared with zero; whether a float is whole is an exact question"
)]

use std::io::Write as _;

use super::integer::push_decimal;

/// No double has more digits than this after its point, or significant ones: what follows are zeros.
const ENOUGH: usize = 1100;

/// Appends what `strconv.AppendFloat(value, verb, precision, 64)` gives, for the verbs `e E f g G b x X`; no precision is
/// Go's -1: as few digits as make the same float again.
pub fn float(out: &mut Vec<u8>, value: f64, verb: u8, precision: Option<usize>) {
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
        return;
    }
    if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let value = value.abs();
    match verb {
        b'e' | b'E' => {
            let digits = precision
                .map_or_else(|| Digits::shortest(value), |precision| Digits::rounded(value, precision));
            let precision = precision.unwrap_or_else(|| digits.count().saturating_sub(1));
            digits.exponential(out, precision, verb);
        }
        b'g' | b'G' => general(out, value, verb, precision),
        b'b' => binary(out, value),
        b'x' | b'X' => hexadecimal(out, value, verb, precision),
        _ => fixed(out, value, precision),
    }
}

/// With fewer digits a double is never half way between two texts.
const MAY_BE_A_TIE: usize = 15;

/// The decimal digits of a number, without zeros at the end, and where its point is: `0.d1d2d3… * 10^point`.
struct Digits {
    digits: Vec<u8>,
    point: i32,
}

impl Digits {
    fn shortest(value: f64) -> Self {
        if value < 1e15 && value.trunc() == value {
            let mut digits = Vec::with_capacity(16);
            push_decimal(&mut digits, value as u64);
            let point = digits.len() as i32;
            return Self { digits, point }.trimmed();
        }
        let shortest = Self::read(&format!("{value:e}"));
        if shortest.count() < MAY_BE_A_TIE {
            return shortest;
        }
        // Two texts may be as short and as near as each other. Go takes the even one, as rounding does.
        let rounded = format!("{value:.*e}", shortest.count() - 1);
        if rounded.parse() == Ok(value) { Self::read(&rounded) } else { shortest }
    }

    /// One digit, and `more` after it.
    fn rounded(value: f64, more: usize) -> Self {
        Self::read(&format!("{value:.*e}", more.min(ENOUGH)))
    }

    fn read(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let digits = mantissa.bytes().filter(u8::is_ascii_digit).collect();
        Self { digits, point: exponent.parse::<i32>().unwrap_or_default() + 1 }.trimmed()
    }

    fn trimmed(mut self) -> Self {
        while self.digits.last() == Some(&b'0') {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            self.point = 0;
        }
        self
    }

    fn count(&self) -> usize {
        self.digits.len()
    }

    fn digit(&self, at: i64) -> u8 {
        usize::try_from(at).ok().and_then(|at| self.digits.get(at)).copied().unwrap_or(b'0')
    }

    /// `d.ddde±dd`, with this many digits after the point.
    fn exponential(&self, out: &mut Vec<u8>, precision: usize, verb: u8) {
        out.push(self.digit(0));
        if precision > 0 {
            out.push(b'.');
            out.extend((1..=precision as i64).map(|at| self.digit(at)));
        }
        let exponent = if self.digits.is_empty() { 0 } else { self.point - 1 };
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "{}{sign}{:02}", char::from(verb), exponent.unsigned_abs());
    }

    /// `ddd.ddd`, with this many digits after the point.
    fn fixed(&self, out: &mut Vec<u8>, precision: usize) {
        let point = i64::from(self.point);
        out.extend((0..point.max(1)).map(|at| if point > 0 { self.digit(at) } else { b'0' }));
        if precision > 0 {
            out.push(b'.');
            out.extend((0..precision as i64).map(|at| self.digit(point + at)));
        }
    }
}

fn fixed(out: &mut Vec<u8>, value: f64, precision: Option<usize>) {
    let Some(precision) = precision else {
        let digits = Digits::shortest(value);
        let precision = (digits.count() as i64 - i64::from(digits.point)).max(0);
        return digits.fixed(out, precision as usize);
    };
    let shown = precision.min(ENOUGH);
    let _ = write!(out, "{value:.shown$}");
    out.extend(std::iter::repeat_n(b'0', precision - shown));
}

/// `%g`: the form that is shorter to read. Without a precision, six digits decide.
fn general(out: &mut Vec<u8>, value: f64, verb: u8, precision: Option<usize>) {
    let precision = precision.map(|precision| precision.max(1));
    let digits =
        precision.map_or_else(|| Digits::shortest(value), |precision| Digits::rounded(value, precision - 1));
    let (count, point) = (digits.count() as i64, i64::from(digits.point));
    let wanted = precision.map_or(count, |precision| precision as i64);
    let limit = match precision {
        None => 6,
        Some(_) if wanted > count && count >= point => count,
        Some(_) => wanted,
    };
    if point - 1 < -4 || point > limit {
        digits.exponential(out, (wanted.min(count) - 1).max(0) as usize, verb - (b'g' - b'e'));
    } else {
        digits.fixed(out, (count - point).max(0) as usize);
    }
}

const MANTISSA_BITS: u32 = 52;

/// The mantissa, and the exponent of its highest bit's place.
fn parts(value: f64) -> (u64, i64) {
    let bits = value.to_bits();
    let mantissa = bits & ((1 << MANTISSA_BITS) - 1);
    let exponent = (bits >> MANTISSA_BITS & 0x7ff) as i64;
    if exponent == 0 { (mantissa, -1022) } else { (mantissa | 1 << MANTISSA_BITS, exponent - 1023) }
}

/// `%b`: `4503599627370496p-52`.
fn binary(out: &mut Vec<u8>, value: f64) {
    let (mantissa, exponent) = parts(value);
    let _ = write!(out, "{mantissa}p{:+}", exponent - i64::from(MANTISSA_BITS));
}

/// `%x`: `0x1.8p+01`.
fn hexadecimal(out: &mut Vec<u8>, value: f64, verb: u8, precision: Option<usize>) {
    const TOP: u32 = 60;
    let (mantissa, exponent) = parts(value);
    let shift = if mantissa == 0 { 0 } else { mantissa.leading_zeros() - (63 - TOP) };
    let mut exponent =
        if mantissa == 0 { 0 } else { exponent - (i64::from(shift) - i64::from(TOP - MANTISSA_BITS)) };
    let mut mantissa = mantissa << shift;
    if let Some(keep) = precision.filter(|keep| *keep < 15) {
        let drop = TOP - 4 * keep as u32;
        let rest = mantissa & ((1 << drop) - 1);
        mantissa >>= drop;
        let half = 1 << (drop - 1);
        if rest > half || rest == half && mantissa & 1 == 1 {
            mantissa += 1;
        }
        mantissa <<= drop;
        if mantissa >> (TOP + 1) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let digits: &[u8; 16] = if verb == b'X' { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    out.extend_from_slice(&[b'0', verb, b'0' + (mantissa >> TOP) as u8]);
    let mut rest = mantissa << 4;
    let count = precision
        .unwrap_or_else(|| (64 - rest.trailing_zeros() as usize).div_ceil(4) * usize::from(rest != 0));
    if count > 0 {
        out.push(b'.');
    }
    for _ in 0..count {
        out.push(digits[(rest >> TOP) as usize & 15]);
        rest <<= 4;
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "{}{sign}{:02}", char::from(verb - (b'x' - b'p')), exponent.unsigned_abs());
}
