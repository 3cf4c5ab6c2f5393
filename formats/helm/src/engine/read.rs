//! Texts of YAML and JSON as values. What cannot be read is a value too: a map or list with the error in it.

use crate::document;
use gabion_sprig::json;
use gabion_template::{Bytes, Data, Error, IntKind, Origin, Taint, Text, Value};
use gabion_yaml::{Data as Yaml, Node};
use std::collections::BTreeMap;

/// `fromYaml`
pub(super) fn yaml_map(text: &Value) -> Value {
    match yaml(text).and_then(|it| map(it, YAML_TYPE)) {
        Ok(value) => value,
        Err(error) => error_map(&error, text),
    }
}

/// `fromYamlArray`
pub(super) fn yaml_list(text: &Value) -> Value {
    match yaml(text).and_then(|it| list(it, YAML_TYPE)) {
        Ok(value) => value,
        Err(error) => Value::list(vec![super::write::whole(&error, text)]),
    }
}

/// `fromJson`
pub(super) fn json_map(text: &Value) -> Value {
    match json_value(text).and_then(|it| map(it, "")) {
        Ok(value) => value,
        Err(error) => error_map(&error, text),
    }
}

/// `fromJsonArray`
pub(super) fn json_list(text: &Value) -> Value {
    match json_value(text).and_then(|it| list(it, "")) {
        Ok(value) => value,
        Err(error) => Value::list(vec![super::write::whole(&error, text)]),
    }
}

const YAML_TYPE: &str = "error unmarshaling JSON: while decoding JSON: ";

pub(super) fn error_map(error: &str, text: &Value) -> Value {
    Value::map(BTreeMap::from([(Bytes::from(*b"Error"), super::write::whole(error, text))]))
}

/// The first document of a text, each leaf with the origin of its bytes.
fn yaml(text: &Value) -> Result<Value, String> {
    let text = text.as_text().cloned().unwrap_or_default();
    let node = document::of_template(text.bytes())?;
    Ok(of_node(&node, &text))
}

fn of_node(node: &Node, from: &Text) -> Value {
    let (origin, taint) = about(from, node.at.start as usize, node.at.end as usize);
    let value: Value = match &node.data {
        Yaml::Null => Value::NIL,
        Yaml::Bool(it) => (*it).into(),
        Yaml::Int(it) => Value::int64(*it),
        Yaml::Uint(it) => Value::integer((*it).cast_signed(), IntKind::Uint64),
        Yaml::Float(it) => (*it).into(),
        Yaml::String(it) => return Text::from_origin(it.as_bytes(), origin, taint).into(),
        Yaml::List(items) => return Value::list(items.iter().map(|it| of_node(it, from)).collect()),
        Yaml::Map(map) => {
            let entries = map.iter().map(|(key, it)| (Bytes::from(key.as_bytes()), of_node(it, from)));
            return Value::map(entries.collect());
        }
    };
    value.tainted(taint)
}

/// The origin of a part of a text, and all reasons in it.
fn about(text: &Text, start: usize, end: usize) -> (Origin, Taint) {
    let spans = text.spans();
    let first = spans.partition_point(|it| it.end as usize <= start);
    let (mut origin, mut taint, mut at) = (None, Taint::NONE, start);
    for span in &spans[first..] {
        if at >= end.max(start + 1) {
            break;
        }
        origin.get_or_insert(span.origin);
        taint = taint.and(span.taint);
        at = span.end as usize;
    }
    (origin.unwrap_or_default(), taint)
}

fn json_value(text: &Value) -> Result<Value, String> {
    let bytes = text.as_text().cloned().unwrap_or_default();
    match json::decode(bytes.bytes()) {
        (value, None) => Ok(tainted(value, text.taint)),
        (_, Some(Error(error))) => Err(error),
    }
}

/// Every leaf with these reasons.
fn tainted(value: Value, taint: Taint) -> Value {
    if taint.is_none() {
        return value;
    }
    match value.data {
        Data::Text(text) => Text::from_origin(text.shared(), Origin::default(), taint).into(),
        Data::List(list) => Value::list(list.items.iter().map(|it| tainted(it.clone(), taint)).collect()),
        Data::Map(map) => {
            let entries = map.snapshot().into_iter().map(|(key, it)| (key, tainted(it, taint)));
            Value::map(entries.collect())
        }
        _ => value.tainted(taint),
    }
}

/// What Go's JSON says of a value of another type.
fn wrong(value: &Value, wanted: &str, before: &str) -> String {
    let got = match &value.data {
        Data::Bool(_) => "bool",
        Data::Text(_) => "string",
        Data::List(_) => "array",
        Data::Map(_) => "object",
        _ => "number",
    };
    format!("{before}json: cannot unmarshal {got} into Go value of type {wanted}")
}

fn map(value: Value, before: &str) -> Result<Value, String> {
    match &value.data {
        Data::Map(_) => Ok(value),
        Data::Nil => Ok(Value::map(BTreeMap::new())),
        _ => Err(wrong(&value, "map[string]interface {}", before)),
    }
}

fn list(value: Value, before: &str) -> Result<Value, String> {
    match &value.data {
        Data::List(_) => Ok(value),
        // A list that is `nil` from JSON, and one without elements from YAML.
        Data::Nil if before.is_empty() => Ok(Value::appended(Vec::new())),
        Data::Nil => Ok(Value::list(Vec::new())),
        _ => Err(wrong(&value, "[]interface {}", before)),
    }
}
