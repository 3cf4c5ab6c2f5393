//! Steps: what is made here, as a pure function of parameters and of the inputs' bytes.
//!
//! A step is known by its [`ActionId`]: the operation, its version, its parameters and the digests of what
//! goes in. Where the same step was done before, its result is taken, whatever recipe asks for it now: an
//! input that changed without changing its bytes ends the rebuilding there.
//!
//! # Invariants
//! - Neither paths, nor names of nodes, nor the version of Gabion are part of an `ActionId`; but a script sees the names
//!   of its inputs, so they are part of its own.
//! - The version of an operation is raised when the same inputs give other bytes; a test holds the bytes.

use super::Results;
use super::accounts::Renumber;
use super::artifact::{ARTIFACT, ArtifactStep};
use super::disk::compress::{self, ZST};
use super::disk::{DISK, DiskError, DiskStep};
use super::helm_chart::{HelmChart, helm_chart};
use super::image_build::{ImageStep, LAYER, LayerStep, MANIFEST};
use super::render::{RENDERED, Render};
use super::run::RunStep;
use super::stage::{SYSTEM, Stage};
use crate::lock::LockedGraph;
use crate::recipe::kinds::{Chart, Deploy, Fetch, Manifests};
use crate::recipe::{Body, Node, Recipe, Table, Value, Vars};
use gabion_digest::{ActionId, BlobId, Canonical, Feed, TreeId, id_of};
use gabion_harden::HardenError;
use gabion_helm::{RenderError, Tainted};
use gabion_rootfs::StageError;
use gabion_sandbox::{End, SandboxError};
use gabion_store::{Output, Pending, Record, Store, StoreError};
use std::fmt::Write as _;
use tempfile::TempDir;

/// The output of whatever gives documents.
pub const DOCUMENTS: &str = "documents";
/// Larger than every set of custom resources known.
const DOCUMENT_LIMIT: u64 = 64 << 20;

/// Bytes that go in, and what they are called in messages.
#[derive(Debug)]
pub(super) struct Input {
    what: String,
    from: From,
}

#[derive(Debug)]
enum From {
    Store(Output),
    Memory(BlobId, Vec<u8>),
}

/// One step.
#[derive(Debug)]
pub(super) enum Step {
    /// YAML documents, one set behind the other.
    Documents(Vec<Input>),
    /// `config.yaml` of K3s.
    K3sConfig(Table),
    /// The object that makes K3s' controller install a chart.
    HelmChart(HelmChart),
    /// The documents of a chart.
    Render(Box<Render>),
    /// What packages give when they are configured.
    Stage(Stage),
    /// A system whose accounts get other numbers.
    Renumber(TreeId, Renumber),
    /// A disk image.
    Disk(Box<DiskStep>),
    /// The compressed form of a disk.
    Compress(Output),
    /// A script.
    Run(Box<RunStep>),
    /// A layer of an image.
    Layer(Box<LayerStep>),
    /// An image of layers.
    Image(ImageStep),
    /// What Flux reads.
    Artifact(ArtifactStep),
}

/// What a step gave.
#[derive(Debug)]
pub(super) struct Done {
    /// Its result.
    pub(super) record: Record,
    /// Whether it depended on what is declared alone. Only then it is kept.
    pub(super) walled: bool,
    /// Bytes of it that have no names yet.
    pub(super) pending: Pending,
    /// Where it arose, if there is such a folder: to take it away takes longer than many a step.
    pub(super) place: Option<TempDir>,
}

impl std::convert::From<Record> for Done {
    fn from(record: Record) -> Self {
        Self { record, walled: true, pending: Pending::default(), place: None }
    }
}

/// Why a step cannot be done.
#[derive(Debug)]
pub(super) enum StepError {
    /// Its inputs are not what it needs.
    Input(String),
    /// An input is damaged, or went away.
    Gone(Output),
    /// The store failed.
    Store(StoreError),
    /// This machine gives no sandbox.
    Sandbox(SandboxError),
    /// Packages cannot be unpacked or configured.
    Stage(StageError<StoreError>),
    /// What the recipe lays over a system does not fit it.
    Harden(Vec<HardenError>),
    /// There is no disk.
    Disk(DiskError),
    /// Files beside the store cannot be written or read.
    Files {
        /// What was to be done.
        doing: &'static str,
        /// Why it was not.
        source: std::io::Error,
    },
    /// A chart gives no documents.
    Chart(RenderError),
    /// A chart would give others next time.
    Unstable(Vec<Tainted>),
    /// A script ended otherwise than well.
    Script {
        /// How.
        end: End,
        /// The last lines of what it said.
        log: String,
    },
}

