//! Calls and answers in the peer's spelling: JSON in which every value has its Go type.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gabion_template::{
    Body, Data, Elem, Flow, Function, Functions, IntKind, List, Map, MapKind, Options, Param, Run, Set,
    Value, Work,
};
use serde_json::{Value as Json, json};

thread_local! {
    static CAUGHT: RefCell<Option<Value>> = RefCell::default();
}

/// Catches what it is given, as the peer's function of this name does.
static OUT: Function = Function {
    name: "out",
    params: &[Param::Any],
    rest: None,
    flow: Flow::Derive,
    work: Work::Small,
    run: Body::Pure(|args| {
        CAUGHT.set(args.first().cloned());
        Ok("".into())
    }),
};

struct Table;

impl Functions for Table {
    fn get(&self, name: &str) -> Option<&Function> {
        if name == "out" { Some(&OUT) } else { gabion_sprig::get(name) }
    }
}

/// Our answer to a call, from a template that our executor runs.
pub(crate) fn ask(call: &Json) -> Json {
    let call = call.as_array().unwrap();
    match run(call[0].as_str().unwrap(), call[1..].iter().map(read).collect()) {
        Ok(value) => json!({ "out": write(&value) }),
        Err(error) => json!({ "error": error }),
    }
}

/// What a function gives for these arguments.
pub(crate) fn run(name: &str, args: Vec<Value>) -> Result<Value, String> {
    let places: Vec<String> = (0..args.len()).map(|at| format!(" (index . {at})")).collect();
    let mut set = Set::new(&Table);
    let source = format!("{{{{ {name}{} | out }}}}", places.concat());
    set.parse("t", 1, source.as_bytes()).map_err(|error| error.to_string())?;
    let answer = Run::new(&set, Options::default()).render("t", &Value::list(args));
    answer.map_err(|error| error.to_string())?;
    Ok(CAUGHT.take().unwrap())
}

/// An argument.
pub(crate) fn read(json: &Json) -> Value {
    match json {
        Json::Null => Value::NIL,
        Json::Bool(it) => (*it).into(),
        Json::Number(it) => match it.as_i64().filter(|_| it.is_i64()) {
            Some(int) => Value::int(int),
            None => it.as_f64().unwrap().into(),
        },
        Json::String(it) => it.as_str().into(),
        Json::Array(items) => Value::list(items.iter().map(read).collect()),
        Json::Object(entries) => typed(entries).unwrap_or_else(|| {
            Value::map(entries.iter().map(|(key, value)| (key.as_bytes().into(), read(value))).collect())
        }),
    }
}

fn typed(entries: &serde_json::Map<String, Json>) -> Option<Value> {
    let (name, given) = entries.iter().find(|(name, _)| name.starts_with('$'))?;
    let text = given.as_str().unwrap_or_default();
    let integer = |kind| Some(Value::integer(text.parse().unwrap(), kind));
    let list = |elem| {
        let items = given.as_array().unwrap().iter().map(read).collect();
        Some(Data::List(Rc::new(List { elem, items })).into())
    };
    match name.as_str() {
        "$bytes" => Some(Value::text(STANDARD.decode(text).unwrap())),
        "$int32" => integer(IntKind::Int32),
        "$int64" => integer(IntKind::Int64),
        "$uint32" => integer(IntKind::Uint32),
        "$uint8" => integer(IntKind::Uint8),
        "$uint64" => Some(Value::integer(text.parse::<u64>().unwrap().cast_signed(), IntKind::Uint64)),
        "$float" => Some(text.parse::<f64>().unwrap().into()),
        "$unix" => {
            let args = vec!["2006-01-02T15:04:05Z".into(), "1970-01-01T00:00:00Z".into()];
            let start = run("toDate", args).unwrap();
            let (seconds, step) = (text.parse::<i64>().unwrap(), 9_000_000_000);
            let later =
                |moment, seconds| run("dateModify", vec![format!("{seconds}s").into(), moment]).unwrap();
            let whole = (0..(seconds / step).abs()).fold(start, |now, _| later(now, step * seconds.signum()));
            Some(later(whole, seconds % step))
        }
        "$semver" => Some(run("semver", vec![text.into()]).unwrap()),
        "$strings" => list(Elem::String),
        "$ints" => list(Elem::Int),
        "$texts" => {
            let entries = given.as_object().unwrap().iter();
            let entries: BTreeMap<_, _> =
                entries.map(|(key, value)| (key.as_bytes().into(), read(value))).collect();
            Some(Data::Map(Rc::new(Map::from_entries(MapKind::String, entries))).into())
        }
        "$map" => {
            let pairs = given.as_array().unwrap().iter();
            let entries = pairs.map(|pair| (read(&pair[0]).as_text().unwrap().shared(), read(&pair[1])));
            Some(Value::map(entries.collect()))
        }
        _ => None,
    }
}

fn text(bytes: &[u8]) -> Json {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "bytes": STANDARD.encode(bytes) }),
    }
}

/// An answer.
fn write(value: &Value) -> Json {
    let kind = value.type_name().unwrap_or("nil").to_owned();
    match &value.data {
        Data::Nil => Json::Null,
        Data::Bool(it) => (*it).into(),
        Data::Int(int) => json!({ kind: int.value().to_string() }),
        Data::Float(float) => {
            let mut out = Vec::new();
            gabion_template::fmt::float(&mut out, *float, b'g', None);
            // `%v` has an exponent from 21 digits on, `strconv` itself at the same place.
            json!({ kind: String::from_utf8(out).unwrap() })
        }
        Data::Text(it) => text(it.bytes()),
        Data::List(list) => json!({ kind: list.items.iter().map(write).collect::<Vec<_>>() }),
        Data::Map(map) => {
            let entries = map.snapshot();
            json!({ kind: entries.iter().map(|(key, value)| json!([text(key), write(value)])).collect::<Vec<_>>() })
        }
        Data::Object(object) if object.type_name() == "time.Time" => {
            let layout = "2006-01-02T15:04:05.999999999-07:00 MST".into();
            match object.call("Format", &[layout]).unwrap().unwrap().data {
                Data::Text(it) => json!({ "time": text(it.bytes()) }),
                _ => unreachable!(),
            }
        }
        Data::Object(object) => json!({ kind: object.print() }),
    }
}

/// An answer without what is known to differ: a text of an error, the order of a Go map's keys, and the type of lists of
/// lists, which our values do not have.
pub(crate) fn comparable(call: &Json, answer: &Json) -> Json {
    if answer.get("error").is_some() {
        return "error".into();
    }
    let name = call[0].as_str().unwrap();
    let mut out = answer.to_string().replace("[][]interface {}", "[]interface {}");
    if name == "keys" || name == "values" {
        let mut items =
            answer["out"].as_object().unwrap().values().next().unwrap().as_array().unwrap().clone();
        items.sort_by_key(ToString::to_string);
        out = Json::from(items).to_string();
    }
    out.into()
}
