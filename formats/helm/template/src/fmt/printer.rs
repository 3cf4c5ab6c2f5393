//! What a verb writes of a value.

use super::float::float;
use super::integer::{Radix, push_decimal, push_digits};
use super::quote::{CharsOf, can_backquote, char_count, is_print, quote_with};
use crate::function::Error;
use crate::value::{Data, Elem, Int, List, Map, Value};

/// Lists in lists, deeper than anything that is meant.
const MAX_DEPTH: u32 = 500;
/// Bytes of one text, more than anything that is meant.
const MAX_OUTPUT: usize = 1 << 26;

const TOO_DEEP: &str = "the value is nested too deeply to be printed";
const TOO_LARGE: &str = "the text is too large to be printed";

/// Was a value not printed because of its size?
pub(crate) fn is_limit(error: &Error) -> bool {
    error.0 == TOO_DEEP || error.0 == TOO_LARGE
}

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a character of the format")]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%#v`, which is a verb of its own.
    go_syntax: bool,
}

/// The writer behind all printing functions.
pub(super) struct Printer<'o> {
    out: &'o mut Vec<u8>,
    pub(super) flags: Flags,
    depth: u32,
    failure: Option<&'static str>,
}

impl<'o> Printer<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, flags: Flags::default(), depth: 0, failure: None }
    }

    pub(super) fn finish(self) -> Result<(), Error> {
        self.failure.map_or(Ok(()), |failure| Err(failure.into()))
    }

    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn clear(&mut self) {
        self.flags = Flags::default();
    }

    /// `%#v` and `%+v` are verbs without flags of their own.
    pub(super) fn go_syntax(&mut self) {
        self.flags.go_syntax = self.flags.sharp;
        self.flags.sharp = false;
        self.flags.plus = false;
    }

    /// `%!d(REASON)`
    pub(super) fn complaint(&mut self, verb: char, reason: &[u8]) {
        self.bytes(b"%!");
        self.char(verb);
        self.bytes(reason);
    }

    fn char(&mut self, char: char) {
        self.bytes(char.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// An argument of the call.
    pub(super) fn argument(&mut self, value: &Value, verb: char) {
        match (&value.data, verb) {
            (Data::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (Data::Nil, _) => self.complaint(verb, b"(<nil>)"),
            (_, 'T') => self.text(value.type_name().unwrap_or_default().as_bytes()),
            (Data::List(_) | Data::Map(_), 'p') => {
                self.failure = Some("`%p` prints an address, which is another one at each run");
            }
            (Data::List(list), _) if list.elem == Elem::Byte => self.byte_slice(list, verb, "[]byte"),
            (_, 'w') => self.bad_verb(value, verb),
            _ => self.value(value, verb),
        }
    }

    fn bad_verb(&mut self, value: &Value, verb: char) {
        self.complaint(verb, b"(");
        self.bytes(value.type_name().unwrap_or_default().as_bytes());
        self.byte(b'=');
        self.argument(value, 'v');
        self.byte(b')');
    }

    fn value(&mut self, value: &Value, verb: char) {
        match &value.data {
            Data::Nil => {}
            Data::Bool(bool) if matches!(verb, 't' | 'v') => self.pad(if *bool { b"true" } else { b"false" }),
            Data::Int(int) => self.int(*int, verb, value),
            Data::Float(float) => self.float(*float, verb, value),
            Data::Text(text) => self.string(text.bytes(), verb, value),
            Data::List(list) => self.nested(|printer| printer.list(list, verb)),
            Data::Map(map) => self.nested(|printer| printer.map(map, verb)),
            Data::Object(object) => match verb {
                'v' | 's' | 'x' | 'X' | 'q' => {
                    let plain = self.flags.go_syntax;
                    let inside = if self.depth > 0 { object.inside() } else { Some(object.print()) };
                    let Some(printed) = inside else {
                        self.failure = Some(
                            "a pointer inside of a value prints as its address, which is another one at each run",
                        );
                        return;
                    };
                    if plain {
                        self.text(printed.as_bytes());
                    } else {
                        self.string(printed.as_bytes(), verb, value);
                    }
                }
                _ => self.bad_verb(value, verb),
            },
            Data::Bool(_) => self.bad_verb(value, verb),
        }
    }

    fn nested(&mut self, write: impl FnOnce(&mut Self)) {
        if self.failure.is_some() {
            return;
        }
        if self.depth >= MAX_DEPTH {
            self.failure = Some(TOO_DEEP);
            return;
        }
        if self.out.len() > MAX_OUTPUT {
            self.failure = Some(TOO_LARGE);
            return;
        }
        self.depth += 1;
        write(self);
        self.depth -= 1;
    }

    /// An element of a list or map.
    fn element(&mut self, value: &Value, verb: char) {
        match &value.data {
            Data::Nil if self.flags.go_syntax => self.bytes(b"interface {}(nil)"),
            Data::Nil => self.bytes(b"<nil>"),
            _ if verb == 'p' => self.bad_verb(value, verb),
            _ => self.value(value, verb),
        }
    }

    fn list(&mut self, list: &List, verb: char) {
        if list.elem == Elem::Byte && matches!(verb, 's' | 'q' | 'x' | 'X') {
            return self.byte_slice(list, verb, "[]uint8");
        }
        let go_syntax = self.flags.go_syntax;
        if go_syntax {
            self.bytes(list.elem.type_name().as_bytes());
        }
        self.byte(if go_syntax { b'{' } else { b'[' });
        for (at, item) in list.items.iter().enumerate() {
            self.separator(at, go_syntax);
            self.element(item, verb);
        }
        self.byte(if go_syntax { b'}' } else { b']' });
    }

    fn map(&mut self, map: &Map, verb: char) {
        let go_syntax = self.flags.go_syntax;
        self.bytes(if go_syntax { map.type_name().as_bytes() } else { b"map" });
        self.byte(if go_syntax { b'{' } else { b'[' });
        for (at, (key, item)) in map.entries.borrow().iter().enumerate() {
            self.separator(at, go_syntax);
            self.key(key, verb);
            self.byte(b':');
            self.element(item, verb);
        }
        self.byte(if go_syntax { b'}' } else { b']' });
    }

    fn key(&mut self, key: &[u8], verb: char) {
        if matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') {
            self.string_verb(key, verb);
        } else {
            self.bad_verb(&Value::text(key), verb);
        }
    }

    fn separator(&mut self, at: usize, go_syntax: bool) {
        if at > 0 {
            self.bytes(if go_syntax { b", " } else { b" " });
        }
    }

    /// `[]byte` is a string for some verbs.
    fn byte_slice(&mut self, list: &List, verb: char, type_name: &str) {
        let bytes: Vec<u8> = list
            .items
            .iter()
            .map(|item| match &item.data {
                Data::Int(int) => int.bits.cast_unsigned() as u8,
                _ => 0,
            })
            .collect();
        match verb {
            's' | 'x' | 'X' | 'q' => self.string_verb(&bytes, verb),
            'v' | 'd' if self.flags.go_syntax => {
                self.bytes(type_name.as_bytes());
                self.byte(b'{');
                for (at, byte) in bytes.iter().enumerate() {
                    self.separator(at, true);
                    self.bare_hex(u64::from(*byte));
                }
                self.byte(b'}');
            }
            _ => self.list(list, verb),
        }
    }

    fn string(&mut self, text: &[u8], verb: char, value: &Value) {
        match verb {
            'v' | 's' | 'x' | 'X' | 'q' => self.string_verb(text, verb),
            _ => self.bad_verb(value, verb),
        }
    }

    fn string_verb(&mut self, text: &[u8], verb: char) {
        match verb {
            'v' if self.flags.go_syntax => self.quoted(text),
            'x' | 'X' => self.hex_string(text, verb),
            'q' => self.quoted(text),
            _ => self.text(text),
        }
    }

    /// A text, cut to the precision.
    fn text(&mut self, text: &[u8]) {
        self.pad(self.cut(text));
    }

    fn cut<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        match self.flags.precision {
            None => text,
            Some(count) => {
                let size = CharsOf(text).take(count).map(|(_, bytes)| bytes.len()).sum();
                &text[..size]
            }
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        let text = self.cut(text);
        let mut out = Vec::with_capacity(text.len() + 2);
        if self.flags.sharp && can_backquote(text) {
            out.push(b'`');
            out.extend_from_slice(text);
            out.push(b'`');
        } else {
            quote_with(&mut out, text, b'"', self.flags.plus);
        }
        self.pad(&out);
    }

    fn hex_string(&mut self, text: &[u8], verb: char) {
        let radix = Radix { base: 16, upper: verb == 'X', octal_prefix: false };
        let prefix = [b'0', verb as u8];
        let text = &text[..self.flags.precision.unwrap_or(text.len()).min(text.len())];
        let mut out = Vec::with_capacity(text.len() * 2);
        for (at, byte) in text.iter().enumerate() {
            let spaced = at > 0 && self.flags.space;
            if spaced {
                out.push(b' ');
            }
            if self.flags.sharp && (at == 0 || spaced) {
                out.extend_from_slice(&prefix);
            }
            push_digits(&mut out, u64::from(byte >> 4), radix);
            push_digits(&mut out, u64::from(byte & 15), radix);
        }
        self.pad(&out);
    }

    fn int(&mut self, int: Int, verb: char, value: &Value) {
        let bits = int.bits.cast_unsigned();
        let signed = int.kind.is_signed();
        let radix = |base, upper| Radix { base, upper, octal_prefix: verb == 'O' };
        match verb {
            'v' if self.flags.go_syntax && !signed => self.bare_hex(bits),
            'v' | 'd' => self.integer(bits, signed, radix(10, false)),
            'b' => self.integer(bits, signed, radix(2, false)),
            'o' | 'O' => self.integer(bits, signed, radix(8, false)),
            'x' => self.integer(bits, signed, radix(16, false)),
            'X' => self.integer(bits, signed, radix(16, true)),
            'c' => self.pad(rune(bits).encode_utf8(&mut [0; 4]).as_bytes()),
            'q' => {
                let mut out = Vec::new();
                quote_with(&mut out, rune(bits).encode_utf8(&mut [0; 4]).as_bytes(), b'\'', self.flags.plus);
                self.pad(&out);
            }
            'U' => self.unicode(bits),
            _ => self.bad_verb(value, verb),
        }
    }

    fn bare_hex(&mut self, bits: u64) {
        let sharp = std::mem::replace(&mut self.flags.sharp, true);
        self.integer(bits, false, Radix { base: 16, upper: false, octal_prefix: false });
        self.flags.sharp = sharp;
    }

    fn integer(&mut self, bits: u64, signed: bool, radix: Radix) {
        let negative = signed && bits.cast_signed() < 0;
        let flags = self.flags;
        if flags.width.is_none()
            && flags.precision.is_none()
            && radix.base == 10
            && !flags.plus
            && !flags.space
        {
            if negative {
                self.byte(b'-');
            }
            return push_decimal(self.out, if negative { bits.wrapping_neg() } else { bits });
        }
        let sign = if negative {
            Some(b'-')
        } else if flags.plus {
            Some(b'+')
        } else {
            flags.space.then_some(b' ')
        };
        let digits = match flags.precision {
            // Nothing is written of a zero without digits.
            Some(0) if bits == 0 => return self.pad_with(b"", b' '),
            Some(precision) => precision,
            // Zeros fill the width, besides the sign; what stands after them may still be wider.
            None if flags.zero && !flags.minus => {
                flags.width.map_or(0, |width| width.saturating_sub(usize::from(sign.is_some())))
            }
            None => 0,
        };
        let mut number = Vec::with_capacity(24);
        push_digits(&mut number, if negative { bits.wrapping_neg() } else { bits }, radix);
        let mut out = Vec::with_capacity(digits.max(24));
        out.extend(sign);
        if radix.octal_prefix {
            out.extend_from_slice(b"0o");
        }
        let zeros = digits.saturating_sub(number.len());
        match radix.base {
            2 if flags.sharp => out.extend_from_slice(b"0b"),
            8 if flags.sharp && zeros == 0 && number[0] != b'0' => out.push(b'0'),
            16 if flags.sharp => out.extend_from_slice(if radix.upper { b"0X" } else { b"0x" }),
            _ => {}
        }
        out.extend(std::iter::repeat_n(b'0', zeros));
        out.extend_from_slice(&number);
        self.pad_with(&out, b' ');
    }

    fn unicode(&mut self, bits: u64) {
        let mut number = Vec::new();
        push_digits(&mut number, bits, Radix { base: 16, upper: true, octal_prefix: false });
        let mut out = b"U+".to_vec();
        let digits = self.flags.precision.unwrap_or(0).max(4);
        out.extend(std::iter::repeat_n(b'0', digits.saturating_sub(number.len())));
        out.extend_from_slice(&number);
        if let Some(char) = u32::try_from(bits)
            .ok()
            .and_then(char::from_u32)
            .filter(|char| self.flags.sharp && is_print(*char))
        {
            out.extend_from_slice(format!(" '{char}'").as_bytes());
        }
        self.pad_with(&out, b' ');
    }

    fn float(&mut self, value: f64, verb: char, whole: &Value) {
        let (form, precision) = match verb {
            'v' => (b'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb as u8, None),
            'f' | 'e' | 'E' => (verb as u8, Some(6)),
            'F' => (b'f', Some(6)),
            _ => return self.bad_verb(whole, verb),
        };
        let precision = self.flags.precision.or(precision);
        let mut number = Vec::with_capacity(24);
        float(&mut number, value, form, precision);
        if !matches!(number[0], b'-' | b'+') {
            number.insert(0, b'+');
        }
        self.signed_float(number, form, precision);
    }

    /// A number with its sign: which signs are shown, and where zeros go.
    fn signed_float(&mut self, mut number: Vec<u8>, form: u8, precision: Option<usize>) {
        let flags = self.flags;
        if flags.space && number[0] == b'+' && !flags.plus {
            number[0] = b' ';
        }
        if matches!(number[1], b'I' | b'N') {
            let unsigned = number[1] == b'N' && !flags.space && !flags.plus;
            return self.pad_with(&number[usize::from(unsigned)..], b' ');
        }
        if flags.sharp && form != b'b' {
            number = with_point(&number, form, precision);
        }
        if !flags.plus && number[0] == b'+' {
            return self.pad(&number[1..]);
        }
        match flags.width {
            Some(width) if flags.zero && !flags.minus && width > number.len() => {
                self.byte(number[0]);
                self.out.extend(std::iter::repeat_n(b'0', width - number.len()));
                self.bytes(&number[1..]);
            }
            _ => self.pad(&number),
        }
    }

    /// Fills up to the width, with zeros if they were asked for.
    fn pad(&mut self, text: &[u8]) {
        let zero = self.flags.zero && !self.flags.minus;
        self.pad_with(text, if zero { b'0' } else { b' ' });
    }

    fn pad_with(&mut self, text: &[u8], fill: u8) {
        let missing = self.flags.width.map_or(0, |width| width.saturating_sub(char_count(text)));
        let fill = std::iter::repeat_n(fill, missing);
        if self.flags.minus {
            self.out.extend_from_slice(text);
            self.out.extend(fill);
        } else {
            self.out.extend(fill);
            self.out.extend_from_slice(text);
        }
        if self.out.len() > MAX_OUTPUT {
            self.failure = Some(TOO_LARGE);
        }
    }
}

/// `%#g`: a point always, and the zeros that `%g` leaves out.
fn with_point(number: &[u8], form: u8, precision: Option<usize>) -> Vec<u8> {
    let mut digits = match form {
        b'g' | b'G' | b'x' => precision.map_or(6, usize::cast_signed),
        _ => 0,
    };
    let hex = matches!(form, b'x' | b'X');
    let tail =
        number.iter().position(|byte| matches!(byte, b'p' | b'P') || !hex && matches!(byte, b'e' | b'E'));
    let (body, tail) = number.split_at(tail.unwrap_or(number.len()));
    let (mut point, mut nonzero) = (false, false);
    for byte in &body[1..] {
        match byte {
            b'.' => point = true,
            _ => {
                nonzero |= *byte != b'0';
                digits -= isize::from(nonzero);
            }
        }
    }
    let mut out = body.to_vec();
    if !point {
        if out.len() == 2 && out[1] == b'0' {
            digits -= 1;
        }
        out.push(b'.');
    }
    out.extend(std::iter::repeat_n(b'0', usize::try_from(digits).unwrap_or(0)));
    out.extend_from_slice(tail);
    out
}

fn rune(bits: u64) -> char {
    u32::try_from(bits).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}