impl std::convert::From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Canonical for Step {
    fn feed(&self, into: &mut Feed) {
        (self.name(), self.version()).feed(into);
        match self {
            Self::Documents(inputs) => inputs.iter().map(Input::blob).collect::<Vec<_>>().feed(into),
            Self::K3sConfig(table) => Value::Table(table.clone()).feed(into),
            Self::HelmChart(chart) => chart.feed(into),
            Self::Render(render) => render.feed(into),
            Self::Stage(stage) => stage.feed(into),
            Self::Renumber(system, it) => {
                system.digest().feed(into);
                it.feed(into);
            }
            Self::Disk(disk) => disk.feed(into),
            Self::Compress(image) => image.blob.digest().feed(into),
            Self::Run(run) => run.feed(into),
            Self::Layer(layer) => layer.feed(into),
            Self::Image(image) => image.feed(into),
            Self::Artifact(artifact) => artifact.feed(into),
        }
    }
}

impl Step {
    /// The step that makes the artifact of a node, where it has one.
    pub(super) fn of_artifact(
        recipe: &Recipe,
        locked: &LockedGraph<'_>,
        inputs: &Results,
    ) -> Result<Option<Self>, StepError> {
        let Body::Manifests(Manifests { artifact: Some(from), .. }) = &recipe.body else { return Ok(None) };
        let address = &from.value.address;
        let body = locked.graph.project.recipes.get(address).map(|it| &it.body);
        let archive = inputs.get(address).and_then(|it| it.outputs.values().next());
        match (body, archive) {
            (Some(Body::Fetch(Fetch::Git { .. })), Some(archive)) => {
                Ok(Some(Self::Artifact(ArtifactStep { archive: *archive })))
            }
            _ => Err(StepError::Input(format!("`{}` is no repository: Flux reads files of one", from.value))),
        }
    }

    /// The step of a node, if anything is made there; `inputs` are the results of what it needs, and `own` what the node
    /// has already.
    pub(super) fn of(
        recipe: &Recipe,
        locked: &LockedGraph<'_>,
        inputs: &Results,
        own: &Record,
    ) -> Result<Option<Self>, StepError> {
        match &recipe.body {
            Body::Fetch(_)
            | Body::Apt(_)
            | Body::Image(_)
            | Body::Bundle(_)
            | Body::Rootfs(_)
            | Body::Disk(_)
            | Body::ImageBuild(_)
            | Body::Chart(_)
            | Body::Secret(_)
            | Body::Run(_) => Ok(None),
            Body::Host(it) => {
                let name = Node { span: recipe.span.clone(), value: Value::String(it.node_name.clone()) };
                let table = Table::from([("node-name".to_owned(), (recipe.span.clone(), name))]);
                Ok(Some(Self::K3sConfig(table)))
            }
            Body::K3s(it) => Ok(Some(Self::K3sConfig(it.config.clone()))),
            Body::Manifests(it) => {
                let mut parts = Vec::new();
                for reference in &it.from {
                    let what = reference.value.to_string();
                    let from = locked.graph.project.recipes.get(&reference.value.address);
                    if from.is_some_and(|it| matches!(it.body, Body::Fetch(Fetch::Git { .. }))) {
                        let why = format!("`{what}` is the archive of a repository, not documents");
                        return Err(StepError::Input(why));
                    }
                    for file in
                        inputs.get(&reference.value.address).into_iter().flat_map(|it| it.outputs.values())
                    {
                        parts.push(Input { what: what.clone(), from: From::Store(*file) });
                    }
                }
                let mut vars = locked.graph.project.vars.clone();
                if let Some(manifest) = own.outputs.get(ARTIFACT) {
                    vars.0.insert(ARTIFACT.to_owned(), manifest.sha256.to_string());
                }
                for file in &recipe.files {
                    let bytes =
                        if it.subst { expand(&vars, &file.path, &file.bytes)? } else { file.bytes.clone() };
                    let blob = gabion_digest::hash_bytes(&bytes).blob;
                    parts.push(Input { what: file.path.clone(), from: From::Memory(blob, bytes) });
                }
                Ok(Some(Self::Documents(parts)))
            }
        }
    }

