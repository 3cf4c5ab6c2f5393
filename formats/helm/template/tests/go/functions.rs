//! The functions of `tests/peer/main.go`, on our side.

use gabion_template::{Body, Call, Error, Flow, Function, Functions, Param, Value, Work};
use std::collections::BTreeMap;

/// The table of functions.
pub(crate) struct Table;

impl Functions for Table {
    fn get(&self, name: &str) -> Option<&Function> {
        ALL.iter().find(|function| function.name == name)
    }
}

type Pure = fn(&[Value]) -> Result<Value, Error>;

const fn pure(
    name: &'static str,
    params: &'static [Param],
    rest: Option<Param>,
    flow: Flow,
    run: Pure,
) -> Function {
    Function { name, params, rest, flow, work: Work::Small, run: Body::Pure(run) }
}

use Flow::{Derive, Pass};
use Param::{Any, Bool, Float64, Int, Int64, List, Map, String as Str, Strings};

const ALL: &[Function] = &[
    pure("upper", &[Str], None, Derive, |args| {
        Ok(Value::text(args[0].as_text().unwrap().bytes().to_ascii_uppercase()))
    }),
    pure("add", &[Int, Int], None, Derive, |args| Ok(Value::int(int(&args[0]).wrapping_add(int(&args[1]))))),
    pure("add64", &[Int64, Int64], None, Derive, |args| {
        Ok(Value::int64(int(&args[0]).wrapping_add(int(&args[1]))))
    }),
    pure("half", &[Float64], None, Derive, |args| match args[0].data {
        gabion_template::Data::Float(float) => Ok((float / 2.0).into()),
        _ => Err("no float".into()),
    }),
    pure("yes", &[Bool], None, Derive, |args| match args[0].data {
        gabion_template::Data::Bool(bool) => Ok(if bool { "yes" } else { "no" }.into()),
        _ => Err("no bool".into()),
    }),
    pure("list", &[], Some(Any), Pass, |args| Ok(Value::list(args.to_vec()))),
    pure("words", &[], Some(Str), Pass, |args| {
        Ok(Value::strings(args.iter().filter_map(|arg| arg.as_text().cloned())))
    }),
    pure("count", &[List], None, Derive, |args| Ok(Value::count(args[0].as_list().unwrap().items.len()))),
    pure("join", &[Str, Strings], None, Derive, |args| {
        let items: Vec<String> = args[1].as_list().unwrap().items.iter().map(text).collect();
        Ok(items.join(&text(&args[0])).into())
    }),
    pure("typeOf", &[Any], None, Derive, |args| Ok(args[0].type_name().unwrap_or("<nil>").into())),
    pure("fail", &[Str], None, Derive, |args| Err(text(&args[0]).into())),
    pure("id", &[Any], None, Pass, |args| Ok(args[0].clone())),
    pure("answer", &[], None, Derive, |_| Ok(Value::int(42))),
    pure("dict", &[], Some(Any), Pass, dict),
    pure("set", &[Map, Str, Any], None, Pass, |args| {
        args[0].as_map().unwrap().set(args[1].as_text().unwrap().shared(), args[2].clone());
        Ok(args[0].clone())
    }),
    pure("keys", &[Map], None, Derive, |args| {
        let map = args[0].as_map().unwrap();
        Ok(Value::strings(map.snapshot().into_iter().map(|(key, _)| gabion_template::Text::new(key))))
    }),
    Function {
        name: "include",
        params: &[Str, Any],
        rest: None,
        flow: Pass,
        work: Work::Small,
        run: Body::Run(include),
    },
];

fn include(run: &mut dyn Call, args: &[Value]) -> Result<Value, Error> {
    run.execute(&text(&args[0]), &args[1])
}

fn dict(args: &[Value]) -> Result<Value, Error> {
    if !args.len().is_multiple_of(2) {
        return Err("odd".into());
    }
    let mut entries = BTreeMap::new();
    for pair in args.chunks(2) {
        entries.insert(gabion_template::fmt::displayed(&pair[0])?.into(), pair[1].clone());
    }
    Ok(Value::map(entries))
}

fn text(value: &Value) -> String {
    value.as_text().unwrap().to_str().into_owned()
}

fn int(value: &Value) -> i64 {
    match value.data {
        gabion_template::Data::Int(int) => int.bits,
        _ => 0,
    }
}
