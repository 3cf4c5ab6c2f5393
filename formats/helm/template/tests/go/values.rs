//! Values as both sides read them: `{"TYPE": CONTENT}`, and one character per byte.

use gabion_template as template;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;
use template::{Data, Elem, IntKind, List, Map, MapKind, Text};

pub(crate) fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect()
}

pub(crate) fn characters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

pub(crate) fn value(tagged: &Value) -> template::Value {
    let Some(tagged) = tagged.as_object() else {
        return template::Value::NIL;
    };
    let (tag, content) = tagged.iter().next().unwrap();
    match tag.as_str() {
        "list" => template::Value::list(content.as_array().unwrap().iter().map(value).collect()),
        "strings" => {
            let items = content.as_array().unwrap().iter();
            template::Value::strings(items.map(|item| Text::new(bytes(item.as_str().unwrap()))))
        }
        "map" => {
            let entries = content.as_object().unwrap().iter();
            template::Value::map(entries.map(|(key, item)| (bytes(key).into(), value(item))).collect())
        }
        "strmap" => {
            let entries = content.as_object().unwrap().iter();
            let text = |item: &Value| template::Value::text(bytes(item.as_str().unwrap()));
            let entries: BTreeMap<_, _> =
                entries.map(|(key, item)| (bytes(key).into(), text(item))).collect();
            Data::Map(Rc::new(Map::from_entries(MapKind::String, entries))).into()
        }
        scalar => simple(scalar, content.as_str().unwrap()),
    }
}

fn simple(tag: &str, text: &str) -> template::Value {
    let kind = match tag {
        "bool" => return (text == "true").into(),
        "string" => return template::Value::text(bytes(text)),
        "float64" => return text.parse::<f64>().unwrap().into(),
        "bytes" => {
            let byte = |byte: u8| template::Value::integer(i64::from(byte), IntKind::Uint8);
            let items = bytes(text).into_iter().map(byte).collect();
            return Data::List(Rc::new(List { elem: Elem::Byte, items })).into();
        }
        "int" => IntKind::Int,
        "int32" => IntKind::Int32,
        "int64" => IntKind::Int64,
        "uint" => IntKind::Uint,
        "uint8" => IntKind::Uint8,
        "uint32" => IntKind::Uint32,
        "uint64" => IntKind::Uint64,
        other => panic!("{other}"),
    };
    let number: i128 = text.parse().unwrap();
    template::Value::integer(number as i64, kind)
}
