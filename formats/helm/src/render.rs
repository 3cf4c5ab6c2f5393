//! A chart and what is asked of it in, documents out: what `helm template` does, with no cluster, clock or network.

use crate::depend::{Missing, Work};
use crate::engine::{self, HelmVersion, KubeVersion, Sources};
use crate::output::{self, Rendered, Written};
use crate::schema::{self, Violation};
use crate::tree::ChartTree;
use crate::values::{self, Item, Table, ValuesFile};
use crate::{Constraint, Version};
use gabion_template::Limits;
use std::collections::{BTreeMap, BTreeSet};

/// What a chart is rendered for. The same chart and inputs give the same bytes, except where a template asks for something
/// that is another one each time; [`Rendered::taints`](crate::Rendered::taints) tells.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The name of the release.
    pub release: String,
    /// The namespace of the release.
    pub namespace: String,
    /// Whether the release is there already.
    pub upgrade: bool,
    /// How often it was installed or upgraded, this time included.
    pub revision: i64,
    /// The version of the cluster.
    pub kube: KubeVersion,
    /// What the cluster knows: `apps/v1`, and `apps/v1/Deployment` as a live cluster says it.
    pub apis: Vec<String>,
    /// The Helm that charts are told.
    pub helm: HelmVersion,
    /// Values, later ones over earlier ones.
    pub values: Vec<ValuesFile>,
    /// Pass over `values.schema.json`.
    pub skip_schema: bool,
    /// What the templates may use.
    pub limits: Limits,
    /// Know of every byte where it comes from. Without it only what is tainted is known.
    pub trace: bool,
}

impl Inputs {
    /// A first installation without values of its own, on what [`DEFAULT_APIS`](crate::DEFAULT_APIS) says.
    pub fn new(release: &str, namespace: &str, kube: KubeVersion) -> Self {
        Self {
            release: release.to_owned(),
            namespace: namespace.to_owned(),
            upgrade: false,
            revision: 1,
            kube,
            apis: crate::DEFAULT_APIS.iter().map(|it| (*it).to_owned()).collect(),
            helm: HelmVersion::default(),
            values: Vec::new(),
            skip_schema: false,
            limits: Limits::default(),
            trace: true,
        }
    }
}

/// Why a chart gives no documents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The name of the release is none.
    #[error("`{name}` is no name of a release")]
    Release {
        /// The name.
        name: String,
    },
    /// It is a library.
    #[error("`{chart}` is a library, which gives no documents itself")]
    Library {
        /// The chart.
        chart: String,
    },
    /// Charts that it names are not in its `charts/`.
    #[error("`{chart}` names `{}`, and does not have it in `charts/`", missing.join("`, `"))]
    Missing {
        /// The chart.
        chart: String,
        /// What is not there.
        missing: Vec<String>,
    },
    /// The values of a subchart are no table.
    #[error("the values of the subchart `{name}` are no table")]
    NoTable {
        /// The subchart.
        name: String,
    },
    /// A schema cannot be used.
    #[error("the schema of `{chart}` cannot be used: {why}")]
    Schema {
        /// The chart.
        chart: String,
        /// Why not.
        why: String,
    },
    /// The values are not what the chart's schema demands.
    #[error("the values are not what the schema demands: {}", words(violations))]
    Values {
        /// All that is wrong.
        violations: Vec<Violation>,
    },
    /// It is for other versions of Kubernetes.
    #[error("`{chart}` is for Kubernetes `{wanted}`, and this is `{version}`")]
    Kube {
        /// The chart.
        chart: String,
        /// What it is for.
        wanted: String,
        /// What there is.
        version: String,
    },
    /// A template cannot be parsed.
    #[error("`{file}` line {line}: {why}")]
    Parse {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// What is wrong.
        why: String,
    },
    /// An action could not be done.
    #[error("`{file}` line {line}: {why}")]
    Template {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// What is wrong.
        why: String,
        /// The whole story, in the words of Go.
        trace: String,
    },
    /// The chart itself refused, with `fail` or `required`.
    #[error("`{file}` line {line}: {said}")]
    Refused {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// What the chart says.
        said: String,
    },
    /// The templates used more than they may.
    #[error("`{file}` line {line}: {why}")]
    Budget {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u32,
        /// What there was too much of.
        why: String,
    },
    /// A document that came out is no YAML, or no object.
    #[error("a document of `{file}` cannot be read: {why}")]
    Document {
        /// The template that it comes from.
        file: String,
        /// Why not.
        why: String,
    },
    /// The machine gave no thread to render on.
    #[error("no thread could be started")]
    Thread,
}

