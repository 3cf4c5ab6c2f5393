//! JSON that every reader understands alike.
//!
//! Parsers differ in what a key that stands twice means (the first, the last, an error), and Go's takes
//! `Layers` for `layers`. Both are refused, so that no other reader sees another image in the same bytes.

use crate::error::DocumentError;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// A value. Numbers that are no whole, non-negative ones are never needed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool,
    Number(u64),
    OtherNumber,
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Strict)
    }
}

struct Strict;

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Bool)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut out = Vec::new();
        while let Some(value) = list.next_element()? {
            out.push(value);
        }
        Ok(Json::List(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut out = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<String, Json>()? {
            if out.contains_key(&key) {
                return Err(de::Error::custom(format!("the key `{key}` stands twice")));
            }
            out.insert(key, value);
        }
        Ok(Json::Object(out))
    }
}

/// An object, and where it stands in the document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a> {
    at: &'a str,
    fields: &'a BTreeMap<String, Json>,
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Json, DocumentError> {
    serde_json::from_slice(bytes).map_err(|error| DocumentError::Json { why: error.to_string() })
}

impl Json {
    pub(crate) fn object<'a>(&'a self, at: &'a str) -> Result<Object<'a>, DocumentError> {
        match self {
            Self::Object(fields) => Ok(Object { at, fields }),
            _ => Err(DocumentError::Field { field: at.to_owned(), why: "is no object".to_owned() }),
        }
    }
}

impl<'a> Object<'a> {
    pub(crate) fn wrong(self, key: &str, why: impl Into<String>) -> DocumentError {
        DocumentError::Field { field: self.place(key), why: why.into() }
    }

    /// Where `key` stands, for messages: `layers[2].size`.
    pub(crate) fn place(self, key: &str) -> String {
        if self.at.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at) }
    }

    /// The value of a key; `null` counts as absent.
    pub(crate) fn get(self, key: &str) -> Result<Option<&'a Json>, DocumentError> {
        if let Some(other) = self.fields.keys().find(|it| *it != key && fold(it) == fold(key)) {
            return Err(self.wrong(other, format!("is `{key}` to some readers")));
        }
        Ok(self.fields.get(key).filter(|it| **it != Json::Null))
    }

    pub(crate) fn text(self, key: &str) -> Result<Option<&'a str>, DocumentError> {
        match self.get(key)? {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "is no text")),
        }
    }

    pub(crate) fn number(self, key: &str) -> Result<Option<u64>, DocumentError> {
        match self.get(key)? {
            None => Ok(None),
            Some(Json::Number(number)) => Ok(Some(*number)),
            Some(_) => Err(self.wrong(key, "is no size")),
        }
    }

    pub(crate) fn list(self, key: &str) -> Result<Option<&'a [Json]>, DocumentError> {
        match self.get(key)? {
            None => Ok(None),
            Some(Json::List(list)) => Ok(Some(list)),
            Some(_) => Err(self.wrong(key, "is no list")),
        }
    }

    /// A map of texts, such as annotations.
    pub(crate) fn texts(self, key: &str) -> Result<BTreeMap<String, String>, DocumentError> {
        let Some(value) = self.get(key)? else { return Ok(BTreeMap::new()) };
        let Json::Object(map) = value else { return Err(self.wrong(key, "is no object")) };
        let entry = |(name, value): (&String, &Json)| match value {
            Json::Text(text) => Ok((name.clone(), text.clone())),
            _ => Err(self.wrong(key, format!("has a value at `{name}` that is no text"))),
        };
        map.iter().map(entry).collect()
    }
}

/// What Go's `encoding/json` compares keys by, which also folds the long s and the Kelvin sign.
fn fold(key: &str) -> String {
    key.to_uppercase().to_lowercase()
}
