//! `merge` and `mergeOverwrite`: dario.cat/mergo 1.0 on maps.
//!
//! The first map is changed in place. What a source holds is not copied: a map that the target lacked is afterwards the
//! source's own, seen from both.

use std::rc::Rc;

use gabion_template::{Bytes, Data, Error, Function, Kind, Map, MapKind, Param, Value, Work};

use crate::call::{Answer, DEEPEST, any, map, pass_all, too_deep};
use crate::default::empty;

pub(crate) const FUNCTIONS: &[Function] = &[
    pass_all("merge", &[Param::Map], Param::Map, |args| swallow(merge(args, false))).that_takes(Work::Deep),
    pass_all("mergeOverwrite", &[Param::Map], Param::Map, |args| swallow(merge(args, true)))
        .that_takes(Work::Deep),
    pass_all("mustMerge", &[Param::Map], Param::Map, |args| merge(args, false)).that_takes(Work::Deep),
    pass_all("mustMergeOverwrite", &[Param::Map], Param::Map, |args| merge(args, true))
        .that_takes(Work::Deep),
];

/// An error of mergo is an empty text, but not one that would have ended Go.
fn swallow(answer: Answer) -> Answer {
    match answer {
        Err(error) if error.0 == DIFFERENT => Ok("".into()),
        answer => answer,
    }
}

const DIFFERENT: &str = "src and dst must be of same type";

fn merge(args: &[Value], overwrite: bool) -> Answer {
    let target = map(args, 0)?;
    for at in 1..args.len() {
        deep(&target, &map(args, at)?, overwrite, 0)?;
    }
    let given = any(args, 0);
    Ok(if given.is_nil() { Data::Map(target).into() } else { given.clone() })
}

fn deep(target: &Rc<Map>, source: &Rc<Map>, overwrite: bool, depth: usize) -> Result<(), Error> {
    if depth > DEEPEST {
        return Err(too_deep());
    }
    for (key, value) in source.snapshot() {
        let own = target.get(&key);
        if value.is_nil() {
            if overwrite {
                put(target, source, key, value)?;
            }
            continue;
        }
        if let (Data::Map(source), Some(own)) = (&value.data, &own) {
            match &own.data {
                Data::Map(own) => deep(own, source, overwrite, depth + 1)?,
                Data::Object(own) if own.kind() == Kind::Ptr && !overwrite => return Err(DIFFERENT.into()),
                _ => {}
            }
        }
        let wins = match &own {
            None => true,
            Some(own) if empty(own) => true,
            Some(own) => overwrite && !(own.as_map().is_some() && value.as_map().is_some()),
        };
        if wins {
            put(target, source, key, value)?;
        }
    }
    Ok(())
}

/// A `map[string]string` takes nothing but the strings of another one.
fn put(target: &Map, source: &Map, key: Bytes, value: Value) -> Result<(), Error> {
    if target.kind == MapKind::String && source.kind != MapKind::String {
        return Err(
            "reflect.Value.SetMapIndex: value of type interface {} is not assignable to type string".into()
        );
    }
    target.set(key, value);
    Ok(())
}