    /// The steps of a chart, whose packed bytes are `file`: its rendering, and the object for K3s' controller where that
    /// installs it.
    pub(super) fn of_chart(
        recipe: &Recipe,
        it: &Chart,
        locked: &LockedGraph<'_>,
        inputs: &Results,
        file: Output,
    ) -> Result<Vec<Self>, StepError> {
        let before = it.after.iter().filter_map(|it| {
            let outputs = &inputs.get(&it.value.address)?.outputs;
            let output = outputs.get(RENDERED).or_else(|| outputs.get(DOCUMENTS))?;
            Some(Input { what: it.value.to_string(), from: From::Store(*output) })
        });
        let output = if it.deploy == Deploy::Rendered { DOCUMENTS } else { RENDERED };
        let render = Render::of(recipe, it, locked, file, before.collect(), output)?;
        let mut steps = vec![Self::Render(Box::new(render))];
        if it.deploy == Deploy::HelmChart {
            steps.push(Self::HelmChart(helm_chart(recipe, it, locked)?));
        }
        Ok(steps)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Documents(_) => "documents",
            Self::K3sConfig(_) => "k3s-config",
            Self::HelmChart(_) => "helm-chart",
            Self::Render(_) => "render",
            Self::Stage(_) => "stage",
            Self::Renumber(..) => "renumber",
            Self::Disk(_) => "disk",
            Self::Compress(_) => "disk-zst",
            Self::Run(_) => "run",
            Self::Layer(_) => "image-layer",
            Self::Image(_) => "image",
            Self::Artifact(_) => "artifact",
        }
    }

    /// Raised when the same inputs give other bytes.
    fn version(&self) -> u32 {
        match self {
            Self::Documents(_)
            | Self::K3sConfig(_)
            | Self::HelmChart(_)
            | Self::Render(_)
            | Self::Stage(_)
            | Self::Renumber(..)
            | Self::Disk(_)
            | Self::Compress(_)
            | Self::Run(_)
            | Self::Layer(_)
            | Self::Image(_)
            | Self::Artifact(_) => 1,
        }
    }

    /// The name of the output.
    pub(super) fn output(&self) -> &str {
        match self {
            Self::Documents(_) | Self::HelmChart(_) => DOCUMENTS,
            Self::Render(render) => render.output,
            Self::K3sConfig(_) => "config",
            Self::Stage(_) | Self::Renumber(..) => SYSTEM,
            Self::Disk(_) => DISK,
            Self::Compress(_) => ZST,
            Self::Run(run) => run.output(),
            Self::Layer(_) => LAYER,
            Self::Image(_) => MANIFEST,
            Self::Artifact(_) => ARTIFACT,
        }
    }

    /// The name of the work.
    pub(super) fn id(&self) -> ActionId {
        ActionId::new(id_of("gabion action v1", self))
    }

    /// Does it.
    pub(super) fn run(&self, store: &Store) -> Result<Done, StepError> {
        let name = self.output().to_owned();
        let text = match self {
            Self::Documents(inputs) => documents(inputs, store)?,
            Self::K3sConfig(table) => config(table),
            Self::HelmChart(chart) => chart.to_yaml(),
            Self::Render(render) => render.run(store)?,
            Self::Stage(stage) => return stage.run(store),
            Self::Renumber(system, it) => return it.run(store, *system, SYSTEM).map(Done::from),
            Self::Disk(disk) => return disk.run(store).map(Done::from),
            Self::Compress(image) => return compress::run(image, store).map(Done::from),
            Self::Run(run) => return run.run(store),
            Self::Layer(layer) => return layer.run(store).map(Done::from),
            Self::Image(image) => return image.run(store).map(Done::from),
            Self::Artifact(artifact) => return artifact.run(store).map(Done::from),
        };
        let mut batch = store.batch();
        let output = batch.put(text.as_bytes())?.into();
        let record = Record { outputs: [(name, output)].into(), ..Record::default() };
        Ok(Done { record, walled: true, pending: batch.end(), place: None })
    }
}

impl Input {
    /// What it is called in messages.
    pub(super) fn what(&self) -> &str {
        &self.what
    }

    pub(super) fn blob(&self) -> BlobId {
        match &self.from {
            From::Store(output) => output.blob,
            From::Memory(blob, _) => *blob,
        }
    }

