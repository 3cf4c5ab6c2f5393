//! Keys and values. What Go gives in the random order of its maps comes in the order of the keys here.

use std::collections::BTreeMap;

use gabion_template::{Bytes, Error, Function, MapKind, Param, Text, Value};

use crate::call::{Answer, any, bytes, derive, derive_all, map, map_mut, pass, pass_all, text, yes};
use crate::text::strval;

use Param::{Any, Map, String as Str};

pub(crate) const FUNCTIONS: &[Function] = &[
    pass_all("dict", &[], Any, dict),
    pass_all("dig", &[], Any, dig),
    pass("get", &[Map, Str], |args| Ok(map(args, 0)?.get(bytes(args, 1)?).unwrap_or_else(|| "".into()))),
    derive("hasKey", &[Map, Str], |args| yes(map(args, 0)?.get(bytes(args, 1)?).is_some())),
    derive_all("keys", &[], Map, keys),
    pass_all("omit", &[Map], Str, |args| choose(args, false)),
    pass_all("pick", &[Map], Str, |args| choose(args, true)),
    pass_all("pluck", &[Str], Map, pluck),
    pass("set", &[Map, Str, Any], |args| {
        map_mut(args, 0)?.set(text(args, 1)?.shared(), any(args, 2).clone());
        Ok(any(args, 0).clone())
    }),
    pass("unset", &[Map, Str], |args| {
        map(args, 0)?.entries.borrow_mut().remove(bytes(args, 1)?);
        Ok(any(args, 0).clone())
    }),
    pass("values", &[Map], |args| {
        Ok(Value::list(map(args, 0)?.snapshot().into_iter().map(|(_, value)| value).collect()))
    }),
];

/// Key, value, key, value; a key without one has an empty text.
fn dict(args: &[Value]) -> Answer {
    let mut entries = BTreeMap::new();
    for pair in args.chunks(2) {
        entries.insert(strval(&pair[0])?.shared(), pair.get(1).cloned().unwrap_or_else(|| "".into()));
    }
    Ok(Value::map(entries))
}

fn keys(args: &[Value]) -> Answer {
    let mut all = Vec::new();
    for at in 0..args.len() {
        all.extend(map(args, at)?.snapshot().into_iter().map(|(key, _)| Text::new(key)));
    }
    Ok(Value::strings(all))
}

/// The entries of these keys, or all others.
fn choose(args: &[Value], wanted: bool) -> Answer {
    let keys: Vec<&[u8]> = (1..args.len()).map(|at| bytes(args, at)).collect::<Result<_, _>>()?;
    let kept = map(args, 0)?.snapshot().into_iter().filter(|(key, _)| keys.contains(&&**key) == wanted);
    Ok(Value::map(kept.collect::<BTreeMap<Bytes, Value>>()))
}

fn pluck(args: &[Value]) -> Answer {
    let key = bytes(args, 0)?;
    let mut found = Vec::new();
    for at in 1..args.len() {
        found.extend(map(args, at)?.get(key));
    }
    Ok(Value::list(found))
}

/// Keys that lead down, what to give if one is missing, and the map. Each step must be a plain map: the named one of a
/// chart's values is none.
fn dig(args: &[Value]) -> Answer {
    let [keys @ .., default, start] = args else { return Err("dig needs at least three arguments".into()) };
    if keys.is_empty() {
        return Err("dig needs at least three arguments".into());
    }
    let mut now = start.clone();
    let mut steps = Vec::with_capacity(keys.len());
    now.as_map().filter(|map| map.kind == MapKind::Any).ok_or_else(|| no_map(start))?;
    for key in keys {
        let wrong =
            || Error(format!("interface conversion: interface {{}} is {}, not string", type_name(key)));
        steps.push(key.as_text().ok_or_else(wrong)?.bytes());
    }
    for step in steps {
        let map = now.as_map().filter(|map| map.kind == MapKind::Any).ok_or_else(|| no_map(&now))?;
        match map.get(step) {
            Some(value) => now = value,
            None => return Ok(default.clone()),
        }
    }
    Ok(now)
}

fn type_name(value: &Value) -> &str {
    value.type_name().unwrap_or("nil")
}

fn no_map(value: &Value) -> Error {
    format!("interface conversion: interface {{}} is {}, not map[string]interface {{}}", type_name(value))
        .into()
}