fn words(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl RenderError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Release { .. } => "E0823",
            Self::Library { .. } => "E0824",
            Self::Missing { .. } => "E0825",
            Self::NoTable { .. } => "E0826",
            Self::Schema { .. } => "E0827",
            Self::Values { .. } => "E0828",
            Self::Kube { .. } => "E0829",
            Self::Parse { .. } => "E0830",
            Self::Template { .. } => "E0831",
            Self::Refused { .. } => "E0832",
            Self::Budget { .. } => "E0833",
            Self::Document { .. } => "E0834",
            Self::Thread => "E0835",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Release { .. } => {
                "small letters, digits, `-` and `.`, at most 53 of them; the first and the last are no mark"
                    .to_owned()
            }
            Self::Library { .. } => "render a chart that uses it".to_owned(),
            Self::Missing { .. } => "`helm dependency build` puts it there".to_owned(),
            Self::NoTable { name } => format!("what stands under `{name}` are the values of that chart"),
            Self::Schema { .. } => {
                "tell the maintainers of the chart, or render without its schema".to_owned()
            }
            Self::Values { .. } => "change the values".to_owned(),
            Self::Kube { .. } => "take another version of the chart, or of the cluster".to_owned(),
            Self::Parse { .. } | Self::Document { .. } => {
                "if it stays so with other values, tell the maintainers of the chart".to_owned()
            }
            Self::Template { trace, .. } => trace.clone(),
            Self::Refused { .. } => "the chart itself says so; change the values".to_owned(),
            Self::Budget { .. } => "does a template call itself?".to_owned(),
            Self::Thread => "a thread needs memory; is there any left?".to_owned(),
        })
    }

    /// The step of Helm at which it would have failed: `load`, `release`, `values`, `schema`, `kube-version`, `parse`,
    /// `exec`, `fail` or `manifest`.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Release { .. } => "release",
            Self::Library { .. } | Self::Missing { .. } => "load",
            Self::NoTable { .. } => "values",
            Self::Schema { .. } | Self::Values { .. } => "schema",
            Self::Kube { .. } => "kube-version",
            Self::Parse { .. } => "parse",
            Self::Template { .. } | Self::Budget { .. } | Self::Thread => "exec",
            Self::Refused { .. } => "fail",
            Self::Document { .. } => "manifest",
        }
    }
}

/// Renders a chart, on a thread of its own with a stack that no template outgrows.
pub fn render(chart: &ChartTree, inputs: &Inputs) -> Result<Rendered, RenderError> {
    on_a_thread(|| {
        let (mut sources, mut warnings) = (Sources::default(), Vec::new());
        let (work, values) = prepared(chart, inputs, &mut sources, &mut warnings)?;
        let executed = engine::execute(&work, &values, inputs, &mut sources)?;
        output::rendered(&work, &values, executed, sources, warnings)
    })
}

/// What each file of templates gives, by its full path, whether it is a document or not. Origins are numbers of no table.
pub fn render_files(chart: &ChartTree, inputs: &Inputs) -> Result<BTreeMap<String, Written>, RenderError> {
    on_a_thread(|| {
        let mut sources = Sources::default();
        let (work, values) = prepared(chart, inputs, &mut sources, &mut Vec::new())?;
        let executed = engine::execute(&work, &values, inputs, &mut sources)?;
        Ok(executed.files.iter().map(|(path, text)| (path.clone(), Written::of(text))).collect())
    })
}

/// A chart that takes part in a render, with what its author says beside the templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartInUse {
    /// `web`, `web/charts/db`.
    pub path: String,
    /// The annotations of its `Chart.yaml`.
    pub annotations: BTreeMap<String, String>,
    on: BTreeSet<String>,
}

impl ChartInUse {
    /// Whether a condition holds: one of its paths (`metrics.enabled`, several with commas) leads to `true` in the values of
    /// this chart. A value that is not there is as little true as it is for a template.
    pub fn holds(&self, condition: &str) -> bool {
        condition.split(',').any(|path| self.on.contains(path.trim()))
    }
}

