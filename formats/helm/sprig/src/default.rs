//! Values that are missing, and choices among values (sprig `defaults.go`).

use gabion_template::{Data, Error, Function, Kind, Param, Value, Work};

use crate::call::{any, bytes, derive, derive_all, pass, pass_all, yes};
use crate::equal::deep_equal;

use Param::{Any, Bool, String as Str};

pub(crate) const FUNCTIONS: &[Function] = &[
    derive_all("all", &[], Any, |args| yes(!args.iter().any(empty))),
    derive_all("any", &[], Any, |args| yes(!args.iter().all(empty))),
    pass_all("coalesce", &[], Any, |args| {
        Ok(args.iter().find(|value| !empty(value)).cloned().unwrap_or(Value::NIL))
    }),
    derive("deepEqual", &[Any, Any], |args| yes(deep_equal(any(args, 0), any(args, 1))?))
        .that_takes(Work::Deep),
    pass_all("default", &[Any], Any, |args| Ok(any(args, usize::from(!empty(any(args, 1)))).clone())),
    derive("empty", &[Any], |args| yes(empty(any(args, 0)))),
    derive("fail", &[Str], |args| Err(Error(String::from_utf8_lossy(bytes(args, 0)?).into_owned()))),
    derive("getHostByName", &[Str], |_| Ok("".into())),
    derive("hello", &[], |_| Ok("Hello!".into())),
    pass("ternary", &[Any, Any, Bool], |args| {
        Ok(any(args, usize::from(!matches!(any(args, 2).data, Data::Bool(true)))).clone())
    }),
];

/// sprig's `empty`: nothing, or the zero of its type. A struct never is.
pub(crate) fn empty(value: &Value) -> bool {
    match &value.data {
        Data::Nil => true,
        Data::Bool(value) => !value,
        Data::Int(int) => int.bits == 0,
        Data::Float(float) => *float == 0.0,
        Data::Text(text) => text.bytes().is_empty(),
        Data::List(list) => list.items.is_empty(),
        Data::Map(map) => map.is_empty(),
        Data::Object(object) => {
            object.kind() == Kind::Map && object.entries().is_none_or(|all| all.is_empty())
        }
    }
}
