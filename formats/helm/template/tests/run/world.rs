//! Functions and files for the tests beside this one.

use gabion_template::{
    Body, Call, Data, Error, ExecError, Flow, Function, Functions, Options, Origin, Param, Run, Set, Taint,
    Text, Value, Work,
};
use std::collections::BTreeMap;

pub(crate) struct Table;

impl Functions for Table {
    fn get(&self, name: &str) -> Option<&Function> {
        ALL.iter().find(|function| function.name == name)
    }
}

const fn function(
    name: &'static str,
    params: &'static [Param],
    rest: Option<Param>,
    flow: Flow,
    run: Body,
) -> Function {
    Function { name, params, rest, flow, work: Work::Small, run }
}

const ALL: &[Function] = &[
    function(
        "upper",
        &[Param::String],
        None,
        Flow::Derive,
        Body::Pure(|args| Ok(Value::text(args[0].as_text().unwrap().bytes().to_ascii_uppercase()))),
    ),
    function(
        "splitList",
        &[Param::String, Param::String],
        None,
        Flow::Derive,
        Body::Pure(|args| {
            let (glue, text) = (args[0].as_text().unwrap().to_str(), args[1].as_text().unwrap().to_str());
            Ok(Value::strings(text.split(&*glue).map(Text::from)))
        }),
    ),
    function(
        "yaml",
        &[Param::Any],
        None,
        Flow::Derive,
        Body::Pure(|args| Ok(Value::text(gabion_template::fmt::displayed(&args[0])?))),
    ),
    function("list", &[], Some(Param::Any), Flow::Pass, Body::Pure(|args| Ok(Value::list(args.to_vec())))),
    function(
        "dict",
        &[],
        Some(Param::Any),
        Flow::Pass,
        Body::Pure(|args| {
            let entries = args.chunks(2).map(|pair| (pair[0].as_text().unwrap().shared(), pair[1].clone()));
            Ok(Value::map(entries.collect()))
        }),
    ),
    function(
        "set",
        &[Param::Map, Param::String, Param::Any],
        None,
        Flow::Pass,
        Body::Pure(|args| {
            args[0].as_map().unwrap().set(args[1].as_text().unwrap().shared(), args[2].clone());
            Ok(args[0].clone())
        }),
    ),
    function(
        "repeat",
        &[Param::Int, Param::String],
        None,
        Flow::Derive,
        Body::Pure(|args| match &args[0].data {
            Data::Int(int) => {
                Ok(Value::text(args[1].as_text().unwrap().bytes().repeat(usize::try_from(int.bits).unwrap())))
            }
            _ => Err("no number".into()),
        }),
    ),
    function(
        "fail",
        &[Param::String],
        None,
        Flow::Derive,
        Body::Pure(|args| Err(args[0].as_text().unwrap().to_str().into_owned().into())),
    ),
    function(
        "random",
        &[],
        None,
        Flow::Derive,
        Body::Run(|run, _| {
            run.note("random", Taint::RANDOM);
            Ok(Value::from("4").tainted(Taint::RANDOM))
        }),
    ),
    function(
        "now",
        &[],
        None,
        Flow::Derive,
        Body::Run(|run, _| {
            run.note("now", Taint::CLOCK);
            Ok(Value::int(9).tainted(Taint::CLOCK))
        }),
    ),
    function(
        "include",
        &[Param::String, Param::Any],
        None,
        Flow::Pass,
        Body::Run(|run, args| run.execute(&args[0].as_text().unwrap().to_str(), &args[1])),
    ),
    function("tpl", &[Param::Any, Param::Any], None, Flow::Pass, Body::Run(tpl)),
];

fn tpl(run: &mut dyn Call, args: &[Value]) -> Result<Value, Error> {
    run.evaluate(&args[0], &args[1])
}

/// Templates `1`, `2`, … by number, of which the first is executed.
pub(crate) fn set(files: &[&str]) -> Set<'static> {
    let mut set = Set::new(&Table);
    for (at, text) in files.iter().enumerate() {
        let number = at as u32 + 1;
        set.parse(&number.to_string(), number, text.as_bytes()).unwrap();
    }
    set
}

pub(crate) fn render(files: &[&str], data: &Value) -> Text {
    render_with(files, data, Options::default()).unwrap()
}

pub(crate) fn render_with(files: &[&str], data: &Value, options: Options) -> Result<Text, ExecError> {
    Run::new(&set(files), options).render("1", data)
}

/// Data of texts that stand in file 7, each on a line of its own, from 1.
pub(crate) fn values(texts: &[(&str, &str)]) -> Value {
    let entry = |(at, (key, text)): (usize, &(&str, &str))| {
        let origin = Origin { file: 7, file_line: at as u32 + 1, ..Origin::default() };
        (key.as_bytes().into(), Value::from(Text::from_origin(text.as_bytes(), origin, Taint::NONE)))
    };
    Value::map(texts.iter().enumerate().map(entry).collect::<BTreeMap<_, _>>())
}

/// The parts of a text: `TEXT @template:line <file:line !reasons`.
pub(crate) fn parts(text: &Text) -> Vec<String> {
    let mut start = 0;
    let part = |span: &gabion_template::Span| {
        let bytes = &text.bytes()[start..span.end as usize];
        start = span.end as usize;
        let Origin { template, line, file, file_line } = span.origin;
        let from = if file == 0 { String::new() } else { format!(" <{file}:{file_line}") };
        let why: Vec<_> = span.taint.reasons().collect();
        let why = if why.is_empty() { String::new() } else { format!(" !{}", why.join(",")) };
        format!("{} @{template}:{line}{from}{why}", String::from_utf8_lossy(bytes).replace('\n', "¶"))
    };
    text.spans().iter().map(part).collect()
}
