//! Parts of lists.

use std::rc::Rc;

use gabion_template::{Data, Function, List, Param, Value};

use crate::call::{Answer, any, list, pass, pass_all};
use crate::number::to_int64;

use Param::Any;

pub(crate) const FUNCTIONS: &[Function] = &[
    pass("first", &[Any], first),
    pass("initial", &[Any], initial),
    pass("last", &[Any], last),
    pass("mustFirst", &[Any], first),
    pass("mustInitial", &[Any], initial),
    pass("mustLast", &[Any], last),
    pass("mustRest", &[Any], rest),
    pass_all("mustSlice", &[Any], Any, slice),
    pass("rest", &[Any], rest),
    pass_all("slice", &[Any], Any, slice),
];

fn first(args: &[Value]) -> Answer {
    Ok(list(args, 0, "Cannot find first on type")?.items.first().cloned().unwrap_or(Value::NIL))
}

fn last(args: &[Value]) -> Answer {
    Ok(list(args, 0, "Cannot find last on type")?.items.last().cloned().unwrap_or(Value::NIL))
}

fn rest(args: &[Value]) -> Answer {
    let given = list(args, 0, "Cannot find rest on type")?;
    if given.items.is_empty() {
        return Ok(Value::appended(Vec::new()));
    }
    Ok(Value::list(given.items.iter().skip(1).cloned().collect()))
}

fn initial(args: &[Value]) -> Answer {
    let items = &list(args, 0, "Cannot find initial on type")?.items;
    let Some((_, items)) = items.split_last() else { return Ok(Value::appended(Vec::new())) };
    Ok(Value::list(items.to_vec()))
}

/// The elements from one place to before another; of an empty list `nil`.
fn slice(args: &[Value]) -> Answer {
    let given = list(args, 0, "list should be type of slice or array but")?;
    let length = given.items.len();
    if length == 0 {
        return Ok(Value::NIL);
    }
    let place = |at: usize, otherwise: usize| match args.get(at) {
        Some(value) => usize::try_from(to_int64(value)).ok(),
        None => Some(otherwise),
    };
    let items = place(1, 0).zip(place(2, length)).and_then(|(start, end)| given.items.get(start..end));
    let items = items.ok_or("reflect.Value.Slice: slice index out of bounds")?.to_vec();
    Ok(Value { data: Data::List(Rc::new(List { elem: given.elem, items })), taint: any(args, 0).taint })
}
