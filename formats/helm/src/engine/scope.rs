//! What the templates of each chart see (`recAllTpls` of `pkg/engine`): one map for a chart, shared by all its templates.

use super::capabilities::Capabilities;
use super::files::Files;
use super::sources::Sources;
use crate::depend::Work;
use crate::render::Inputs;
use crate::tree::{Maintainer, Requirement};
use crate::values::{self, Shared, Table};
use gabion_template::{Bytes, Data, Kind, Map, MapKind, Object, Text, Value};
use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A file of templates, and what it sees.
#[derive(Debug)]
pub(super) struct Source<'c> {
    pub(super) text: &'c [u8],
    /// Its number among the sources.
    pub(super) number: u32,
    pub(super) scope: Rc<Map>,
    /// `.Template.BasePath`
    pub(super) base: String,
}

/// All files of templates of a chart and of those below it, by their full path.
pub(super) struct Scopes<'c, 's> {
    pub(super) templates: BTreeMap<String, Source<'c>>,
    sources: &'s mut Sources,
    shared: Shared,
    release: Value,
    capabilities: Value,
}

impl<'c, 's> Scopes<'c, 's> {
    pub(super) fn of(chart: &Work<'c>, values: &Table, inputs: &Inputs, sources: &'s mut Sources) -> Self {
        let capabilities = Capabilities::new(&inputs.kube, &inputs.apis, &inputs.helm);
        let mut out = Self {
            templates: BTreeMap::new(),
            sources,
            shared: Shared::default(),
            release: release(inputs),
            capabilities: Data::Object(Rc::new(capabilities)).into(),
        };
        out.chart(chart, &chart.name(), values, true);
        out
    }

    fn chart(&mut self, chart: &Work<'c>, path: &str, values: &Table, root: bool) -> Rc<Map> {
        let subcharts = Rc::new(Map::new(MapKind::Any));
        let files = Files::new(&chart.source.files, |file| self.sources.number(format!("{path}/{file}")));
        let entries = [
            ("Chart", described(chart, root)),
            ("Files", Data::Object(Rc::new(files)).into()),
            ("Release", self.release.clone()),
            ("Capabilities", self.capabilities.clone()),
            ("Values", Data::Map(self.shared.of_chart(values)).into()),
            ("Subcharts", Data::Map(Rc::clone(&subcharts)).into()),
        ];
        let scope = Rc::new(map(entries));
        for child in &chart.children {
            let name = child.name();
            let own = values::table(values, &name).unwrap_or_default();
            let below = self.chart(child, &format!("{path}/charts/{name}"), &own, false);
            subcharts.set(name.as_bytes(), Data::Map(below).into());
        }
        for (file, text) in &chart.source.templates {
            let partial = file.rsplit('/').next().is_some_and(|it| it.starts_with('_'));
            if chart.source.metadata.is_library() && !partial {
                continue;
            }
            let name = format!("{path}/{file}");
            let number = self.sources.number(name.clone());
            let base = format!("{path}/templates");
            self.templates.insert(name, Source { text, number, scope: Rc::clone(&scope), base });
        }
        scope
    }
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Map {
    let entries = entries.into_iter().map(|(key, value)| (Bytes::from(key.as_bytes()), value));
    Map::from_entries(MapKind::Any, entries.collect())
}

fn value<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Data::Map(Rc::new(map(entries))).into()
}

fn release(inputs: &Inputs) -> Value {
    value([
        ("Name", inputs.release.as_str().into()),
        ("Namespace", inputs.namespace.as_str().into()),
        ("IsUpgrade", inputs.upgrade.into()),
        ("IsInstall", (!inputs.upgrade).into()),
        ("Revision", Value::int(inputs.revision)),
        ("Service", "Helm".into()),
    ])
}

/// `.Chart`: the fields of Go's struct as keys (`structToMap`).
fn described(chart: &Work<'_>, root: bool) -> Value {
    let (meta, said) = (chart.meta.borrow(), &chart.source.metadata);
    let dependencies = meta.dependencies.iter().flatten().map(requirement).collect();
    value([
        ("Name", meta.name.as_str().into()),
        ("Home", said.home.as_str().into()),
        ("Sources", texts(&said.sources)),
        ("Version", said.version.as_str().into()),
        ("Description", said.description.as_str().into()),
        ("Keywords", texts(&said.keywords)),
        ("Maintainers", Value::list(said.maintainers.iter().map(maintainer).collect())),
        ("Icon", said.icon.as_str().into()),
        ("APIVersion", said.api_version.as_str().into()),
        ("Condition", said.condition.as_str().into()),
        ("Tags", said.tags.as_str().into()),
        ("AppVersion", said.app_version.as_str().into()),
        ("Deprecated", said.deprecated.into()),
        ("Annotations", annotations(&said.annotations)),
        ("KubeVersion", said.kube_version.as_str().into()),
        ("Dependencies", Value::list(dependencies)),
        ("Type", said.kind.as_str().into()),
        ("IsRoot", root.into()),
    ])
}

/// Where there are none, Go has a map that is `nil`: it shows in JSON and YAML.
fn annotations(all: &BTreeMap<String, String>) -> Value {
    if all.is_empty() {
        return Data::Object(Rc::new(NoMap)).into();
    }
    pairs(all.iter().map(|(key, it)| (key.as_str(), it.as_str())))
}

/// A `map[string]string` that is `nil`.
#[derive(Debug)]
struct NoMap;

impl Object for NoMap {
    fn type_name(&self) -> &str {
        MapKind::String.type_name()
    }

    fn kind(&self) -> Kind {
        Kind::Map
    }

    fn entries(&self) -> Option<Vec<(Text, Value)>> {
        Some(Vec::new())
    }

    fn print(&self) -> String {
        "map[]".to_owned()
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::NIL)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn maintainer(it: &Maintainer) -> Value {
    value([
        ("Name", it.name.as_str().into()),
        ("Email", it.email.as_str().into()),
        ("URL", it.url.as_str().into()),
    ])
}

fn requirement(it: &Requirement) -> Value {
    let import =
        |it: &crate::tree::Import| pairs([("child", it.child.as_str()), ("parent", it.parent.as_str())]);
    value([
        ("Name", it.name.as_str().into()),
        ("Version", it.version.as_str().into()),
        ("Repository", it.repository.as_str().into()),
        ("Condition", it.condition.as_str().into()),
        ("Tags", texts(&it.tags)),
        ("Enabled", it.enabled.into()),
        ("ImportValues", Value::list(it.import_values.iter().map(import).collect())),
        ("Alias", it.alias.as_str().into()),
    ])
}

fn texts(texts: &[String]) -> Value {
    Value::list(texts.iter().map(|it| it.as_str().into()).collect())
}

/// A `map[string]string`.
fn pairs<'t>(pairs: impl IntoIterator<Item = (&'t str, &'t str)>) -> Value {
    let pairs = pairs.into_iter().map(|(key, it)| (Bytes::from(key.as_bytes()), it.into()));
    Data::Map(Rc::new(Map::from_entries(MapKind::String, pairs.collect()))).into()
}
