//! The bytes that Go's encoders write, one value after another.

mod analysis;
mod json;
mod order;
mod scalar;

pub use json::{DumpError, lossy};
pub use order::{Entries, entries};

use std::fmt::Write as _;

use crate::MAX_DEPTH;
use crate::resolve::{Number, general, stays_a_string};
use analysis::Analysis;

/// Which of Go's encoders is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `toYaml`: `sigs.k8s.io/yaml`, which is `encoding/json`, then `yaml.v2`.
    Helm,
    /// `toYamlPretty`: the encoder of `yaml.v3` with an indent of two.
    Pretty,
}

/// Writes one document, value by value, in the order in which they stand.
///
/// Between [`begin_map`](Self::begin_map) and [`end_map`](Self::end_map) keys and values take turns, in the order that
/// [`entries`] gives. Nothing is kept but what was written, so a value of any type can be walked without a copy.
/// After an error nothing that is written counts: give it up.
#[derive(Debug)]
pub struct Emitter {
    out: String,
    style: Style,
    column: usize,
    /// -1 outside of any collection.
    indent: isize,
    /// Whether the last thing written was a space, or the beginning.
    whitespace: bool,
    /// Whether the line has nothing yet but spaces and `-`, `?`, `:`.
    indention: bool,
    /// Whether the node that comes is a key or a value of a mapping.
    in_mapping: bool,
    stack: Vec<Frame>,
}

/// An open collection.
#[derive(Debug)]
struct Frame {
    /// The indent around it.
    outer: isize,
    next: Next,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// An item of a sequence.
    Item,
    /// A key of a mapping.
    Key,
    /// The value of a key on one line.
    Value,
    /// The value of a key behind `?`.
    FarValue,
    /// The end of what is empty.
    Nothing,
}

impl Emitter {
    /// An empty document.
    pub fn new(style: Style) -> Self {
        Self {
            out: String::new(),
            style,
            column: 0,
            indent: -1,
            whitespace: true,
            indention: true,
            in_mapping: false,
            stack: Vec::new(),
        }
    }

