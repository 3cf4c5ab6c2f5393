//! YAML documents as Helm reads them: one shape for whatever can be wrong with them.

use gabion_yaml::{At, Data, Node};

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

fn conv(v: serde_json::Value, ints: bool) -> Node {
    use serde_json::Value as J;
    let data = match v {
        J::Null => Data::Null,
        J::Bool(b) => Data::Bool(b),
        J::Number(n) => {
            if let (true, Some(i)) = (ints, n.as_i64()) {
                Data::Int(i)
            } else {
                Data::Float(n.as_f64().unwrap())
            }
        }
        J::String(s) => Data::String(s),
        J::Array(a) => Data::List(a.into_iter().map(|x| conv(x, ints)).collect()),
        J::Object(o) => Data::Map(o.into_iter().map(|(k, x)| (k, conv(x, ints))).collect()),
    };
    Node { data, at: At::default() }
}

fn any(bytes: &[u8], ints: bool) -> Result<Node, String> {
    let t = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    serde_saphyr::from_str::<Option<serde_json::Value>>(t)
        .map(|v| conv(v.unwrap_or_default(), ints))
        .map_err(|e| e.to_string())
}

/// Reads the first document of a text, its numbers as floats.
pub(crate) fn read(bytes: &[u8]) -> Result<Node, Unreadable> {
    any(bytes, false).map_err(|why| Unreadable { line: 0, why })
}

/// [`read`], with whole numbers as they are: what a text is made of.
pub(crate) fn read_whole_numbers(bytes: &[u8]) -> Result<Node, Unreadable> {
    any(bytes, true).map_err(|why| Unreadable { line: 0, why })
}

/// [`read`], with the error that Helm's `fromYaml` hands to templates.
pub(crate) fn of_template(bytes: &[u8]) -> Result<Node, String> {
    any(bytes, false)
}
