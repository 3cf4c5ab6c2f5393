//! Elements chosen by what they are.

use gabion_template::{Error, Function, Param, Value};

use crate::call::{Answer, any, derive, list, pass, pass_all, yes};
use crate::default::empty;
use crate::equal::contains;

use Param::Any;

pub(crate) const FUNCTIONS: &[Function] = &[
    pass("compact", &[Any], compact),
    derive("has", &[Any, Any], has),
    pass("mustCompact", &[Any], compact),
    derive("mustHas", &[Any, Any], has),
    pass("mustUniq", &[Any], uniq),
    pass_all("mustWithout", &[Any], Any, without),
    pass("uniq", &[Any], uniq),
    pass_all("without", &[Any], Any, without),
];

fn keep(items: &[Value], mut wanted: impl FnMut(&[Value], &Value) -> Result<bool, Error>) -> Answer {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        if wanted(&kept, item)? {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

fn compact(args: &[Value]) -> Answer {
    keep(&list(args, 0, "Cannot compact on type")?.items, |_, item| Ok(!empty(item)))
}

fn uniq(args: &[Value]) -> Answer {
    keep(&list(args, 0, "Cannot find uniq on type")?.items, |kept, item| Ok(!contains(kept, item)?))
}

fn without(args: &[Value]) -> Answer {
    let omitted = args.get(1..).unwrap_or_default();
    keep(&list(args, 0, "Cannot find without on type")?.items, |_, item| Ok(!contains(omitted, item)?))
}

fn has(args: &[Value]) -> Answer {
    if any(args, 1).is_nil() {
        return yes(false);
    }
    yes(contains(&list(args, 1, "Cannot find has on type")?.items, any(args, 0))?)
}
