//! A stream of documents, and where the parts of a value stand in it.

use std::ops::Range;

use crate::load::{LoadError, Numbers, Origin, read};
use crate::node::{Data, Node};

/// A document and its place in the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its value. Its places are those in the whole stream.
    pub node: Node,
    /// The bytes from behind one `---` to the next.
    pub range: Range<usize>,
    /// The line on which it begins, from 1.
    pub line: u32,
}

/// The documents of a stream, the way a client of Kubernetes reads them (`YAMLReader` of
/// `k8s.io/apimachinery/pkg/util/yaml`, `StreamVisitor` of `k8s.io/cli-runtime`): a line that begins with `---` ends a
/// document, only a comment may follow it, and a document without a value is none. Integers are integers.
pub fn documents(stream: &str) -> Result<Vec<Document>, LoadError> {
    let mut out = Vec::new();
    for (range, line) in parts(stream)? {
        let origin = Origin { offset: range.start, line };
        let node = read(&stream[range.clone()], origin, Numbers::Typed)?;
        if node.data != Data::Null {
            out.push(Document { node, range, line: line + 1 });
        }
    }
    Ok(out)
}

/// The parts between separators, with the number of lines before each.
fn parts(stream: &str) -> Result<Vec<(Range<usize>, u32)>, LoadError> {
    let mut parts = Vec::new();
    let (mut start, mut start_line, mut end) = (0, 0, 0);
    let mut number = 0;
    for line in stream.split_inclusive('\n') {
        let (at, line_number) = (end, number);
        number += 1;
        end += line.len();
        let Some(behind) = line.strip_prefix("---") else { continue };
        let behind = behind.trim();
        if !behind.is_empty() && !behind.starts_with('#') {
            let origin = Origin { offset: at, line: line_number };
            return Err(LoadError::separator(behind, origin, line.trim_end().len()));
        }
        parts.push((start..at, start_line));
        (start, start_line) = (end, number);
    }
    parts.push((start..end, start_line));
    Ok(parts)
}

/// Where a part of a string stands in the text that it was read from.
///
/// `part` is a range of bytes of the string. The answer is given for what stands in the text as it stands in the string,
/// but for line breaks and blanks between words: for plain scalars and blocks always, for quoted ones without escapes.
/// `None` if the node is no string, or its text has escapes or is another one.
pub fn locate(text: &str, node: &Node, part: Range<usize>) -> Option<Range<usize>> {
    let value = node.as_str()?;
    let (start, end) = (usize::try_from(node.at.start).ok()?, usize::try_from(node.at.end).ok()?);
    let source = text.get(start..end)?;
    let body = body(source);
    let (source, start) = (&source[body.clone()], start + body.start);
    value.get(part.clone())?;
    if source == value {
        return Some(start + part.start..start + part.end);
    }
    let mut walk = Walk { source: source.as_bytes(), value: value.as_bytes(), at: 0, of: 0 };
    let from = walk.to(part.start)?;
    let to = if part.is_empty() { from } else { walk.to(part.end - 1)? + 1 };
    // What is behind has to be the same too, or the text is another one.
    walk.reach_end()?;
    Some(start + from..start + to)
}

/// The text of a scalar without its quotes or the line of its `|`.
fn body(source: &str) -> Range<usize> {
    match source.bytes().next() {
        Some(b'\'' | b'"') if source.len() > 1 => 1..source.len() - 1,
        Some(b'|' | b'>') => source.find('\n').map_or(source.len(), |it| it + 1)..source.len(),
        _ => 0..source.len(),
    }
}

/// Goes through a text and the value that was made of it, which differ in blanks alone.
struct Walk<'a> {
    source: &'a [u8],
    value: &'a [u8],
    at: usize,
    of: usize,
}

impl Walk<'_> {
    /// Where the byte of the value stands.
    fn to(&mut self, index: usize) -> Option<usize> {
        while self.of < index {
            self.step()?;
        }
        if self.of < self.value.len() && !is_blank(self.value[self.of]) {
            self.skip_blanks();
        }
        Some(self.at)
    }

    fn reach_end(&mut self) -> Option<()> {
        while self.of < self.value.len() {
            self.step()?;
        }
        self.skip_blanks();
        (self.at == self.source.len()).then_some(())
    }

    fn step(&mut self) -> Option<()> {
        let byte = self.value[self.of];
        if is_blank(byte) {
            // A blank of the value may be one of the text, or an end of a line, or be gone at the end of a block.
            if self.source.get(self.at).copied().is_some_and(is_blank) {
                self.at += 1;
            }
        } else {
            self.skip_blanks();
            if self.source.get(self.at) != Some(&byte) {
                return None;
            }
            self.at += 1;
        }
        self.of += 1;
        Some(())
    }

    fn skip_blanks(&mut self) {
        while self.source.get(self.at).copied().is_some_and(is_blank) {
            self.at += 1;
        }
    }
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
