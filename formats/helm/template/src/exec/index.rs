//! `index`, `slice` and `len`.

use std::rc::Rc;

use crate::function::Error;
use crate::text::Text;
use crate::value::{Data, IntKind, Kind, List, MapKind, Value};

/// A place in a list or text of this length. The length itself is one, as for `slice`.
fn place(index: &Value, length: usize) -> Result<usize, Error> {
    let Data::Int(int) = &index.data else {
        return Err(match index.type_name() {
            None => "cannot index slice/array with nil".into(),
            Some(name) => format!("cannot index slice/array with type {name}").into(),
        });
    };
    // Go reads an unsigned one as signed, too.
    let at = int.bits;
    usize::try_from(at)
        .ok()
        .filter(|at| *at <= length)
        .ok_or_else(|| format!("index out of range: {at}").into())
}

/// `index item 1 "a"` is `item[1]["a"]`.
pub(super) fn index(args: &[Value]) -> Result<Value, Error> {
    let Some((item, indexes)) = args.split_first().filter(|(item, _)| !item.is_nil()) else {
        return Err("index of untyped nil".into());
    };
    let mut item = item.clone();
    for index in indexes {
        let taint = item.taint;
        item = element(&item, index)?.tainted(taint);
    }
    Ok(item)
}

fn element(item: &Value, index: &Value) -> Result<Value, Error> {
    match &item.data {
        Data::Nil => Err("index of nil pointer".into()),
        Data::List(list) => {
            let at = place(index, list.items.len())?;
            list.items.get(at).cloned().ok_or_else(|| "reflect: slice index out of range".into())
        }
        Data::Text(text) => {
            let at = place(index, text.bytes().len())?;
            let byte = text.bytes().get(at).ok_or("reflect: string index out of range")?;
            Ok(Value::integer(i64::from(*byte), IntKind::Uint8))
        }
        Data::Map(map) => {
            let missing = || if map.kind == MapKind::String { Text::default().into() } else { Value::NIL };
            Ok(map.get(key(index)?.bytes()).unwrap_or_else(missing))
        }
        Data::Object(object) if object.kind() == Kind::Map => {
            Ok(object.field(&key(index)?.to_str()).unwrap_or(Value::NIL))
        }
        _ => Err(format!("can't index item of type {}", item.type_name().unwrap_or_default()).into()),
    }
}

fn key(index: &Value) -> Result<&Text, Error> {
    index.as_text().ok_or_else(|| match index.type_name() {
        None => "value is nil; should be of type string".into(),
        Some(name) => format!("value has type {name}; should be string").into(),
    })
}

/// `slice item 1 3` is `item[1:3]`. A list has no room behind its end, as a Go slice may have.
///
/// Go does not look into an interface for an index here, as it does for `index`; `held` says which arguments are in one.
pub(super) fn slice(args: &[Value], held: u64) -> Result<Value, Error> {
    let Some((item, indexes)) = args.split_first().filter(|(item, _)| !item.is_nil()) else {
        return Err("slice of untyped nil".into());
    };
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()).into());
    }
    let length = match &item.data {
        Data::Text(_) if indexes.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Data::Text(text) => text.bytes().len(),
        Data::List(list) => list.items.len(),
        _ => return Err(format!("can't slice item of type {}", item.type_name().unwrap_or_default()).into()),
    };
    let mut bounds = [0, length, length];
    for (at, index) in indexes.iter().enumerate() {
        if held >> (at + 1) & 1 == 1 {
            return Err("cannot index slice/array with type interface {}".into());
        }
        bounds[at] = place(index, length)?;
    }
    let [start, end, room] = bounds;
    if start > end {
        return Err(format!("invalid slice index: {start} > {end}").into());
    }
    if end > room {
        return Err(format!("invalid slice index: {end} > {room}").into());
    }
    Ok(match &item.data {
        Data::Text(text) => Value::from(text.slice(start, end)).tainted(item.taint),
        Data::List(list) => {
            let items = list.items[start..end].to_vec();
            Value { data: Data::List(Rc::new(List { elem: list.elem, items })), taint: item.taint }
        }
        _ => item.clone(),
    })
}

/// How many elements or bytes it has. `interface`: it is a missing key, if it is nothing.
pub(super) fn length(item: &Value, interface: bool) -> Result<usize, Error> {
    match &item.data {
        Data::Nil if interface => Err("len of nil pointer".into()),
        Data::Nil => Err("reflect: call of reflect.Value.Type on zero Value".into()),
        Data::Text(text) => Ok(text.bytes().len()),
        Data::List(list) => Ok(list.items.len()),
        Data::Map(map) => Ok(map.len()),
        Data::Object(object) => match object.entries() {
            Some(entries) => Ok(entries.len()),
            None => Err(format!("len of type {}", object.type_name()).into()),
        },
        _ => Err(format!("len of type {}", item.type_name().unwrap_or_default()).into()),
    }
}
