//! `Printf`: a format is read, and its verbs take arguments.

use super::printer::Printer;
use super::quote::first_char;
use crate::value::{Data, Value};

/// Go's bound for widths and precisions.
const LARGEST: usize = 1_000_000;

/// Which bytes were written for which argument: where a piece ends, and whose it is.
pub(crate) type Marks = Vec<(usize, Option<usize>)>;

/// Where `Printf` stands.
struct Reader<'a> {
    format: &'a [u8],
    at: usize,
    args: &'a [Value],
    /// The next argument.
    next: usize,
    /// Arguments were named by number.
    reordered: bool,
    /// The last number was a good one.
    good: bool,
}

impl Printer<'_> {
    /// What `fmt.Sprintf` writes.
    pub(super) fn printf(&mut self, format: &[u8], args: &[Value], mut marks: Option<&mut Marks>) {
        let mut reader = Reader { format, at: 0, args, next: 0, reordered: false, good: true };
        while reader.at < format.len() {
            let literal = format[reader.at..].iter().position(|byte| *byte == b'%');
            let end = literal.map_or(format.len(), |at| reader.at + at);
            self.bytes(&format[reader.at..end]);
            if let Some(marks) = marks.as_deref_mut() {
                marks.push((self.len(), None));
            }
            reader.at = end + 1;
            if end == format.len() {
                break;
            }
            let used = self.verb(&mut reader);
            if let Some(marks) = marks.as_deref_mut() {
                marks.push((self.len(), used));
            }
        }
        if !reader.reordered && reader.next < args.len() {
            self.extra(&args[reader.next..]);
        }
        if let Some(marks) = marks {
            marks.push((self.len(), None));
        }
    }

    /// One verb with its flags; the `%` was read. Gives the argument that it printed.
    fn verb(&mut self, reader: &mut Reader<'_>) -> Option<usize> {
        self.clear();
        self.flags(reader);
        let mut numbered = reader.number();
        numbered = self.width(reader, numbered);
        numbered = self.precision(reader, numbered);
        if !numbered {
            reader.number();
        }
        let Some((verb, size)) = first_char(reader.rest()) else {
            self.bytes(b"%!(NOVERB)");
            reader.at = reader.format.len();
            return None;
        };
        reader.at += size;
        if verb == '%' {
            self.byte(b'%');
            return None;
        }
        if !reader.good {
            self.complaint(verb, b"(BADINDEX)");
            return None;
        }
        let Some(arg) = reader.args.get(reader.next) else {
            self.complaint(verb, b"(MISSING)");
            return None;
        };
        if verb == 'v' || verb == 'w' {
            self.go_syntax();
        }
        self.argument(arg, verb);
        reader.next += 1;
        Some(reader.next - 1)
    }

    fn flags(&mut self, reader: &mut Reader<'_>) {
        reader.good = true;
        while let Some(byte) = reader.rest().first() {
            match byte {
                b'#' => self.flags.sharp = true,
                b'0' => self.flags.zero = true,
                b'+' => self.flags.plus = true,
                b'-' => self.flags.minus = true,
                b' ' => self.flags.space = true,
                _ => break,
            }
            reader.at += 1;
        }
    }

    fn width(&mut self, reader: &mut Reader<'_>, numbered: bool) -> bool {
        if reader.rest().first() != Some(&b'*') {
            self.flags.width = reader.digits();
            if numbered && self.flags.width.is_some() {
                reader.good = false;
            }
            return numbered;
        }
        reader.at += 1;
        match reader.integer() {
            None => self.bytes(b"%!(BADWIDTH)"),
            Some(width) => {
                if width < 0 {
                    self.flags.minus = true;
                    self.flags.zero = false;
                }
                self.flags.width = Some(width.unsigned_abs() as usize);
            }
        }
        false
    }

    fn precision(&mut self, reader: &mut Reader<'_>, numbered: bool) -> bool {
        if reader.at + 1 >= reader.format.len() || reader.rest()[0] != b'.' {
            return numbered;
        }
        reader.at += 1;
        if numbered {
            reader.good = false;
        }
        let numbered = reader.number();
        if reader.rest().first() != Some(&b'*') {
            self.flags.precision = Some(reader.digits().unwrap_or(0));
            return numbered;
        }
        reader.at += 1;
        self.flags.precision = reader.integer().and_then(|precision| usize::try_from(precision).ok());
        if self.flags.precision.is_none() {
            self.bytes(b"%!(BADPREC)");
        }
        false
    }

    /// Arguments that no verb took.
    fn extra(&mut self, args: &[Value]) {
        self.clear();
        self.bytes(b"%!(EXTRA ");
        for (at, arg) in args.iter().enumerate() {
            if at > 0 {
                self.bytes(b", ");
            }
            match arg.type_name() {
                None => self.bytes(b"<nil>"),
                Some(name) => {
                    self.bytes(name.as_bytes());
                    self.byte(b'=');
                    self.argument(arg, 'v');
                }
            }
        }
        self.byte(b')');
    }
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        self.format.get(self.at..).unwrap_or_default()
    }

    /// `[3]`: which argument comes next. Gives whether there was a number.
    fn number(&mut self) -> bool {
        if self.rest().first() != Some(&b'[') {
            return false;
        }
        self.reordered = true;
        let (number, size) = bracketed(self.rest());
        self.at += size;
        match number {
            Some(number) if (1..=self.args.len()).contains(&number) => {
                self.next = number - 1;
                true
            }
            _ => {
                self.good = false;
                number.is_some()
            }
        }
    }

    /// Digits, if there are any and they are no larger than Go allows.
    fn digits(&mut self) -> Option<usize> {
        let (number, size) = digits(self.rest());
        self.at += size;
        number
    }

    /// The next argument as a width or precision.
    fn integer(&mut self) -> Option<i64> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        let Data::Int(int) = &arg.data else {
            return None;
        };
        i64::try_from(int.value()).ok().filter(|value| value.unsigned_abs() <= LARGEST as u64)
    }
}

/// The number at the start of `text`, and how many bytes to pass: all of it if it is too large.
fn digits(text: &[u8]) -> (Option<usize>, usize) {
    let mut number = None;
    for (at, byte) in text.iter().enumerate() {
        if !byte.is_ascii_digit() {
            return (number, at);
        }
        if number.is_some_and(|number| number > LARGEST) {
            return (None, text.len());
        }
        number = Some(number.unwrap_or(0) * 10 + usize::from(byte - b'0'));
    }
    (number, text.len())
}

/// The number in the brackets at the start of `text`, and how many bytes to pass.
fn bracketed(text: &[u8]) -> (Option<usize>, usize) {
    let Some(end) = text.iter().position(|byte| *byte == b']').filter(|_| text.len() >= 3) else {
        return (None, 1);
    };
    let (number, size) = digits(&text[1..end]);
    (number.filter(|_| size == end - 1 && size > 0), end + 1)
}