    pub(super) fn text(&self, store: &Store) -> Result<String, StepError> {
        let bytes = match self.from {
            From::Memory(_, ref bytes) => bytes.clone(),
            From::Store(output) if output.size > DOCUMENT_LIMIT => {
                return Err(StepError::Input(format!(
                    "`{}` is larger than {DOCUMENT_LIMIT} bytes",
                    self.what
                )));
            }
            From::Store(output) => {
                store.read_output(&output, DOCUMENT_LIMIT)?.ok_or(StepError::Gone(output))?
            }
        };
        if bytes.contains(&0) {
            return Err(not_text(&self.what));
        }
        String::from_utf8(bytes).map_err(|_| not_text(&self.what))
    }
}

pub(super) fn not_text(what: &str) -> StepError {
    StepError::Input(format!("`{what}` is not text"))
}

pub(super) fn expand(vars: &Vars, path: &str, bytes: &[u8]) -> Result<Vec<u8>, StepError> {
    let plain = std::str::from_utf8(bytes).map_err(|_| not_text(path))?;
    let unknown =
        |name| StepError::Input(format!("`{path}` uses `${{{name}}}`, which `[vars]` does not have"));
    vars.expand(plain).map(String::into_bytes).map_err(unknown)
}

fn documents(inputs: &[Input], store: &Store) -> Result<String, StepError> {
    Ok(joined(inputs, store)?.0)
}

/// The documents of all inputs, and where each begins.
pub(super) fn joined(inputs: &[Input], store: &Store) -> Result<(String, Vec<usize>), StepError> {
    let (mut text, mut starts) = (String::new(), Vec::new());
    for input in inputs {
        let more = input.text(store)?;
        if !text.is_empty() && !more.starts_with("---") {
            text.push_str("---\n");
        }
        starts.push(text.len());
        text.push_str(&more);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok((text, starts))
}

/// `config.yaml` of K3s: a key per line, values in YAML's flow style, which JSON is.
fn config(table: &Table) -> String {
    let mut text = String::new();
    for (key, (_, node)) in table {
        let _ = writeln!(text, "{}: {}", serde_json::Value::from(key.as_str()), json(&node.value));
    }
    text
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Bool(flag) => (*flag).into(),
        Value::Array(items) => items.iter().map(|item| json(&item.value)).collect(),
        Value::Table(table) => table
            .iter()
            .map(|(key, (_, node))| (key.clone(), json(&node.value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(what: &str, text: &str) -> Input {
        let blob = gabion_digest::hash_bytes(text.as_bytes()).blob;
        Input { what: what.to_owned(), from: From::Memory(blob, text.into()) }
    }

    /// When this test fails, bytes moved: raise the version of the operation and only then change it.
    #[test]
    fn the_bytes_of_every_operation_are_held() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let made = |step: Step| {
            let id = step.id().to_string();
            let done = step.run(&store).unwrap();
            store.commit(done.pending).unwrap();
            let output = done.record.outputs.into_values().next().unwrap();
            format!(
                "{}\n{id}\n",
                String::from_utf8(store.read_blob(output.blob, 1 << 20).unwrap().unwrap()).unwrap()
            )
        };
        let documents =
            Step::Documents(vec![memory("a", "a: 1"), memory("b", "---\nb: 2\n"), memory("c", "c: 3\n")]);
        insta::assert_snapshot!(made(documents), @r"
        a: 1
        ---
        b: 2
        ---
        c: 3

        b3:9fa3cf6b355c98f6ef02db7bf6c81034b3c566a60fea1f2e93a80879315380df
        ");
        let span = crate::recipe::Span::default();
        let node = |value| (span.clone(), crate::recipe::Node { span: span.clone(), value });
        let table = Table::from([
            ("cluster-init".to_owned(), node(Value::Bool(true))),
            ("tls-san".to_owned(), node(Value::Array(vec![node(Value::String("a \"b\"".to_owned())).1]))),
        ]);
        insta::assert_snapshot!(made(Step::K3sConfig(table)), @r#"
        "cluster-init": true
        "tls-san": ["a \"b\""]

        b3:18aff079cdc741256d16b34f132c3e5b83249fa4b4a8f3bdedeb54c5310a1555
        "#);
    }

    #[test]
    fn names_of_inputs_are_no_part_of_the_work() {
        let one = Step::Documents(vec![memory("a.yaml", "a: 1\n")]);
        assert_eq!(one.id(), Step::Documents(vec![memory("b.yaml", "a: 1\n")]).id());
        assert_ne!(one.id(), Step::Documents(vec![memory("a.yaml", "a: 2\n")]).id());
    }
}
