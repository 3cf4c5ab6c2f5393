//! TOML as `github.com/BurntSushi/toml` 1.6 writes it, and texts of TOML as values.

use super::read::error_map;
use super::write::whole;
use gabion_template::{Bytes, Data, Elem, Error, Value, fmt};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Tables in tables; a map that holds itself ends here.
const DEEPEST: usize = 1000;

/// `toToml`
pub(super) fn write(value: &Value) -> Result<Value, Error> {
    let mut out = Writer { out: String::new(), depth: 0 };
    if value.is_nil() {
        return Err("reflect: call of reflect.Value.Type on zero Value".into());
    }
    out.encode(&mut Vec::new(), value)?;
    Ok(whole(&out.out, &Value { taint: reasons(value, 0), ..value.clone() }))
}

fn reasons(value: &Value, depth: usize) -> gabion_template::Taint {
    let below = |items: &mut dyn Iterator<Item = Value>| {
        items.fold(value.taint, |sum, it| sum.and(reasons(&it, depth + 1)))
    };
    match &value.data {
        _ if depth > DEEPEST => value.taint,
        Data::List(list) => below(&mut list.items.iter().cloned()),
        Data::Map(map) => below(&mut map.snapshot().into_iter().map(|(_, it)| it)),
        _ => value.taint,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Nil,
    Table,
    Tables,
    Other,
}

fn shape(value: &Value) -> Result<Shape, Error> {
    Ok(match &value.data {
        Data::Nil => Shape::Nil,
        Data::Map(_) => Shape::Table,
        Data::List(list) if list.elem == Elem::Nil => Shape::Nil,
        Data::List(list) => {
            if list.items.iter().any(Value::is_nil) {
                return Err("toml: cannot encode array with nil element".into());
            }
            let table = |it: &Value| matches!(it.data, Data::Map(_));
            if !list.items.is_empty() && list.items.iter().all(table) { Shape::Tables } else { Shape::Other }
        }
        _ => Shape::Other,
    })
}

struct Writer {
    out: String,
    depth: usize,
}

impl Writer {
    fn encode(&mut self, key: &mut Vec<String>, value: &Value) -> Result<(), Error> {
        match shape(value)? {
            Shape::Nil => Ok(()),
            Shape::Tables => self.tables(key, value),
            Shape::Table => {
                if key.len() == 1 {
                    self.newline();
                }
                if !key.is_empty() {
                    let _ = write!(self.out, "{}[{}]", indent(key), path(key));
                    self.newline();
                }
                self.table(key, value, false)
            }
            Shape::Other => self.pair(key, value, false),
        }
    }

    fn tables(&mut self, key: &mut Vec<String>, value: &Value) -> Result<(), Error> {
        if key.is_empty() {
            return Err("toml: top-level values must be Go maps or structs".into());
        }
        for item in value.as_list().into_iter().flat_map(|it| &it.items) {
            self.newline();
            let _ = write!(self.out, "{}[[{}]]", indent(key), path(key));
            self.newline();
            self.table(key, item, false)?;
        }
        Ok(())
    }

    fn table(&mut self, key: &mut Vec<String>, value: &Value, inline: bool) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("a value is nested more than {DEEPEST} times, or holds itself").into());
        }
        let (mut direct, mut below) = (Vec::new(), Vec::new());
        for (name, value) in value.as_map().map(|it| it.snapshot()).unwrap_or_default() {
            let group = match shape(&value)? {
                Shape::Table | Shape::Tables => &mut below,
                Shape::Nil | Shape::Other => &mut direct,
            };
            group.push((String::from_utf8_lossy(&name).into_owned(), value));
        }
        let (first, all) = (direct.len(), direct.len() + below.len());
        if inline {
            self.out.push('{');
        }
        for (at, (name, value)) in direct.into_iter().chain(below).enumerate() {
            if value.is_nil() {
                continue;
            }
            if inline {
                self.pair(&[name], &value, true)?;
                let last = if at < first && first == all { first } else { all };
                if at + 1 < last {
                    self.out.push_str(", ");
                }
            } else {
                key.push(name);
                self.encode(key, &value)?;
                key.pop();
            }
        }
        if inline {
            self.out.push('}');
        }
        self.depth -= 1;
        Ok(())
    }

    fn pair(&mut self, key: &[String], value: &Value, inline: bool) -> Result<(), Error> {
        let Some(name) = key.last() else { return self.element(value) };
        let _ = write!(self.out, "{}{} = ", indent(key), quoted_key(name));
        self.element(value)?;
        if !inline {
            self.newline();
        }
        Ok(())
    }

    fn element(&mut self, value: &Value) -> Result<(), Error> {
        match &value.data {
            Data::Text(text) => {
                let text = quoted(&text.to_str());
                self.out.push_str(&text);
            }
            Data::Bool(it) => self.out.push_str(if *it { "true" } else { "false" }),
            Data::Int(it) => self.out.push_str(&it.value().to_string()),
            Data::Float(it) => self.out.push_str(&float(*it)),
            Data::List(list) => {
                self.out.push('[');
                for (at, item) in list.items.iter().enumerate() {
                    if at > 0 {
                        self.out.push_str(", ");
                    }
                    self.element(item)?;
                }
                self.out.push(']');
            }
            Data::Map(_) => self.table(&mut Vec::new(), value, true)?,
            Data::Object(object) => self.out.push_str(&quoted(&object.print())),
            Data::Nil => return Err("toml: cannot encode array with nil element".into()),
        }
        Ok(())
    }

    fn newline(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }
}

fn indent(key: &[String]) -> String {
    "  ".repeat(key.len().saturating_sub(1))
}

fn path(key: &[String]) -> String {
    key.iter().map(|it| quoted_key(it)).collect::<Vec<_>>().join(".")
}

fn quoted_key(name: &str) -> String {
    let bare = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-');
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for it in text.chars() {
        match it {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x08' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\x0c' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\x1f' | '\x7f' => {
                let _ = write!(out, "\\u{:04x}", u32::from(it));
            }
            _ => out.push(it),
        }
    }
    out.push('"');
    out
}

fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let mut out = Vec::new();
    fmt::float(&mut out, value, b'g', None);
    let text = String::from_utf8_lossy(&out).into_owned();
    if text.contains(['e', '.']) { text } else { format!("{text}.0") }
}

/// `fromToml`
pub(super) fn read(text: &Value) -> Value {
    let bytes = text.as_text().cloned().unwrap_or_default();
    match toml::from_str::<toml::Table>(&bytes.to_str()) {
        Ok(table) => of_table(table, text),
        Err(error) => error_map(&format!("toml: {}", error.message()), text),
    }
}

fn of_table(table: toml::Table, text: &Value) -> Value {
    let entries: BTreeMap<Bytes, Value> =
        table.into_iter().map(|(key, it)| (Bytes::from(key.into_bytes()), of_value(it, text))).collect();
    Value::map(entries)
}

fn of_value(value: toml::Value, text: &Value) -> Value {
    let value = match value {
        toml::Value::String(it) => return whole(&it, text),
        toml::Value::Datetime(it) => return whole(&it.to_string(), text),
        toml::Value::Array(items) => {
            return Value::list(items.into_iter().map(|it| of_value(it, text)).collect());
        }
        toml::Value::Table(table) => return of_table(table, text),
        toml::Value::Integer(it) => Value::int64(it),
        toml::Value::Float(it) => it.into(),
        toml::Value::Boolean(it) => it.into(),
    };
    value.tainted(text.taint)
}
