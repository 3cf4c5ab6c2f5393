//! Between nodes and the JSON that the peer speaks.

use gabion_yaml::{Data, Node};
use serde_json::{Map, Number, Value};

/// The node of a JSON value, integers apart from floats as the peer has them.
pub(crate) fn node(value: &Value) -> Node {
    let data = match value {
        Value::Null => Data::Null,
        Value::Bool(it) => Data::Bool(*it),
        Value::Number(it) => number(it),
        Value::String(it) => Data::String(it.clone()),
        Value::Array(items) => Data::List(items.iter().map(node).collect()),
        Value::Object(map) => Data::Map(map.iter().map(|(key, it)| (key.clone(), node(it))).collect()),
    };
    data.into()
}

fn number(it: &Number) -> Data {
    if let Some(it) = it.as_i64() {
        Data::Int(it)
    } else if let Some(it) = it.as_u64() {
        Data::Uint(it)
    } else {
        Data::Float(it.as_f64().unwrap())
    }
}

/// The JSON value of a node, as Go's `encoding/json` writes its numbers and `serde_json` reads them.
pub(crate) fn json(node: &Node) -> Value {
    match &node.data {
        Data::Null => Value::Null,
        Data::Bool(it) => (*it).into(),
        Data::Int(it) => (*it).into(),
        Data::Uint(it) => (*it).into(),
        Data::Float(it) => (*it).into(),
        Data::String(it) => it.clone().into(),
        Data::List(items) => items.iter().map(json).collect(),
        Data::Map(map) => map.iter().map(|(key, it)| (key.clone(), json(it))).collect::<Map<_, _>>().into(),
    }
}

/// Whether two values are the same, whole floats being integers in the JSON of Go.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || a.is_f64() != b.is_f64() && a.as_f64() == b.as_f64()
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}
