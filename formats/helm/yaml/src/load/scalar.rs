//! What a scalar is, with its tag (`decoder.scalar` and `resolve` of Go's `yaml.v2`).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, PAD};

use super::tree::Shape;
use crate::lossy;
use crate::resolve::{Meaning, general, resolve};

/// The value of a scalar. Texts are what becomes of them behind JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    String(String),
}

const STANDARD_TAGS: &str = "tag:yaml.org,2002:";

/// The value, or Go's words for why there is none.
pub(super) fn value(text: &str, tag: &str, implicit: bool) -> Result<Value, String> {
    if tag.is_empty() {
        let meaning = if implicit { resolve(text, true) } else { Meaning::String };
        return Ok(meant(meaning, text));
    }
    match tag.strip_prefix(STANDARD_TAGS) {
        Some("binary") => binary(text),
        Some(name @ ("bool" | "int" | "float" | "null" | "timestamp")) => tagged(text, name),
        // `!!str`, and every tag that Go does not know.
        _ => Ok(Value::String(text.to_owned())),
    }
}

fn tagged(text: &str, name: &str) -> Result<Value, String> {
    let meaning = resolve(text, name == "timestamp");
    let found = meaning.tag();
    match meaning {
        _ if found.strip_prefix("!!") == Some(name) => Ok(meant(meaning, text)),
        #[expect(clippy::cast_precision_loss, reason = "Go's conversion")]
        Meaning::Int(it) if name == "float" => Ok(Value::Float(it as f64)),
        _ => Err(format!("cannot decode {found} `{text}` as a !!{name}")),
    }
}

fn meant(meaning: Meaning, text: &str) -> Value {
    match meaning {
        Meaning::Null => Value::Null,
        Meaning::Bool(it) => Value::Bool(it),
        Meaning::Int(it) => Value::Int(it),
        Meaning::Uint(it) => Value::Uint(it),
        Meaning::Float(it) => Value::Float(it),
        Meaning::Timestamp | Meaning::String => Value::String(text.to_owned()),
    }
}

/// As Go's `base64.StdEncoding`, which is not strict: bits behind the last byte are passed over.
const STANDARD: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, PAD.with_decode_allow_trailing_bits(true));

fn binary(text: &str) -> Result<Value, String> {
    // Go's decoder does not see the ends of lines.
    let text: String = text.chars().filter(|it| !matches!(it, '\r' | '\n')).collect();
    let bytes = STANDARD.decode(text);
    let bytes = bytes.map_err(|_| "!!binary value contains invalid base64 data".to_owned())?;
    Ok(Value::String(lossy(&bytes).into_owned()))
}

impl Value {
    /// What it is as a key of JSON; nothing for what `sigs.k8s.io/yaml` takes for no key.
    pub(super) fn key(self) -> Result<String, Self> {
        match self {
            Self::String(it) => Ok(it),
            Self::Int(it) => Ok(it.to_string()),
            #[expect(clippy::cast_possible_truncation, reason = "it prints them with 32 bits")]
            Self::Float(it) => Ok(general(it as f32)),
            Self::Bool(it) => Ok(it.to_string()),
            Self::Null | Self::Uint(_) => Err(self),
        }
    }
}

/// Whether a key takes over the entries of another mapping.
pub(super) fn is_merge(shape: &Shape<'_>) -> bool {
    match shape {
        Shape::Scalar { value, tag, implicit } => {
            value == "<<" && (*implicit || tag.strip_prefix(STANDARD_TAGS) == Some("merge"))
        }
        _ => false,
    }
}
