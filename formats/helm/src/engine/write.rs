//! Values as YAML, each leaf with its origin.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gabion_template::{Data, Elem, Error, Kind, Object, Origin, Taint, Text, TextBuilder, Value};
use gabion_yaml::{DumpError, Emitter, Style, entries};

/// `toYaml`: what cannot be written is nothing.
pub(super) fn to_yaml(value: &Value) -> Value {
    yaml(value, Style::Helm).unwrap_or_else(|_| "".into())
}

/// A value as YAML, without the line end behind it.
pub(super) fn yaml(value: &Value, style: Style) -> Result<Value, Error> {
    let mut writer = Writer { to: Emitter::new(style), style, marks: Vec::new() };
    writer.value(value, Taint::NONE).map_err(|error| Error(error.to_string()))?;
    let (text, marks) = (writer.to.finish(), writer.marks);
    let text = text.strip_suffix('\n').unwrap_or(&text).as_bytes();
    let (mut out, mut at) = (TextBuilder::default(), 0);
    for mark in marks {
        let (start, end) = (mark.start.min(text.len()), mark.end.min(text.len()));
        if start < at {
            continue;
        }
        out.push(&text[at..start], Origin::default(), Taint::NONE);
        out.push(&text[start..end], mark.origin, mark.taint);
        at = end;
    }
    out.push(&text[at..], Origin::default(), Taint::NONE);
    Ok(out.finish().into())
}

/// Bytes that were written for one leaf.
struct Mark {
    start: usize,
    end: usize,
    origin: Origin,
    taint: Taint,
}

struct Writer {
    to: Emitter,
    style: Style,
    marks: Vec<Mark>,
}

impl Writer {
    /// `above` is why what holds the value would be another one.
    fn value(&mut self, value: &Value, above: Taint) -> Result<(), DumpError> {
        let start = self.to.len();
        let mut origin = Origin::default();
        let mut taint = above.and(value.taint);
        match &value.data {
            Data::Nil => self.to.null(),
            Data::Bool(it) => self.to.bool(*it),
            Data::Int(it) if it.kind.is_signed() => self.to.int(it.bits),
            Data::Int(it) => self.to.uint(it.bits.cast_unsigned()),
            Data::Float(it) => self.to.float(*it)?,
            Data::Text(text) => {
                origin = text
                    .spans()
                    .iter()
                    .map(|it| it.origin)
                    .find(|it| *it != Origin::default())
                    .unwrap_or_default();
                taint = taint.and(text.taint());
                self.to.string_bytes(text.bytes())?;
            }
            Data::List(list) if list.elem == Elem::Nil && self.style == Style::Helm => self.to.null(),
            Data::List(list) if list.elem == Elem::Byte && self.style == Style::Helm => {
                let bytes: Vec<u8> = list.items.iter().map(byte).collect();
                self.to.string(&STANDARD.encode(bytes))?;
            }
            Data::List(list) => {
                self.to.begin_list(list.items.is_empty())?;
                for item in &list.items {
                    self.value(item, taint)?;
                }
                self.to.end_list();
                if !list.items.is_empty() {
                    return Ok(());
                }
            }
            Data::Map(map) => {
                let all = map.snapshot();
                self.to.begin_map(all.is_empty())?;
                for (key, value) in entries(all.iter().map(|(key, value)| (&**key, value)), self.style)? {
                    self.to.key(&key);
                    self.value(value, taint)?;
                }
                self.to.end_map();
                if !all.is_empty() {
                    return Ok(());
                }
            }
            // The encoder behind `toYamlPretty` knows no map that is `nil`.
            Data::Object(object) if self.is_no_map(object.as_ref()) => {
                self.to.begin_map(true)?;
                self.to.end_map();
            }
            Data::Object(object) => match object.plain() {
                Some(plain) => return self.value(&plain, taint),
                None => self.to.string(&object.print())?,
            },
        }
        if origin != Origin::default() || !taint.is_none() {
            self.marks.push(Mark { start, end: self.to.len(), origin, taint });
        }
        Ok(())
    }
}

impl Writer {
    fn is_no_map(&self, object: &dyn Object) -> bool {
        self.style == Style::Pretty
            && object.kind() == Kind::Map
            && object.plain().is_some_and(|it| it.is_nil())
    }
}

fn byte(value: &Value) -> u8 {
    match value.data {
        Data::Int(it) => it.bits.to_le_bytes()[0],
        _ => 0,
    }
}

/// A text with one origin for all of it.
pub(super) fn whole(text: &str, like: &Value) -> Value {
    let origin = like.as_text().and_then(|it| it.spans().first()).map(|it| it.origin).unwrap_or_default();
    Text::from_origin(text.as_bytes(), origin, like.taint).into()
}

/// A text, with reasons added to all of it.
pub(super) fn with(text: &Text, taint: Taint) -> Value {
    let (mut out, mut start) = (TextBuilder::default(), 0);
    for span in text.spans() {
        out.push(&text.bytes()[start..span.end as usize], span.origin, span.taint.and(taint));
        start = span.end as usize;
    }
    out.push(&text.bytes()[start..], Origin::default(), taint);
    out.finish().into()
}
