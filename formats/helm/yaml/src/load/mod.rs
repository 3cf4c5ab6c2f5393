//! Text to nodes, the way `sigs.k8s.io/yaml.Unmarshal` goes: YAML, then JSON, then values of Go.
//!
//! Of a text with several documents only the first is read, and what stands behind it need not be YAML.

mod decode;
mod event;
mod go;
mod scalar;
mod tree;

use std::collections::BTreeMap;

pub(crate) use tree::Origin;

use crate::node::{At, Data, Node};
use crate::scan::{Details, Mark, Problem, Source};

/// Why a text cannot be read. The words are Go's, which `fromYaml` puts into documents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// It is no YAML.
    #[error("error converting YAML to JSON: yaml: {text}")]
    Yaml {
        /// What is wrong, with the line that Go names, which is not always that of the place.
        text: String,
        /// Where.
        at: At,
    },
    /// A key that JSON cannot have.
    #[error("error converting YAML to JSON: {text}")]
    Key {
        /// Go's words.
        text: String,
        /// Where the key stands.
        at: At,
    },
    /// A number that JSON cannot have.
    #[error("error converting YAML to JSON: json: unsupported value: {value}")]
    NotFinite {
        /// Go's name of it.
        value: &'static str,
        /// Where.
        at: At,
    },
    /// Collections in collections, more than [`MAX_DEPTH`](crate::MAX_DEPTH).
    #[error("error unmarshaling JSON: while decoding JSON: exceeded max depth")]
    Depth {
        /// Where the first stands that is too deep.
        at: At,
    },
    /// A value of another kind than the one that is asked for.
    #[error(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type {wanted}"
    )]
    Kind {
        /// Its kind, as JSON calls it.
        found: &'static str,
        /// The type of Go.
        wanted: &'static str,
        /// Where it stands.
        at: At,
    },
    /// Something stands behind the `---` between two documents.
    #[error("invalid Yaml document separator: {found}")]
    Separator {
        /// What stands there.
        found: String,
        /// Where the line begins.
        at: At,
    },
    /// Places have 32 bits.
    #[error("the text has more than 4 GiB")]
    Size,
}

impl LoadError {
    fn syntax(problem: &Problem, origin: Origin) -> Self {
        let Details { text, go_line, mark } = problem.details();
        let line = go_line.map(|it| format!("line {it}: ")).unwrap_or_default();
        Self::Yaml { text: format!("{line}{text}"), at: origin.at(*mark, *mark) }
    }

    pub(crate) fn separator(found: &str, origin: Origin, length: usize) -> Self {
        let end = Mark { offset: length, ..Mark::default() };
        Self::Separator { found: found.to_owned(), at: origin.at(Mark::default(), end) }
    }

    fn content(text: String, at: At) -> Self {
        Self::Yaml { text, at }
    }

    /// The place of the mistake.
    pub fn at(&self) -> At {
        match self {
            Self::Yaml { at, .. }
            | Self::Key { at, .. }
            | Self::NotFinite { at, .. }
            | Self::Depth { at }
            | Self::Kind { at, .. }
            | Self::Separator { at, .. } => *at,
            Self::Size => At::default(),
        }
    }
}

/// What becomes of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    Floats,
    Typed,
}

/// The first document of a text, as Go's `interface{}` gets it: all numbers are floats.
pub fn load(text: &str) -> Result<Node, LoadError> {
    read(text, Origin::default(), Numbers::Floats)
}

/// The same for bytes that may be no UTF-8, or UTF-16 with the mark of its byte order. Places are those of the text.
pub fn load_bytes(bytes: &[u8]) -> Result<Node, LoadError> {
    let fail = |problem: Problem| LoadError::syntax(&problem, Origin::default());
    let (text, unreadable) = crate::scan::read(bytes).map_err(fail)?;
    let mut source = Source::new(&text);
    if source.unreadable.is_none() {
        source.unreadable = unreadable;
    }
    read_source(source, Origin::default(), Numbers::Floats)
}

/// The first document with its integers as integers, as a client of Kubernetes reads them. A float that is whole is one
/// too, as its JSON has no point.
pub fn load_typed(text: &str) -> Result<Node, LoadError> {
    read(text, Origin::default(), Numbers::Typed)
}

/// The first document as a mapping (`fromYaml`). A text without a value is an empty one.
pub fn load_map(text: &str) -> Result<BTreeMap<String, Node>, LoadError> {
    let node = load(text)?;
    match node.data {
        Data::Map(map) => Ok(map),
        Data::Null => Ok(BTreeMap::new()),
        other => Err(other_kind(&other, "map[string]interface {}", node.at)),
    }
}

/// The first document as a sequence (`fromYamlArray`). A text without a value is an empty one.
pub fn load_list(text: &str) -> Result<Vec<Node>, LoadError> {
    let node = load(text)?;
    match node.data {
        Data::List(items) => Ok(items),
        Data::Null => Ok(Vec::new()),
        other => Err(other_kind(&other, "[]interface {}", node.at)),
    }
}

fn other_kind(data: &Data, wanted: &'static str, at: At) -> LoadError {
    let found = match data {
        Data::Null => "null",
        Data::Bool(_) => "bool",
        Data::Int(_) | Data::Uint(_) | Data::Float(_) => "number",
        Data::String(_) => "string",
        Data::List(_) => "array",
        Data::Map(_) => "object",
    };
    LoadError::Kind { found, wanted, at }
}

pub(crate) fn read(text: &str, origin: Origin, numbers: Numbers) -> Result<Node, LoadError> {
    read_source(Source::new(text), origin, numbers)
}

fn read_source(source: Source<'_>, origin: Origin, numbers: Numbers) -> Result<Node, LoadError> {
    if u32::try_from(origin.offset + source.text.len()).is_err() {
        return Err(LoadError::Size);
    }
    match tree::read(source, origin)? {
        Some((tree, root)) => decode::decode(&tree, root, numbers),
        None => Ok(Node { data: Data::Null, at: origin.at(Mark::default(), Mark::default()) }),
    }
}
