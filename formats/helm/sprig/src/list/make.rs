//! Lists made of values and of other lists.

use gabion_template::{Function, Param, Value};

use crate::call::{Answer, MOST_ITEMS, any, int, list, pass, pass_all};

use Param::{Any, Int};

pub(crate) const FUNCTIONS: &[Function] = &[
    pass("append", &[Any, Any], append),
    pass("chunk", &[Int, Any], chunk),
    pass_all("concat", &[], Any, concat),
    pass_all("list", &[], Any, |args| Ok(Value::list(args.to_vec()))),
    pass("mustAppend", &[Any, Any], append),
    pass("mustChunk", &[Int, Any], chunk),
    pass("mustPrepend", &[Any, Any], prepend),
    pass("mustPush", &[Any, Any], append),
    pass("mustReverse", &[Any], reverse),
    pass("prepend", &[Any, Any], prepend),
    pass("push", &[Any, Any], append),
    pass("reverse", &[Any], reverse),
    pass_all("tuple", &[], Any, |args| Ok(Value::list(args.to_vec()))),
];

fn append(args: &[Value]) -> Answer {
    let mut items = list(args, 0, "Cannot push on type")?.items.clone();
    items.push(any(args, 1).clone());
    Ok(Value::list(items))
}

fn prepend(args: &[Value]) -> Answer {
    let old = &list(args, 0, "Cannot prepend on type")?.items;
    let mut items = Vec::with_capacity(old.len() + 1);
    items.push(any(args, 1).clone());
    items.extend(old.iter().cloned());
    Ok(Value::list(items))
}

fn concat(args: &[Value]) -> Answer {
    let mut items = Vec::new();
    for at in 0..args.len() {
        let refusal = "Cannot concat type";
        let more = list(args, at, refusal).map_err(|error| {
            if error.0.starts_with(refusal) { format!("{error} as list").into() } else { error }
        })?;
        if items.len() + more.items.len() > MOST_ITEMS {
            return Err(format!("a list of more than {MOST_ITEMS} elements").into());
        }
        items.extend(more.items.iter().cloned());
    }
    Ok(Value::appended(items))
}

fn reverse(args: &[Value]) -> Answer {
    let given = list(args, 0, "Cannot find reverse on type")?;
    Ok(Value::list(given.items.iter().rev().cloned().collect()))
}

/// Lists of `size` elements each. The count is a float's, as sprig's is, and so are the answers to sizes below 1.
fn chunk(args: &[Value]) -> Answer {
    let size = int(args, 0)?;
    let items = &list(args, 1, "Cannot chunk type")?.items;
    let count = ((items.len() as f64 - 1.0) / size as f64).floor() + 1.0;
    let wrong = || Err("runtime error: makeslice: len out of range".into());
    if !(0.0..=MOST_ITEMS as f64).contains(&count) {
        return wrong();
    }
    let count = count as usize;
    let mut out = Vec::with_capacity(count);
    for at in 0..count {
        let rest = (items.len() as f64 % size as f64).floor() as i64;
        let length = if at + 1 == count && rest != 0 { rest } else { size };
        let Ok(length) = usize::try_from(length) else { return wrong() };
        let start = at.saturating_mul(size.unsigned_abs() as usize);
        match start.checked_add(length).and_then(|end| items.get(start..end)) {
            Some(part) => out.push(Value::list(part.to_vec())),
            None => return Err("reflect: slice index out of range".into()),
        }
    }
    Ok(Value::list(out))
}