    /// How many bytes were written so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Was nothing written yet?
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The text, with a line break at its end (which Helm's functions cut off).
    pub fn finish(mut self) -> String {
        self.indent = -1;
        self.write_indent();
        self.out
    }

    /// Opens a mapping; `empty` says that no key will come.
    pub fn begin_map(&mut self, empty: bool) -> Result<(), DumpError> {
        self.begin("{", empty, Next::Key)
    }

    /// Closes a mapping.
    pub fn end_map(&mut self) {
        self.end("}");
    }

    /// Opens a sequence; `empty` says that no item will come.
    pub fn begin_list(&mut self, empty: bool) -> Result<(), DumpError> {
        self.begin("[", empty, Next::Item)
    }

    /// Closes a sequence.
    pub fn end_list(&mut self) {
        self.end("]");
    }

    /// A key, as it stands in a Go map. Its value must follow.
    ///
    /// A key that went through [`entries`] is not looked at again.
    pub fn key(&mut self, key: &str) {
        self.write_indent();
        let analysis = Analysis::of(key, self.style);
        let simple = !analysis.multiline && key.len() <= 128;
        if !simple {
            self.indicator("?", true, true);
        }
        self.in_mapping = true;
        self.set_next(if simple { Next::Value } else { Next::FarValue });
        self.scalar(key, analysis, simple);
    }

    /// A key of any bytes for [`Style::Pretty`], which writes what is no UTF-8 as `!!binary`.
    pub fn key_bytes(&mut self, key: &[u8]) {
        match std::str::from_utf8(key) {
            Ok(text) => self.key(text),
            Err(_) if self.style == Style::Helm => self.key(&lossy(key)),
            Err(_) => self.binary_key(key),
        }
    }

    /// A string.
    pub fn string(&mut self, text: &str) -> Result<(), DumpError> {
        self.string_bytes(text.as_bytes())
    }

    /// A string of any bytes, as Go's strings are. [`Style::Helm`] sends it through JSON, where what is no UTF-8 becomes
    /// U+FFFD, and some characters are an error.
    pub fn string_bytes(&mut self, bytes: &[u8]) -> Result<(), DumpError> {
        match self.style {
            Style::Helm => {
                let text = json::through(bytes)?;
                self.begin_node();
                self.scalar(&text, Analysis::of(&text, self.style), false);
            }
            Style::Pretty => match std::str::from_utf8(bytes) {
                Ok(text) => {
                    self.begin_node();
                    self.scalar(text, Analysis::of(text, self.style), false);
                }
                Err(_) => {
                    self.begin_node();
                    self.binary(bytes, false);
                }
            },
        }
        Ok(())
    }

    /// `null`
    pub fn null(&mut self) {
        self.plain("null");
    }

    /// `true` or `false`
    pub fn bool(&mut self, value: bool) {
        self.plain(if value { "true" } else { "false" });
    }

    /// An integer.
    pub fn int(&mut self, value: i64) {
        self.begin_node();
        self.space();
        let before = self.out.len();
        let _ = write!(self.out, "{value}");
        self.wrote_word(before);
    }

    /// An integer without a sign.
    pub fn uint(&mut self, value: u64) {
        self.begin_node();
        self.space();
        let before = self.out.len();
        let _ = write!(self.out, "{value}");
        self.wrote_word(before);
    }

    /// A float. [`Style::Helm`] writes those that are whole as integers, as far as Go's 64 bits go, and knows no infinity.
    pub fn float(&mut self, value: f64) -> Result<(), DumpError> {
        if self.style == Style::Pretty {
            self.plain(&general(value));
            return Ok(());
        }
        match json::number(value)? {
            Number::Int(it) => self.int(it),
            Number::Uint(it) => self.uint(it),
            Number::Float(it) => self.plain(&general(it)),
        }
        Ok(())
    }

    fn begin(&mut self, mark: &str, empty: bool, next: Next) -> Result<(), DumpError> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(DumpError::Depth);
        }
        self.begin_node();
        let outer = self.indent;
        if empty {
            self.indicator(mark, true, false);
            self.stack.push(Frame { outer, next: Next::Nothing });
            return Ok(());
        }
        // A sequence in a mapping stands below its key without an indent, but for the pretty style, and but for a
        // sequence on the line of `:`, which is the value of a key that needs a `?`.
        let flat = next == Next::Item && self.style == Style::Helm && self.in_mapping && !self.indention;
        if self.indent < 0 {
            self.indent = 0;
        } else if !flat {
            self.indent += 2;
        }
        self.stack.push(Frame { outer, next });
        Ok(())
    }

    fn end(&mut self, mark: &str) {
        let Some(frame) = self.stack.pop() else { return };
        if frame.next == Next::Nothing {
            self.indicator(mark, false, false);
        }
        self.indent = frame.outer;
    }

    /// What stands before a node: nothing, `-`, or the `:` of its key.
    fn begin_node(&mut self) {
        self.in_mapping = false;
        match self.stack.last().map(|it| it.next) {
            Some(Next::Item) => {
                self.write_indent();
                self.indicator("-", true, true);
            }
            Some(Next::Value) => {
                self.indicator(":", false, false);
                self.in_mapping = true;
                self.set_next(Next::Key);
            }
            Some(Next::FarValue) => {
                self.write_indent();
                self.indicator(":", true, true);
                self.in_mapping = true;
                self.set_next(Next::Key);
            }
            Some(Next::Key | Next::Nothing) | None => {}
        }
    }

    fn set_next(&mut self, next: Next) {
        if let Some(frame) = self.stack.last_mut() {
            frame.next = next;
        }
    }

    /// A word that needs no quotes and has no space.
    fn plain(&mut self, word: &str) {
        self.begin_node();
        self.space();
        let before = self.out.len();
        self.out.push_str(word);
        self.wrote_word(before);
    }

    fn wrote_word(&mut self, before: usize) {
        self.column += self.out.len() - before;
        self.whitespace = false;
        self.indention = false;
    }

    /// A space, unless there is one.
    fn space(&mut self) {
        if !self.whitespace {
            self.put(' ');
        }
    }

    fn put(&mut self, character: char) {
        self.out.push(character);
        self.column += 1;
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
        if self.style == Style::Pretty {
            self.indention = true;
        }
    }

    fn indicator(&mut self, mark: &str, spaced: bool, indention: bool) {
        if spaced {
            self.space();
        }
        self.out.push_str(mark);
        self.column += mark.len();
        self.whitespace = false;
        self.indention = self.indention && indention;
    }

    /// A new line, unless this one has nothing yet, and its indent.
    fn write_indent(&mut self) {
        let indent = usize::try_from(self.indent).unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        self.out.extend(std::iter::repeat_n(' ', indent.saturating_sub(self.column)));
        self.column = self.column.max(indent);
        self.whitespace = true;
        self.indention = true;
    }

    /// Whether the string may stand without quotes as far as its meaning goes.
    fn is_string(&self, text: &str) -> bool {
        stays_a_string(text, self.style == Style::Pretty)
    }
}
