//! All templates of a chart and of the charts below it, parsed and executed in Helm's order (`pkg/engine`).

mod capabilities;
mod duration;
mod files;
mod functions;
mod glob;
mod methods;
mod read;
mod scope;
mod sources;
mod toml;
mod write;

pub use capabilities::{HelmVersion, KubeVersion, KubeVersionError};
pub(crate) use sources::Sources;

use crate::depend::Work;
use crate::render::{Inputs, RenderError};
use crate::values::Table;
use functions::All;
use gabion_template::{Class, Data, Error, ExecError, Map, MapKind, Note, Options, Run, Set, Text, Value};
use scope::{Scopes, Source};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What the files of templates gave.
pub(crate) struct Executed {
    /// The text of each file that is no partial, by its full path.
    pub(crate) files: BTreeMap<String, Text>,
    /// What was asked for that would be another one next time.
    pub(crate) notes: Vec<Note>,
}

/// Stack that one run may use. Its thread has twice as much.
pub(crate) const STACK: usize = 128 << 20;

/// Renders everything.
pub(crate) fn execute(
    chart: &Work<'_>,
    values: &Table,
    inputs: &Inputs,
    sources: &mut Sources,
) -> Result<Executed, RenderError> {
    let scopes = Scopes::of(chart, values, inputs, sources);
    let functions = All::new();
    let mut set = Set::new(&functions);
    let order = order(&scopes.templates);
    for (name, it) in &order {
        set.parse(name, it.number, it.text).map_err(|error| RenderError::Parse {
            file: error.name,
            line: error.line,
            why: error.message,
        })?;
    }
    let options = Options {
        trace: inputs.trace,
        strip_no_value: true,
        limits: gabion_template::Limits { stack: STACK, ..inputs.limits },
        ..Options::default()
    };
    let mut run = Run::new(&set, options);
    let mut files = BTreeMap::new();
    for (name, it) in order {
        if is_partial(name) {
            continue;
        }
        let template = Map::new(MapKind::Values);
        template.set(*b"Name", name.as_str().into());
        template.set(*b"BasePath", it.base.as_str().into());
        it.scope.set(*b"Template", Data::Map(Rc::new(template)).into());
        let text = run
            .render(name, &Data::Map(Rc::new(it.scope.as_kind(MapKind::Values))).into())
            .map_err(failed)?;
        files.insert(name.clone(), text);
    }
    let notes = run.notes().to_vec();
    Ok(Executed { files, notes })
}

/// The deepest files first, and of those the last by name: what a parent defines later counts (`sortTemplates`).
fn order<'t, 'c>(templates: &'t BTreeMap<String, Source<'c>>) -> Vec<(&'t String, &'t Source<'c>)> {
    let mut order: Vec<_> = templates.iter().collect();
    order.sort_by_key(|(name, _)| std::cmp::Reverse((name.matches('/').count(), *name)));
    order
}

/// Whether a file only defines templates for others.
pub(crate) fn is_partial(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|it| it.starts_with('_'))
}

fn failed(error: ExecError) -> RenderError {
    let place = error.frames.first().map(|it| (it.file.clone(), it.line)).unwrap_or_default();
    let (file, line) = place;
    if let Some(said) = functions::said(&error.reason) {
        return RenderError::Refused { file, line, said };
    }
    match error.class {
        Class::Budget => RenderError::Budget { file, line, why: error.reason },
        Class::Parse | Class::Exec => {
            RenderError::Template { file, line, why: error.reason, trace: error.message }
        }
    }
}

/// The one text that a method was given.
fn one_text(method: &str, args: &[Value]) -> Result<String, Error> {
    match args {
        [it] => match it.as_text() {
            Some(text) => Ok(text.to_str().into_owned()),
            None => {
                let got = it.type_name().unwrap_or("nil");
                Err(format!("wrong type for value; expected string; got {got}").into())
            }
        },
        _ => Err(arguments(method, 1, args.len())),
    }
}

fn arguments(method: &str, want: usize, got: usize) -> Error {
    format!("wrong number of args for {method}: want {want} got {got}").into()
}
