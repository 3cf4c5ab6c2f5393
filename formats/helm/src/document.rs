//! YAML documents as Helm reads them: one shape for whatever can be wrong with them.

use gabion_yaml::Node;

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// The line, from 1; 0 if it is not known.
    line: u32,
    why: String,
}

impl Unreadable {
    /// The reason, for a document that begins below some lines.
    pub(crate) fn below(&self, lines: u32) -> String {
        if self.line == 0 { self.why.clone() } else { format!("line {}: {}", self.line + lines, self.why) }
    }
}

/// Reads the first document of a text, its numbers as floats.
pub(crate) fn read(bytes: &[u8]) -> Result<Node, Unreadable> {
    todo!()
}
