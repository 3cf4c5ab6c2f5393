//! YAML documents as Helm reads them: one shape for whatever can be wrong with them.

use gabion_yaml::{LoadError, Node};

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

impl From<LoadError> for Unreadable {
    fn from(error: LoadError) -> Self {
        Self { line: error.at().line, why: error.to_string() }
    }
}

/// Reads the first document of a text, its numbers as floats.
pub(crate) fn read(bytes: &[u8]) -> Result<Node, Unreadable> {
    Ok(gabion_yaml::load_bytes(bytes)?)
}

/// [`read`], with whole numbers as they are: what a text is made of.
pub(crate) fn read_whole_numbers(bytes: &[u8]) -> Result<Node, Unreadable> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| Unreadable { line: 0, why: "it is not UTF-8".to_owned() })?;
    Ok(gabion_yaml::load_typed(text)?)
}

/// [`read`], with the error that Helm's `fromYaml` hands to templates.
pub(crate) fn of_template(bytes: &[u8]) -> Result<Node, String> {
    gabion_yaml::load_bytes(bytes).map_err(|error| error.to_string())
}
