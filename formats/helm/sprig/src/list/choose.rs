//! Elements chosen by what they are.

use gabion_template::{Error, Function, Param, Value, Work};

use crate::call::{Answer, any, derive, list, pass, pass_all, yes};
use crate::default::empty;
use crate::equal::contains;

use Param::Any;

pub(crate) const FUNCTIONS: &[Function] = &[
    pass("compact", &[Any], compact),
    derive("has", &[Any, Any], has).that_takes(Work::Deep),
    pass("mustCompact", &[Any], compact),
    derive("mustHas", &[Any, Any], has).that_takes(Work::Deep),
    pass("mustUniq", &[Any], uniq).that_takes(Work::Pairs),
    pass_all("mustWithout", &[Any], Any, without).that_takes(Work::Deep),
    pass("uniq", &[Any], uniq).that_takes(Work::Pairs),
    pass_all("without", &[Any], Any, without).that_takes(Work::Deep),
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
