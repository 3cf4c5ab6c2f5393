//! `deepCopy` (mitchellh/copystructure): lists and maps anew, all the way down.

use std::rc::Rc;

use gabion_template::{Data, Error, Function, List, Map, Param, Value, Work};

use crate::call::{Answer, DEEPEST, any, pass, too_deep};

pub(crate) const FUNCTIONS: &[Function] = &[
    pass("deepCopy", &[Param::Any], deep_copy).that_takes(Work::Deep),
    pass("mustDeepCopy", &[Param::Any], deep_copy).that_takes(Work::Deep),
];

fn deep_copy(args: &[Value]) -> Answer {
    if any(args, 0).is_nil() {
        return Err("reflect: call of reflect.Value.Type on zero Value".into());
    }
    copy(any(args, 0), 0)
}

fn copy(value: &Value, depth: usize) -> Result<Value, Error> {
    if depth > DEEPEST {
        return Err(too_deep());
    }
    let data = match &value.data {
        Data::List(list) => {
            let items = list.items.iter().map(|item| copy(item, depth + 1)).collect::<Result<_, _>>()?;
            Data::List(Rc::new(List { elem: list.elem, items }))
        }
        Data::Map(map) => {
            let entries = map.snapshot().into_iter().map(|(key, value)| Ok((key, copy(&value, depth + 1)?)));
            Data::Map(Rc::new(Map::from_entries(map.kind, entries.collect::<Result<_, Error>>()?)))
        }
        other => other.clone(),
    };
    Ok(Value { data, taint: value.taint })
}