/// The charts of which a render makes its documents: not those that are switched off.
pub fn charts_in_use(chart: &ChartTree, inputs: &Inputs) -> Result<Vec<ChartInUse>, RenderError> {
    on_a_thread(|| {
        let (work, values) = prepared(chart, inputs, &mut Sources::default(), &mut Vec::new())?;
        let mut out = Vec::new();
        in_use(&work, &values, work.name(), &mut out);
        Ok(out)
    })
}

fn in_use(work: &Work<'_>, values: &Table, path: String, out: &mut Vec<ChartInUse>) {
    let mut on = BTreeSet::new();
    truths(values, "", &mut on);
    let below = |name: &str| values.get(name).and_then(|it| it.as_table().cloned()).unwrap_or_default();
    let children =
        work.children.iter().map(|it| (it, below(&it.name()), format!("{path}/charts/{}", it.name())));
    let children: Vec<_> = children.collect();
    out.push(ChartInUse { path, annotations: work.source.metadata.annotations.clone(), on });
    for (child, values, path) in children {
        in_use(child, &values, path, out);
    }
}

/// The paths of everything that is `true`.
fn truths(values: &Table, above: &str, out: &mut BTreeSet<String>) {
    for (key, entry) in values.entries() {
        match entry.item {
            Item::Bool(true) => _ = out.insert(format!("{above}{key}")),
            Item::Table(table) => truths(&table, &format!("{above}{key}."), out),
            _ => {}
        }
    }
}

fn on_a_thread<T: Send>(run: impl FnOnce() -> Result<T, RenderError> + Send) -> Result<T, RenderError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(2 * engine::STACK);
        let thread = thread.spawn_scoped(scope, run).map_err(|_| RenderError::Thread)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The chart as it will be rendered, and its values.
fn prepared<'c>(
    chart: &'c ChartTree,
    inputs: &Inputs,
    sources: &mut Sources,
    warnings: &mut Vec<String>,
) -> Result<(Work<'c>, Table), RenderError> {
    let name = chart.metadata.name.clone();
    if chart.metadata.is_library() {
        return Err(RenderError::Library { chart: name });
    }
    if chart.metadata.deprecated {
        warnings.push(format!("`{name}` is deprecated"));
    }
    let user = user_values(&inputs.values, sources);
    let mut work = Work::new(chart, &name, &mut |file| sources.number(file));
    work.complete().map_err(|Missing(missing)| RenderError::Missing { chart: name, missing })?;
    if !is_release(&inputs.release) {
        return Err(RenderError::Release { name: inputs.release.clone() });
    }
    work.unfit(warnings);
    let no_table = |error: values::NoTable| RenderError::NoTable { name: error.name };
    work.process(&user, warnings).map_err(no_table)?;
    let values = values::coalesce(&work, &user, warnings).map_err(no_table)?;
    check(&work, &values, inputs)?;
    Ok((work, values))
}

fn check(work: &Work<'_>, values: &Table, inputs: &Inputs) -> Result<(), RenderError> {
    if !inputs.skip_schema {
        let violations = schema::violations(work, values)
            .map_err(|error| RenderError::Schema { chart: error.chart, why: error.why })?;
        if !violations.is_empty() {
            return Err(RenderError::Values { violations });
        }
    }
    let wanted = &work.source.metadata.kube_version;
    let fits = || {
        let wanted: Constraint = wanted.parse().ok()?;
        Some(wanted.allows(&inputs.kube.normal().parse::<Version>().ok()?))
    };
    if !wanted.is_empty() && fits() != Some(true) {
        let (chart, version) = (work.name(), inputs.kube.as_str().to_owned());
        return Err(RenderError::Kube { chart, wanted: wanted.clone(), version });
    }
    Ok(())
}

/// The user's values in one table, each leaf with the file that it stands in.
fn user_values(files: &[ValuesFile], sources: &mut Sources) -> Table {
    let all = Table::default();
    for file in files {
        let number = sources.number(file.name.clone());
        all.lay_over(&Table::read(Some(&file.values), number));
    }
    all
}

/// (`ValidateReleaseName` of `pkg/chart/v2/util`)
fn is_release(name: &str) -> bool {
    const LONGEST: usize = 53;
    let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let part = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(|it| plain(*it))
            && bytes.last().is_some_and(|it| plain(*it))
            && bytes.iter().all(|it| plain(*it) || *it == b'-')
    };
    name.len() <= LONGEST && name.split('.').all(part)
}
