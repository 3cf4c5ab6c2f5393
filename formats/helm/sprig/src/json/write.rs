//! Values as JSON.

use base64::Engine as _;
use gabion_template::{Bytes, Data, Elem, Error, Object, Text, Value, fmt};

use crate::call::DEEPEST;
use crate::runes;
use crate::text::{Pieces, strval};

/// How JSON is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `json.Marshal`: on one line, and signs that HTML knows are escaped.
    Plain,
    /// `json.MarshalIndent` with two blanks.
    Pretty,
    /// On one line, without the escapes for HTML.
    Raw,
}

/// A value as JSON (`json.Marshal`). Strings keep their origins.
///
/// # Errors
/// What JSON has no spelling for: `NaN`, infinite numbers, objects without a plain value, a map that holds itself.
pub fn encode(value: &Value, style: Style) -> Result<Text, Error> {
    let mut writer = Writer { out: Pieces::default(), style, depth: 0 };
    writer.value(value)?;
    Ok(writer.out.finish())
}

struct Writer {
    out: Pieces,
    style: Style,
    depth: usize,
}

impl Writer {
    fn value(&mut self, value: &Value) -> Result<(), Error> {
        let plain = |this: &mut Self, text: &[u8]| {
            this.out.made(text, gabion_template::Origin::default(), value.taint);
        };
        match &value.data {
            Data::Nil => plain(self, b"null"),
            Data::Bool(true) => plain(self, b"true"),
            Data::Bool(false) => plain(self, b"false"),
            Data::Int(int) => plain(self, int.value().to_string().as_bytes()),
            Data::Float(float) => plain(self, &number(*float)?),
            Data::Text(text) => self.text(text),
            Data::List(list) if list.elem == Elem::Nil => plain(self, b"null"),
            Data::List(list) if list.elem == Elem::Byte => {
                let text = base64::engine::general_purpose::STANDARD.encode(strval(value)?.bytes());
                plain(self, format!("\"{text}\"").as_bytes());
            }
            Data::List(list) => {
                self.items(*b"[]", &list.items, "[]interface {}", Self::value)?;
            }
            Data::Map(map) => self.map(map.snapshot(), map.type_name())?,
            Data::Object(object) => self.object(&**object)?,
        }
        Ok(())
    }

    fn object(&mut self, object: &dyn Object) -> Result<(), Error> {
        if let Some(fields) = object.fields() {
            let fields: Vec<_> =
                fields.into_iter().map(|(name, value)| (name.as_bytes().into(), value)).collect();
            return self.entries(&fields, object.type_name());
        }
        if let Some(plain) = object.plain() {
            return self.value(&plain);
        }
        match object.entries() {
            Some(entries) => {
                let entries = entries.into_iter().map(|(key, value)| (key.shared(), value)).collect();
                self.map(entries, object.type_name())
            }
            None => Err(format!("json: unsupported type: {}", object.type_name()).into()),
        }
    }

    fn map(&mut self, mut entries: Vec<(Bytes, Value)>, name: &str) -> Result<(), Error> {
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        self.entries(&entries, name)
    }

    fn entries(&mut self, entries: &[(Bytes, Value)], name: &str) -> Result<(), Error> {
        let pretty = self.style == Style::Pretty;
        self.items(*b"{}", entries, name, |this, (key, value)| {
            this.text(&Text::new(Bytes::clone(key)));
            this.out.own(if pretty { b": " } else { b":" });
            this.value(value)
        })
    }

    fn items<T>(
        &mut self,
        brackets: [u8; 2],
        items: &[T],
        name: &str,
        write: impl Fn(&mut Self, &T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("json: unsupported value: encountered a cycle via {name}").into());
        }
        self.out.own(&brackets[..1]);
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.out.own(b",");
            }
            self.line(self.depth);
            write(self, item)?;
        }
        self.depth -= 1;
        if !items.is_empty() {
            self.line(self.depth);
        }
        self.out.own(&brackets[1..]);
        Ok(())
    }

    fn line(&mut self, depth: usize) {
        if self.style == Style::Pretty {
            self.out.own(b"\n");
            self.out.own("  ".repeat(depth).as_bytes());
        }
    }

    /// A string; each part keeps its origin, unless a character lies in two.
    fn text(&mut self, text: &Text) {
        let bytes = text.bytes();
        self.out.own(b"\"");
        let mut start = 0;
        for span in text.spans() {
            let end = span.end as usize;
            if bytes.get(end).is_none_or(|byte| byte & 0xC0 != 0x80) {
                let made = escaped(&bytes[start..end], self.style);
                self.out.made(&made, span.origin, span.taint);
                start = end;
            }
        }
        let made = escaped(&bytes[start..], self.style);
        self.out.own(&made);
        self.out.own(b"\"");
    }
}

/// The inside of a string (`encoding/json.appendString`).
fn escaped(bytes: &[u8], style: Style) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (at, rune) in runes::runes(bytes) {
        let short = match rune {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            _ => "",
        };
        let html = style != Style::Raw && matches!(rune, '<' | '>' | '&');
        let broken = rune == runes::ERROR && !bytes[at..].starts_with("\u{FFFD}".as_bytes());
        if !short.is_empty() {
            out.extend_from_slice(short.as_bytes());
        } else if rune < ' ' || html || broken || matches!(rune, '\u{2028}' | '\u{2029}') {
            out.extend_from_slice(format!("\\u{:04x}", u32::from(rune)).as_bytes());
        } else {
            runes::push(&mut out, rune);
        }
    }
    out
}

/// `encoding/json.floatEncoder`.
fn number(value: f64) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    if !value.is_finite() {
        fmt::float(&mut out, value, b'g', None);
        return Err(format!("json: unsupported value: {}", String::from_utf8_lossy(&out)).into());
    }
    let size = value.abs();
    let exponent = size != 0.0 && !(1e-6..1e21).contains(&size);
    fmt::float(&mut out, value, if exponent { b'e' } else { b'f' }, None);
    // `e-09` becomes `e-9`.
    if let [.., b'e', b'-', b'0', last] = *out {
        out.truncate(out.len() - 2);
        out.push(last);
    }
    Ok(out)
}
