//! How functions are written down, and how they reach their arguments.

use std::rc::Rc;

use gabion_template::{
    Body, Data, Error, Flow, Function, IntKind, List, Map, MapKind, Param, Text, Value, Work,
};

/// What a function gives.
pub(crate) type Answer = Result<Value, Error>;

/// The body of a function.
pub(crate) type Run = fn(&[Value]) -> Answer;

/// A function whose result is made of its arguments.
pub(crate) const fn derive(name: &'static str, params: &'static [Param], run: Run) -> Function {
    Function { name, params, rest: None, flow: Flow::Derive, work: Work::Small, run: Body::Pure(run) }
}

/// [`derive`], with any number of further arguments.
pub(crate) const fn derive_all(
    name: &'static str,
    params: &'static [Param],
    rest: Param,
    run: Run,
) -> Function {
    Function { name, params, rest: Some(rest), flow: Flow::Derive, work: Work::Small, run: Body::Pure(run) }
}

/// A function that hands its arguments through.
pub(crate) const fn pass(name: &'static str, params: &'static [Param], run: Run) -> Function {
    Function { name, params, rest: None, flow: Flow::Pass, work: Work::Small, run: Body::Pure(run) }
}

/// [`pass`], with any number of further arguments.
pub(crate) const fn pass_all(
    name: &'static str,
    params: &'static [Param],
    rest: Param,
    run: Run,
) -> Function {
    Function { name, params, rest: Some(rest), flow: Flow::Pass, work: Work::Small, run: Body::Pure(run) }
}

/// What Go says of a `nil` that is asked for its type.
pub(crate) const NIL_POINTER: &str = "runtime error: invalid memory address or nil pointer dereference";

fn wrong(args: &[Value], at: usize, wanted: &str) -> Error {
    let got = args.get(at).and_then(Value::type_name).unwrap_or("nothing");
    format!("wrong type for value; expected {wanted}; got {got}").into()
}

/// The string at `at`.
pub(crate) fn text(args: &[Value], at: usize) -> Result<&Text, Error> {
    args.get(at).and_then(Value::as_text).ok_or_else(|| wrong(args, at, "string"))
}

/// The bytes of the string at `at`.
pub(crate) fn bytes(args: &[Value], at: usize) -> Result<&[u8], Error> {
    text(args, at).map(Text::bytes)
}

/// The `int` at `at`.
pub(crate) fn int(args: &[Value], at: usize) -> Result<i64, Error> {
    match args.get(at).map(|value| &value.data) {
        Some(Data::Int(int)) => Ok(int.bits),
        _ => Err(wrong(args, at, "int")),
    }
}

/// The value at `at`; `nil` if it was not given.
pub(crate) fn any(args: &[Value], at: usize) -> &Value {
    args.get(at).unwrap_or(&Value::NIL)
}

/// The map at `at`; of a `nil` map an empty one, as Go reads it.
pub(crate) fn map(args: &[Value], at: usize) -> Result<Rc<Map>, Error> {
    match &any(args, at).data {
        Data::Map(map) => Ok(Rc::clone(map)),
        Data::Nil => Ok(Rc::new(Map::new(MapKind::Any))),
        _ => Err(wrong(args, at, "map[string]interface {}")),
    }
}

/// The map at `at`, to be written to: not a `nil` one.
pub(crate) fn map_mut(args: &[Value], at: usize) -> Result<&Rc<Map>, Error> {
    let value = any(args, at);
    if value.is_nil() {
        return Err("assignment to entry in nil map".into());
    }
    value.as_map().ok_or_else(|| wrong(args, at, "map[string]interface {}"))
}

/// The list at `at`, or Go's refusal: `refusal` with the kind behind it.
pub(crate) fn list<'a>(args: &'a [Value], at: usize, refusal: &str) -> Result<&'a Rc<List>, Error> {
    let value = any(args, at);
    match &value.data {
        Data::List(list) => Ok(list),
        Data::Nil => Err(NIL_POINTER.into()),
        _ => Err(format!("{refusal} {}", crate::kinds::name(value.kind())).into()),
    }
}

/// A `bool`.
pub(crate) fn yes(value: bool) -> Answer {
    Ok(value.into())
}

/// An `int64`.
pub(crate) fn int64(value: i64) -> Answer {
    Ok(Value::integer(value, IntKind::Int64))
}

/// A `float64`.
pub(crate) fn float(value: f64) -> Answer {
    Ok(value.into())
}

/// A string of unknown origin.
pub(crate) fn string(bytes: impl Into<Vec<u8>>) -> Answer {
    Ok(Value::text(bytes.into()))
}

/// No list and no text may become larger than this in one call; Go would end for want of memory.
pub(crate) const MOST_ITEMS: usize = 10_000_000;
/// As [`MOST_ITEMS`], in bytes.
pub(crate) const MOST_BYTES: usize = 256 << 20;
/// How deep values may lie in each other where a function goes down into them.
pub(crate) const DEEPEST: usize = 1000;

/// The error of a value that holds itself, or nearly so.
pub(crate) fn too_deep() -> Error {
    format!("a value is nested more than {DEEPEST} times, or holds itself").into()
}
