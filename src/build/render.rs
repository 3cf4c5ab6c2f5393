//! Charts, rendered here: for the Kubernetes of the locked K3s, with the custom resources of what they come after.
//!
//! The text is what reaches the cluster: definitions of custom resources, the documents in Helm's order of installation, and
//! the hooks of an installation and of an upgrade, which keep their annotations. Hooks of other moments (tests, removal)
//! are left out. It is checked to be the same next time: where it is not, nothing is made.

use super::kubernetes::{ASSUMED, api_versions};
use super::step::{Input, StepError, expand};
use crate::lock::LockedGraph;
use crate::recipe::kinds::{Chart, K3s};
use crate::recipe::{Body, Recipe, Value};
use gabion_digest::{Canonical, Feed, feed_list};
use gabion_helm::{
    ChartInUse, ChartTree, Hook, Inputs, KubeVersion, Limits, Rendered, Tainted, ValuesFile, Written,
    charts_in_use, load_chart, render,
};
use gabion_store::{Output, Store};
use std::fmt::Write as _;
use std::ops::Range;

/// The output of a chart that K3s' controller installs: what it will make of it, for people.
pub const RENDERED: &str = "rendered";
/// Helm reads no chart that unpacks to more than 100 MiB.
const CHART_LIMIT: u64 = 100 << 20;
/// The moments whose hooks are applied.
const MOMENTS: [&str; 4] = ["pre-install", "post-install", "pre-upgrade", "post-upgrade"];

/// Everything that the text depends on.
#[derive(Debug)]
pub(super) struct Render {
    release: String,
    namespace: String,
    chart: Output,
    /// Names and texts, the later over the earlier ones.
    values: Vec<(String, Vec<u8>)>,
    kubernetes: String,
    /// What the cluster does not have although K3s usually brings it.
    disabled: Vec<String>,
    /// Documents of what comes before.
    before: Vec<Input>,
    /// The name of the output.
    pub(super) output: &'static str,
}

impl Canonical for Render {
    fn feed(&self, into: &mut Feed) {
        self.release.feed(into);
        self.namespace.feed(into);
        self.chart.blob.feed(into);
        let values = self.values.iter();
        feed_list(values.map(|(name, text)| (name.as_str(), gabion_digest::hash_bytes(text).blob)), into);
        self.kubernetes.feed(into);
        self.disabled.feed(into);
        self.before.iter().map(Input::blob).collect::<Vec<_>>().feed(into);
        self.output.feed(into);
    }
}

impl Render {
    /// The rendering of a chart node; `chart` is its packed chart, `before` the documents of what it comes after.
    pub(super) fn of(
        recipe: &Recipe,
        it: &Chart,
        locked: &LockedGraph<'_>,
        chart: Output,
        before: Vec<Input>,
        output: &'static str,
    ) -> Result<Self, StepError> {
        let mut values = Vec::new();
        for file in it.values.iter().filter_map(|it| recipe.file(Some(&it.value))) {
            let bytes = if it.subst {
                expand(&locked.graph.project.vars, &file.path, &file.bytes)?
            } else {
                file.bytes.clone()
            };
            values.push((file.path.clone(), bytes));
        }
        let kubernetes = locked.kubernetes(it).unwrap_or(ASSUMED);
        Ok(Self {
            release: it.release.clone(),
            namespace: it.namespace.clone(),
            chart,
            values,
            kubernetes: kubernetes.to_owned(),
            disabled: disabled(locked, it),
            before,
            output,
        })
    }

    /// The charts that take part, with their annotations.
    pub(super) fn in_use(&self, store: &Store) -> Result<Vec<ChartInUse>, StepError> {
        let (chart, inputs) = self.opened(store)?;
        charts_in_use(&chart, &inputs).map_err(StepError::Chart)
    }

    /// Renders it; with `trace`, every byte knows where it comes from.
    fn rendered(&self, store: &Store, trace: bool) -> Result<Rendered, StepError> {
        let (chart, mut inputs) = self.opened(store)?;
        inputs.trace = trace;
        render(&chart, &inputs).map_err(StepError::Chart)
    }

    fn opened(&self, store: &Store) -> Result<(ChartTree, Inputs), StepError> {
        let bytes = store.read_output(&self.chart, CHART_LIMIT)?.ok_or(StepError::Gone(self.chart))?;
        let failed = |error: &dyn std::fmt::Display| StepError::Input(error.to_string());
        let chart = load_chart(&bytes[..], &Limits::default()).map_err(|error| failed(&error))?;
        let kube = KubeVersion::parse(&self.kubernetes).map_err(|error| failed(&error))?;
        let mut inputs = Inputs::new(&self.release, &self.namespace, kube);
        let disabled: Vec<&str> = self.disabled.iter().map(String::as_str).collect();
        inputs.apis = api_versions(&self.kubernetes, &disabled);
        for before in &self.before {
            inputs.apis.extend(defined(&before.text(store)?, before.what())?);
        }
        inputs.apis.sort_unstable();
        inputs.apis.dedup();
        for (name, text) in &self.values {
            inputs.values.push(ValuesFile::parse(name, text).map_err(|error| failed(&error))?);
        }
        Ok((chart, inputs))
    }

