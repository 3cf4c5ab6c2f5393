//! The functions that Helm adds to those of sprig, or puts in their place (`pkg/engine/funcs.go`, `engine.go`).

use super::{duration, read, toml, write};
use gabion_sprig::json;
use gabion_template::{Body, Call, Data, Error, Flow, Function, Functions, Param, Taint, Value, Work};
use gabion_yaml::Style;
use std::collections::BTreeMap;

use Param::{Any, String as Str};

/// Every function that a template of a chart may name.
pub(super) struct All(BTreeMap<&'static str, Function>);

impl All {
    pub(super) fn new() -> Self {
        let all = gabion_sprig::table().iter().chain(HELM).chain(duration::FUNCTIONS);
        Self(all.map(|it| (it.name, *it)).collect())
    }
}

impl Functions for All {
    fn get(&self, name: &str) -> Option<&Function> {
        self.0.get(name)
    }

    fn method(&self, name: &str) -> Option<&Function> {
        super::methods::VALUES.iter().find(|it| it.name == name)
    }
}

pub(super) type Pure = fn(&[Value]) -> Result<Value, Error>;
type Running = fn(&mut dyn Call, &[Value]) -> Result<Value, Error>;

pub(super) const fn pure(name: &'static str, params: &'static [Param], run: Pure) -> Function {
    Function { name, params, rest: None, flow: Flow::Pass, work: Work::Small, run: Body::Pure(run) }
}

/// A function that goes down into all that it is given.
const fn deep(name: &'static str, params: &'static [Param], run: Pure) -> Function {
    pure(name, params, run).that_takes(Work::Deep)
}

const fn running(name: &'static str, params: &'static [Param], run: Running) -> Function {
    Function { name, params, rest: None, flow: Flow::Pass, work: Work::Small, run: Body::Run(run) }
}

const HELM: &[Function] = &[
    running("include", &[Str, Any], |run, args| run.execute(&words(args), &args[1])),
    running("tpl", &[Str, Any], |run, args| run.evaluate(&args[0], &args[1])),
    running("lookup", &[Str, Str, Str, Str], |run, args| Ok(lookup(run, args))),
    pure("required", &[Str, Any], |args| match &args[1].data {
        Data::Nil => Err(refusal(&words(args))),
        Data::Text(text) if text.bytes().is_empty() => Err(refusal(&words(args))),
        _ => Ok(args[1].clone()),
    }),
    pure("fail", &[Str], |args| Err(refusal(&words(args)))),
    pure("getHostByName", &[Str], |_| Ok("".into())),
    deep("toYaml", &[Any], |args| Ok(write::to_yaml(&args[0]))),
    deep("mustToYaml", &[Any], |args| write::yaml(&args[0], Style::Helm)),
    deep("toYamlPretty", &[Any], |args| {
        Ok(write::yaml(&args[0], Style::Pretty).unwrap_or_else(|_| "".into()))
    }),
    pure("fromYaml", &[Str], |args| Ok(read::yaml_map(&args[0]))),
    pure("fromYamlArray", &[Str], |args| Ok(read::yaml_list(&args[0]))),
    deep("toJson", &[Any], |args| Ok(json_text(args).unwrap_or_else(|_| "".into()))),
    deep("mustToJson", &[Any], json_text),
    pure("fromJson", &[Str], |args| Ok(read::json_map(&args[0]))),
    pure("fromJsonArray", &[Str], |args| Ok(read::json_list(&args[0]))),
    deep("toToml", &[Any], |args| Ok(toml::write(&args[0]).unwrap_or_else(|error| error.0.into()))),
    deep("mustToToml", &[Any], |args| toml::write(&args[0])),
    pure("fromToml", &[Str], |args| Ok(toml::read(&args[0]))),
];

fn words(args: &[Value]) -> String {
    args[0].as_text().map(|it| it.to_str().into_owned()).unwrap_or_default()
}

fn json_text(args: &[Value]) -> Result<Value, Error> {
    let text = json::encode(&args[0], json::Style::Plain)?;
    let taint = of_containers(&args[0]);
    Ok(if taint.is_none() { text.into() } else { write::with(&text, taint) })
}

/// Why the lists and maps of a value, not their leaves, would be others: of which there is nothing in a text.
fn of_containers(value: &Value) -> Taint {
    match &value.data {
        Data::List(list) => list.items.iter().fold(value.taint, |sum, it| sum.and(of_containers(it))),
        Data::Map(map) => map.snapshot().iter().fold(value.taint, |sum, (_, it)| sum.and(of_containers(it))),
        _ => Taint::NONE,
    }
}

/// There is no cluster: nothing is found, and next time something might be.
fn lookup(run: &mut dyn Call, args: &[Value]) -> Value {
    let words = args.iter().filter_map(Value::as_text).map(|it| it.to_str().into_owned());
    let words: Vec<String> = words.filter(|it| !it.is_empty()).collect();
    run.note(&format!("lookup {}", words.join(" ")), Taint::LOOKUP);
    Value::map(BTreeMap::new()).tainted(Taint::LOOKUP)
}

/// Marks around what a chart says when it refuses, as Helm puts them there: errors travel as texts.
const START: &str = "HELM_ERR_START";
const END: &str = "HELM_ERR_END";

fn refusal(said: &str) -> Error {
    format!("{START}{said}{END}").into()
}

/// What a chart said, if it is what ended a run.
pub(super) fn said(reason: &str) -> Option<String> {
    let (_, rest) = reason.split_once(START)?;
    Some(rest.rsplit_once(END)?.0.to_owned())
}
