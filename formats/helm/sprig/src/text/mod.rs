//! Functions on strings (sprig `strings.go`).

mod cases;
mod cut;
mod lines;
mod parts;
mod words;
mod write;

use gabion_template::{Origin, Taint, Text, TextBuilder, Value};

pub(crate) use write::{strings, strval};

use crate::call::Answer;

pub(crate) const FAMILIES: &[&[gabion_template::Function]] = &[
    cases::FUNCTIONS,
    cut::FUNCTIONS,
    lines::FUNCTIONS,
    parts::FUNCTIONS,
    words::FUNCTIONS,
    write::FUNCTIONS,
];

/// A text put together from parts of others, which keep their origins, and from signs of a function's own.
#[derive(Default)]
pub(crate) struct Pieces(TextBuilder);

impl Pieces {
    /// Appends signs of the function itself.
    pub(crate) fn own(&mut self, bytes: &[u8]) {
        self.0.push(bytes, Origin::default(), Taint::NONE);
    }

    /// Appends a part of an argument.
    pub(crate) fn slice(&mut self, text: &Text, start: usize, end: usize) {
        self.0.push_slice(text, start, end);
    }

    /// Appends an argument.
    pub(crate) fn text(&mut self, text: &Text) {
        self.0.push_text(text);
    }

    /// Appends what was made of a part that has this origin and reasons.
    pub(crate) fn made(&mut self, bytes: &[u8], origin: Origin, taint: Taint) {
        self.0.push(bytes, origin, taint);
    }

    /// The text; without origins if none is known, so that the caller may give it one.
    pub(crate) fn finish(self) -> Text {
        let text = self.0.finish();
        let known = text.spans().iter().any(|span| span.origin != Origin::default() || !span.taint.is_none());
        if known { text } else { Text::new(text.shared()) }
    }

    /// The text as a value.
    pub(crate) fn value(self) -> Answer {
        Ok(Value::from(self.finish()))
    }
}

/// Where `needle` first stands in `hay`.
pub(crate) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    match needle {
        [] => Some(0),
        [byte] => hay.iter().position(|it| it == byte),
        [first, ..] => {
            let last = hay.len().checked_sub(needle.len())?;
            (0..=last).find(|at| hay[*at] == *first && hay[*at..].starts_with(needle))
        }
    }
}