    /// The text, or what would be another one next time.
    pub(super) fn run(&self, store: &Store) -> Result<String, StepError> {
        let rendered = self.rendered(store, false)?;
        let taints = applied(&rendered);
        if !taints.is_empty() {
            // Once more, with the place of every byte: somebody has to find it.
            let again = self.rendered(store, true)?;
            return Err(StepError::Unstable(applied(&again)));
        }
        Ok(Parts::of(&rendered).text)
    }

    /// Where each place of the text comes from: lines of templates and of values.
    pub(super) fn origins(
        &self,
        store: &Store,
        places: &[Range<u32>],
    ) -> Result<Vec<Vec<String>>, StepError> {
        let rendered = self.rendered(store, true)?;
        let parts = Parts::of(&rendered);
        Ok(places.iter().map(|place| parts.origins(&rendered, place)).collect())
    }
}

/// What K3s is told not to install (`disable` of its configuration).
fn disabled(locked: &LockedGraph<'_>, chart: &Chart) -> Vec<String> {
    let k3s = chart.k3s.as_ref().and_then(|it| locked.graph.project.recipes.get(&it.value.address));
    match k3s.map(|it| &it.body) {
        Some(Body::K3s(k3s)) => switched_off(k3s),
        _ => Vec::new(),
    }
}

/// What the configuration of K3s tells it not to install, sorted.
pub fn switched_off(k3s: &K3s) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.split(',').map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let mut all: Vec<String> = match k3s.config.get("disable").map(|(_, node)| &node.value) {
        Some(Value::Array(items)) => items.iter().flat_map(|it| text(&it.value)).collect(),
        Some(value) => text(value),
        None => Vec::new(),
    };
    all.sort_unstable();
    all
}

/// `group/version` and `group/version/Kind` of the custom resources that a text defines.
fn defined(text: &str, what: &str) -> Result<Vec<String>, StepError> {
    let documents =
        gabion_kube::documents(text, what).map_err(|error| StepError::Input(error.to_string()))?;
    let mut names = Vec::new();
    for it in documents.iter().filter(|it| it.id.is("apiextensions.k8s.io", "CustomResourceDefinition")) {
        let (Some(group), Some(kind)) =
            (it.text_of(&["spec", "group"]), it.text_of(&["spec", "names", "kind"]))
        else {
            continue;
        };
        let Some(gabion_yaml::Data::List(versions)) = it.field(&["spec", "versions"]).map(|it| &it.data)
        else {
            continue;
        };
        let served = |it: &&gabion_yaml::Node| {
            it.get("served").is_none_or(|it| it.data != gabion_yaml::Data::Bool(false))
        };
        for version in versions.iter().filter(served).filter_map(|it| it.get("name")?.as_str()) {
            names.push(format!("{group}/{version}"));
            names.push(format!("{group}/{version}/{kind}"));
        }
    }
    Ok(names)
}

/// The text and where its documents stand in it.
struct Parts<'r> {
    text: String,
    /// Where each begins, and what it is.
    documents: Vec<(usize, &'r Written)>,
}

impl<'r> Parts<'r> {
    fn of(rendered: &'r Rendered) -> Self {
        let mut parts = Self { text: String::new(), documents: Vec::new() };
        for it in &rendered.crds {
            parts.begin(&it.path);
            parts.text.push_str(&String::from_utf8_lossy(&it.bytes));
            parts.end();
        }
        let applied = |hook: &&Hook| hook.events.iter().any(|it| MOMENTS.contains(&it.as_str()));
        let hooks = rendered.hooks.iter().filter(applied).map(|it| &it.document);
        for it in rendered.documents.iter().chain(hooks).filter(|it| !it.kind.is_empty()) {
            parts.begin(&it.path);
            parts.documents.push((parts.text.len(), &it.text));
            parts.text.push_str(&it.text.to_str());
            parts.end();
        }
        parts
    }

    fn begin(&mut self, path: &str) {
        let _written = writeln!(self.text, "---\n# Source: {path}");
    }

    fn end(&mut self) {
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// The lines that a place comes from, without repetition.
    fn origins(&self, rendered: &Rendered, place: &Range<u32>) -> Vec<String> {
        let at = self.documents.partition_point(|(start, _)| *start <= place.start as usize);
        let Some((start, document)) = at.checked_sub(1).map(|at| self.documents[at]) else {
            return Vec::new();
        };
        let mut lines: Vec<String> = Vec::new();
        let mut from = place.start as usize - start;
        while from < place.end as usize - start {
            let Some(span) = document.origin(from) else { break };
            let line = |number: u32, line: u32| {
                rendered.source(number).map(|name| format!("{name}:{line}")).filter(|_| line > 0)
            };
            let found =
                [line(span.origin.template, span.origin.line), line(span.origin.file, span.origin.file_line)];
            for text in found.into_iter().flatten() {
                if !lines.contains(&text) {
                    lines.push(text);
                }
            }
            from = span.end as usize;
        }
        lines
    }
}

/// What would be another text next time, without notes: these are for people, and nobody is shown them.
fn applied(rendered: &Rendered) -> Vec<Tainted> {
    rendered.taints().iter().filter(|it| !it.kind.is_empty()).cloned().collect()
}

/// What is said of what would be another text next time.
pub(super) fn unstable(taints: &[Tainted]) -> String {
    taints.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
