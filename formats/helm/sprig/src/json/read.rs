//! JSON as values. Without recursion: a text may open ten thousand brackets.

use std::collections::BTreeMap;

use gabion_template::{Bytes, Error, Value};

use crate::runes;

/// How deep lists and objects may lie in each other (`encoding/json.maxNestingDepth`).
const DEEPEST: usize = 10_000;

/// Reads a JSON text (`json.Unmarshal` into an empty interface), and says in Go's words what is wrong with it.
///
/// A mistake of syntax gives `nil`. A number that no `float64` holds is `nil` where it stands, and an error as well.
pub fn decode(text: &[u8]) -> (Value, Option<Error>) {
    let mut reader = Reader { text, at: 0, large: None };
    match reader.top() {
        Ok(value) => (value, reader.large),
        Err(error) => (Value::NIL, Some(error)),
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    large: Option<Error>,
}

enum Open {
    List(Vec<Value>),
    Object(BTreeMap<Bytes, Value>, Bytes),
}

impl Reader<'_> {
    fn peek(&self) -> Result<u8, Error> {
        self.text.get(self.at).copied().ok_or_else(|| "unexpected end of JSON input".into())
    }

    /// The sign here; at the end a blank, which Go feeds itself there.
    fn sign(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(b' ')
    }

    /// The next sign that is no blank.
    fn next(&mut self) -> Result<u8, Error> {
        while self.text.get(self.at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.peek()
    }

    fn wrong<T>(&self, place: &str) -> Result<T, Error> {
        let sign = match self.sign() {
            b'\'' => r"\'".to_owned(),
            b'"' => "\"".to_owned(),
            byte => {
                let mut quoted = Vec::new();
                gabion_template::fmt::quote(&mut quoted, char::from(byte).to_string().as_bytes());
                String::from_utf8_lossy(&quoted[1..quoted.len() - 1]).into_owned()
            }
        };
        Err(format!("invalid character '{sign}' {place}").into())
    }

    fn top(&mut self) -> Result<Value, Error> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let mut value = match self.next()? {
                b'{' => {
                    self.enter(open.len())?;
                    if self.next()? != b'}' {
                        let key = self.key()?;
                        open.push(Open::Object(BTreeMap::new(), key));
                        continue;
                    }
                    self.at += 1;
                    Value::map(BTreeMap::new())
                }
                b'[' => {
                    self.enter(open.len())?;
                    if self.next()? != b']' {
                        open.push(Open::List(Vec::new()));
                        continue;
                    }
                    self.at += 1;
                    Value::list(Vec::new())
                }
                _ => self.scalar()?,
            };
            // What a value ends may end others.
            loop {
                match open.pop() {
                    None => {
                        return if self.next().is_ok() {
                            self.wrong("after top-level value")
                        } else {
                            Ok(value)
                        };
                    }
                    Some(Open::List(mut items)) => {
                        items.push(value);
                        match self.next()? {
                            b',' => {
                                self.at += 1;
                                open.push(Open::List(items));
                                break;
                            }
                            b']' => value = Value::list(items),
                            _ => return self.wrong("after array element"),
                        }
                    }
                    Some(Open::Object(mut entries, key)) => {
                        entries.insert(key, value);
                        match self.next()? {
                            b',' => {
                                self.at += 1;
                                let key = self.key()?;
                                open.push(Open::Object(entries, key));
                                break;
                            }
                            b'}' => value = Value::map(entries),
                            _ => return self.wrong("after object key:value pair"),
                        }
                    }
                }
                self.at += 1;
            }
        }
    }

    fn enter(&mut self, depth: usize) -> Result<(), Error> {
        self.at += 1;
        if depth < DEEPEST { Ok(()) } else { Err("exceeded max depth".into()) }
    }

    fn key(&mut self) -> Result<Bytes, Error> {
        if self.next()? != b'"' {
            return self.wrong("looking for beginning of object key string");
        }
        let key = self.string()?;
        if self.next()? != b':' {
            return self.wrong("after object key");
        }
        self.at += 1;
        Ok(key.into())
    }

    fn scalar(&mut self) -> Result<Value, Error> {
        match self.peek()? {
            b'"' => Ok(Value::text(self.string()?)),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.literal("true", true.into()),
            b'f' => self.literal("false", false.into()),
            b'n' => self.literal("null", Value::NIL),
            _ => self.wrong("looking for beginning of value"),
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, Error> {
        for wanted in word.bytes() {
            if self.sign() != wanted {
                return self.wrong(&format!("in literal {word} (expecting '{}')", char::from(wanted)));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn digits(&mut self, place: &str) -> Result<(), Error> {
        if !self.sign().is_ascii_digit() {
            return self.wrong(place);
        }
        self.more_digits();
        Ok(())
    }

    fn more_digits(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<Value, Error> {
        let start = self.at;
        let is = |this: &Self, signs: &[u8]| this.text.get(this.at).is_some_and(|byte| signs.contains(byte));
        if is(self, b"-") {
            self.at += 1;
        }
        if is(self, b"0") {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if is(self, b".") {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if is(self, b"eE") {
            self.at += 1;
            if is(self, b"+-") {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        let text = String::from_utf8_lossy(&self.text[start..self.at]);
        let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
        if value.is_none() && self.large.is_none() {
            self.large =
                Some(format!("json: cannot unmarshal number {text} into Go value of type float64").into());
        }
        Ok(value.map_or(Value::NIL, Value::from))
    }

    fn string(&mut self) -> Result<Vec<u8>, Error> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Ok(out);
                }
                b'\\' => {
                    self.at += 1;
                    self.escape(&mut out)?;
                }
                ..b' ' => return self.wrong("in string literal"),
                _ => {
                    let (rune, length) = runes::first(&self.text[self.at..]).unwrap_or((runes::ERROR, 1));
                    runes::push(&mut out, rune);
                    self.at += length;
                }
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let sign = self.sign();
        let plain = match sign {
            b'"' | b'\\' | b'/' => sign,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                self.at += 1;
                return self.unicode(out);
            }
            _ => return self.wrong("in string escape code"),
        };
        self.at += 1;
        out.push(plain);
        Ok(())
    }

    /// Four digits, or eight of a pair; half of a pair is U+FFFD.
    fn unicode(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let first = self.four()?;
        let rest = &self.text[self.at..];
        if let (0xD800..=0xDBFF, [b'\\', b'u', ..]) = (first, rest) {
            let before = self.at;
            self.at += 2;
            let second = self.four()?;
            if let 0xDC00..=0xDFFF = second {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                runes::push(out, char::from_u32(code).unwrap_or(runes::ERROR));
                return Ok(());
            }
            self.at = before;
        }
        runes::push(out, char::from_u32(first).unwrap_or(runes::ERROR));
        Ok(())
    }

    fn four(&mut self) -> Result<u32, Error> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = char::from(self.sign()).to_digit(16) else {
                return self.wrong("in \\u hexadecimal character escape");
            };
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }
}
