//! Integers in digits.

/// How an integer is written: what `%d` and its siblings differ in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Radix {
    pub(super) base: u64,
    pub(super) upper: bool,
    /// `%O`: `0o` before it.
    pub(super) octal_prefix: bool,
}

/// Appends the digits of a number, in lower or upper case.
pub(super) fn push_digits(out: &mut Vec<u8>, mut value: u64, radix: Radix) {
    let digits: &[u8; 16] = if radix.upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let start = out.len();
    loop {
        out.push(digits[(value % radix.base) as usize]);
        value /= radix.base;
        if value == 0 {
            break;
        }
    }
    out[start..].reverse();
}

/// Appends a number in decimal.
pub(super) fn push_decimal(out: &mut Vec<u8>, value: u64) {
    push_digits(out, value, Radix { base: 10, upper: false, octal_prefix: false });
}

/// Appends a number as this many hexadecimal digits in lower case.
pub(super) fn push_hex(out: &mut Vec<u8>, value: u64, digits: usize) {
    for at in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(value >> (4 * at)) as usize & 15]);
    }
}
