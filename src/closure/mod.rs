//! What the documents of a bundle need: every image, with the reason for it, and the waves in which they are applied.
//!
//! An image that documents name is needed, not needed for a reason, or undecided; an undecided one is an error. What is
//! needed comes from a recipe, from K3s' own archive, or is found here and pinned when the lock is written.
//!
//! # Invariants
//! - Nothing that looks like an image is dropped silently: what is passed over has a rule or a decision that says why.
//! - A bundle is written only if it holds every image that its documents need.

mod error;

pub use error::{ClosureError, Undecided};

use crate::build::{self, BuildError, Built, DOCUMENTS, RENDERED};
use crate::event::Events;
use crate::graph;
use crate::lock::{self, LockedGraph, Locks};
use crate::net::{Client, Wanted};
use crate::plan::{Known, plan};
use crate::recipe::kinds::Bundle;
use crate::recipe::{Address, Body, Discovered, Kind, Project, Recipe};
use gabion_kube::{Because, Choice, DecideError, Decision, Decisions, Document, Extra, Rules, Scopes};
use gabion_lockfile::Pin;
use gabion_oci::Reference;
use gabion_store::{Lease, Output, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Larger than every set of documents known.
const DOCUMENT_LIMIT: u64 = 64 << 20;
/// K3s lists a few images.
const LIST_LIMIT: u64 = 1 << 20;

/// Why an image is needed.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Why {
    /// The node whose documents name it.
    #[serde(serialize_with = "as_text")]
    pub node: Address,
    /// The document, `Deployment monitoring/grafana`; empty for one that the recipe names besides.
    pub object: String,
    /// Its place there.
    pub path: String,
    /// What decided, in words.
    pub by: String,
    /// Its place in the node's text.
    #[serde(skip)]
    at: Option<Range<u32>>,
}

fn as_text<S: serde::Serializer>(address: &Address, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(address)
}

/// What looks like an image and is not taken.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Ignored {
    /// As it was written.
    pub text: String,
    /// Where.
    pub why: Why,
    /// Why it is not taken.
    pub reason: String,
}

/// What the documents of a bundle need.
#[derive(Debug)]
pub struct Closure {
    /// Every image and who needs it.
    pub images: BTreeMap<Reference, Vec<Why>>,
    /// Those that K3s' own archive has.
    pub from_k3s: BTreeSet<String>,
    /// What looks like one and is not taken.
    pub ignored: Vec<Ignored>,
    /// What is right and will not do without a network.
    pub lints: Vec<String>,
    /// The documents by node, in the order of the bundle: of a chart that K3s' controller installs, what it makes of it.
    pub documents: Vec<(Address, Vec<Document>)>,
    /// What is applied: the same, but the object of such a chart in the place of what comes of it.
    pub applied: Vec<Document>,
}

/// What finding images takes: pins, a store, and the network for charts that are not there yet.
#[derive(Debug)]
pub struct Work<'w> {
    /// The project.
    pub project: &'w Project,
    /// Pins of everything but the images that are found.
    pub locks: &'w Locks,
    /// Where documents are made.
    pub store: &'w Store,
    /// For charts that are not there.
    pub client: &'w Client,
    /// Keeps them.
    pub lease: &'w Lease,
    /// How documents are made.
    pub options: build::Options<'w>,
    /// Who listens.
    pub events: &'w Events,
}

impl Work<'_> {
    /// The images that documents of any bundle need and nothing else gives.
    pub async fn discover(&self) -> Result<Discovered, ClosureError> {
        let mut found = Discovered::new();
        for recipe in self.project.recipes.values().filter(|it| it.address.kind() == Kind::Bundle) {
            let closure = self.of(recipe).await?;
            let named = named(self.project, recipe, self.locks);
            for reference in closure.images.keys() {
                let text = reference.to_string();
                if !named.contains(&text) && !closure.from_k3s.contains(&text) {
                    found.entry(reference.clone()).or_default().insert(recipe.address.clone());
                }
            }
        }
        Ok(found)
    }

    /// What the documents of one bundle need. Makes the documents, and nothing else of the bundle.
    pub async fn of(&self, recipe: &Recipe) -> Result<Closure, ClosureError> {
        let Body::Bundle(bundle) = &recipe.body else {
            return Err(ClosureError::NoBundle(recipe.address.clone()));
        };
        let deploy: Vec<&Address> = bundle.deploy.iter().map(|it| &it.value.address).collect();
        let graph = graph::below(self.project, &recipe.address, &deploy)?;
        let locked = lock::bind(graph, self.locks)?;
        let plan = plan(&locked, &Known::gather(&locked, self.store)?);
        let built =
            build::run(&locked, &plan, self.store, self.client, self.lease, self.options, self.events)
                .await?;
        let list = self.images_of_k3s(bundle).await?;
        Closure::new(&locked, bundle, &built, self.store, list.as_ref())
    }

    /// The list of images of the bundle's K3s.
    async fn images_of_k3s(&self, bundle: &Bundle) -> Result<Option<Output>, ClosureError> {
        let Some(k3s) = k3s(self.project, bundle) else { return Ok(None) };
        for (output, pin) in lock::pins(k3s, self.project, self.locks) {
            if output != "list" {
                continue;
            }
            if let Some(there) = self.store.find(pin.sha256)? {
                return Ok(Some(there));
            }
            let url = pin.location.to_string();
            let wanted = Wanted { url: &url, sha256: Some(pin.sha256), size: Some(pin.size) };
            return Ok(Some(self.client.fetch(self.store, wanted, &k3s.address.to_string()).await?));
        }
        Ok(None)
    }
}

fn k3s<'p>(project: &'p Project, bundle: &Bundle) -> Option<&'p Recipe> {
    let mut base = bundle.base.iter().filter_map(|it| project.recipes.get(&it.value.address));
    base.find(|it| it.address.kind() == Kind::K3s)
}

/// What the images are called that recipes of the bundle name themselves.
fn named(project: &Project, recipe: &Recipe, locks: &Locks) -> BTreeSet<String> {
    let Body::Bundle(bundle) = &recipe.body else { return BTreeSet::new() };
    let base = bundle.base.iter().filter_map(|it| project.recipes.get(&it.value.address));
    base.flat_map(|it| names(it, locks)).collect()
}

/// What documents may call the image of a node: with its digest, and as its tag alone.
fn names(recipe: &Recipe, locks: &Locks) -> Vec<String> {
    let mut all = Vec::new();
    match &recipe.body {
        Body::ImageBuild(it) => all.extend(it.name.as_ref().map(|name| format!("{name}:{}", it.tag))),
        Body::Image(_) => {
            let entry = locks.main.get(&recipe.address.to_string());
            if let Some(Pin::Image { reference, .. }) = entry.map(|it| &it.pin)
                && let Ok(reference) = reference.as_str().parse::<Reference>()
            {
                all.extend(reference.tag().map(|tag| format!("{}:{tag}", reference.name())));
                all.push(reference.to_string());
            }
        }
        _ => {}
    }
    all
}

impl Closure {
    /// What the documents that a whole build gave need.
    pub fn of(
        locked: &LockedGraph<'_>,
        recipe: &Recipe,
        built: &Built,
        store: &Store,
    ) -> Result<Self, ClosureError> {
        let Body::Bundle(bundle) = &recipe.body else {
            return Err(ClosureError::NoBundle(recipe.address.clone()));
        };
        let k3s = k3s(locked.graph.project, bundle);
        let list = k3s.and_then(|it| built.record(&it.address)?.outputs.get("list").copied());
        Self::new(locked, bundle, built, store, list.as_ref())
    }

    fn new(
        locked: &LockedGraph<'_>,
        bundle: &Bundle,
        built: &Built,
        store: &Store,
        list: Option<&Output>,
    ) -> Result<Self, ClosureError> {
        let project = locked.graph.project;
        let nodes = bundle.deploy.iter().filter_map(|it| project.recipes.get(&it.value.address));
        let (mut documents, mut applied) = (Vec::new(), Vec::new());
        for recipe in nodes {
            let outputs = built.record(&recipe.address).map(|it| &it.outputs);
            let of = |name| outputs.and_then(|it| it.get(name));
            let given = of(DOCUMENTS).map(|it| documents_of(recipe, it, store)).transpose()?;
            let rendered = of(RENDERED).map(|it| documents_of(recipe, it, store)).transpose()?;
            applied.extend(given.clone().into_iter().flatten());
            documents.push((recipe.address.clone(), rendered.or(given).unwrap_or_default()));
        }
        // What a release's documents say no namespace of stands in the release's.
        let scopes = Scopes::of(documents.iter().flat_map(|(_, it)| it).chain(&applied));
        for (address, documents) in &mut documents {
            if let Some(Body::Chart(it)) = project.recipes.get(address).map(|it| &it.body) {
                gabion_kube::in_namespace(documents, &it.namespace, &scopes);
                let own = address.to_string();
                for document in applied.iter_mut().filter(|it| it.from == own) {
                    gabion_kube::in_namespace(std::slice::from_mut(document), &it.namespace, &scopes);
                }
            }
        }
        let mut closure = Self {
            applied,
            images: BTreeMap::new(),
            from_k3s: BTreeSet::new(),
            ignored: Vec::new(),
            lints: Vec::new(),
            documents,
        };
        closure.decide(locked, built, store)?;
        if let Some(list) = list {
            let text = text_of(store, list, LIST_LIMIT)?;
            let known = gabion_kube::k3s_images(&text, "k3s-images.txt").map_err(ClosureError::List)?;
            let known: BTreeSet<String> = known.iter().map(|it| it.reference.to_string()).collect();
            let needed = closure.images.keys().map(ToString::to_string);
            closure.from_k3s = needed.filter(|it| known.contains(it)).collect();
        }
        Ok(closure)
    }

    fn decide(&mut self, locked: &LockedGraph<'_>, built: &Built, store: &Store) -> Result<(), ClosureError> {
        let project = locked.graph.project;
        let rules = Rules::shipped();
        let cluster: Vec<Document> =
            self.documents.iter().flat_map(|(_, list)| list.iter().cloned()).collect();
        let mut undecided = Vec::new();
        for (address, documents) in &self.documents {
            let Some(recipe) = project.recipes.get(address) else { continue };
            let candidates = gabion_kube::discover(documents, &rules);
            self.lints
                .extend(gabion_kube::lint(documents, &candidates, &rules).iter().map(ToString::to_string));
            let mut decisions = decisions(recipe)?;
            let (listed, switched_off) = annotated(recipe, locked, built, store)?;
            decisions.extra.extend(listed);
            self.ignored.extend(switched_off);
            match gabion_kube::decide(&candidates, &cluster, &decisions) {
                Ok(found) => {
                    for (reference, whys) in found.images {
                        let whys = whys.into_iter().map(|it| why(address, it));
                        self.images.entry(reference).or_default().extend(whys);
                    }
                    self.ignored.extend(found.ignored.into_iter().map(|it| ignored(address, it)));
                }
                Err(errors) => {
                    for error in errors {
                        let lines = match place_of(&error) {
                            Some(at) => build::origins(recipe, locked, store, &at)?,
                            None => Vec::new(),
                        };
                        undecided.push(Undecided::new(recipe, error, lines));
                    }
                }
            }
        }
        if undecided.is_empty() { Ok(()) } else { Err(ClosureError::Undecided(undecided)) }
    }

    /// Refuses a lock that lacks an image that documents need.
    pub fn check(&self, locked: &LockedGraph<'_>) -> Result<(), ClosureError> {
        let there: BTreeSet<String> =
            locked.graph.order.iter().flat_map(|it| names(it, &locked.locks)).collect();
        let missing = self.images.iter().filter(|(reference, _)| {
            let text = reference.to_string();
            !there.contains(&text) && !self.from_k3s.contains(&text)
        });
        let missing: Vec<String> = missing.map(|(reference, whys)| told(reference, whys)).collect();
        if missing.is_empty() { Ok(()) } else { Err(ClosureError::Missing(missing)) }
    }

    /// Where a reason comes from: lines of templates, of values, of files.
    pub fn origins(
        &self,
        locked: &LockedGraph<'_>,
        store: &Store,
        why: &Why,
    ) -> Result<Vec<String>, ClosureError> {
        let (Some(at), Some(recipe)) = (&why.at, locked.graph.project.recipes.get(&why.node)) else {
            return Ok(Vec::new());
        };
        Ok(build::origins(recipe, locked, store, at)?)
    }

    /// The waves in which documents are applied, as text (`formats/kube/FORMAT.md`), and the objects in that order, each a
    /// line of JSON.
    pub fn waves(&self) -> (String, String) {
        let waves = gabion_kube::waves(&self.applied);
        let mut text = serde_json::to_string_pretty(&waves).unwrap_or_default();
        text.push('\n');
        let mut lines = String::new();
        for member in waves.waves.iter().flat_map(|it| &it.objects) {
            lines.push_str(&self.applied[member.number].to_json());
            lines.push('\n');
        }
        (text, lines)
    }
}

/// The first place that an error is about.
fn place_of(error: &DecideError) -> Option<Range<u32>> {
    match error {
        DecideError::Undecided(it) => it.places.first()?.at.clone(),
        _ => None,
    }
}

fn told(reference: &Reference, whys: &[Why]) -> String {
    let first = whys.first().map(|it| format!(", which {} of `{}` names at {}", it.object, it.node, it.path));
    format!("{reference}{}", first.unwrap_or_default())
}

fn text_of(store: &Store, output: &Output, limit: u64) -> Result<String, ClosureError> {
    let bytes = store.read_output(output, limit)?.ok_or(ClosureError::Gone(*output))?;
    String::from_utf8(bytes).map_err(|_| ClosureError::Gone(*output))
}

fn documents_of(recipe: &Recipe, output: &Output, store: &Store) -> Result<Vec<Document>, ClosureError> {
    let text = text_of(store, output, DOCUMENT_LIMIT)?;
    let failed = |source| ClosureError::Documents { node: recipe.address.clone(), source };
    gabion_kube::documents(&text, &recipe.address.to_string()).map_err(failed)
}

/// What the recipe says of the images of a node.
fn decisions(recipe: &Recipe) -> Result<Decisions, ClosureError> {
    let said = match &recipe.body {
        Body::Manifests(it) => &it.images,
        Body::Chart(it) => &it.images,
        _ => return Ok(Decisions::default()),
    };
    let node = || recipe.address.clone();
    let mut all = Decisions::default();
    let exclude = said.exclude.iter().map(|(it, reason)| (it, Choice::Exclude { reason: reason.clone() }));
    let include = said.include.iter().map(|it| (it, Choice::Include));
    for (pattern, choice) in exclude.chain(include) {
        let decision = Decision::new(Some(&pattern.value), None, choice);
        all.decisions.push(decision.map_err(|source| ClosureError::Pattern { node: node(), source })?);
    }
    for extra in &said.extra {
        let reference = extra.value.parse().map_err(|source| ClosureError::Extra { node: node(), source })?;
        let from = format!("`images.extra` of `{}`", recipe.address);
        all.extra.push(Extra { reference, from, condition: None });
    }
    Ok(all)
}

/// The images that the annotations of a chart and of those below it list: first those that are needed, then those whose
/// condition does not hold, with that as the reason.
fn annotated(
    recipe: &Recipe,
    locked: &LockedGraph<'_>,
    built: &Built,
    store: &Store,
) -> Result<(Vec<Extra>, Vec<Ignored>), ClosureError> {
    let (mut needed, mut ignored, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for chart in build::charts_in_use(recipe, locked, built, store)? {
        let said = match gabion_kube::annotated(&chart.annotations, &format!("`{}`", chart.path)) {
            Ok(said) => said,
            Err(wrong) => {
                errors.extend(wrong.into_iter().map(|it| Undecided::new(recipe, it, Vec::new())));
                continue;
            }
        };
        for extra in said {
            match extra.condition.as_ref().filter(|it| !chart.holds(it)) {
                None => needed.push(extra),
                Some(condition) => ignored.push(switched_off(&recipe.address, &extra, condition)),
            }
        }
    }
    if errors.is_empty() { Ok((needed, ignored)) } else { Err(ClosureError::Undecided(errors)) }
}

fn switched_off(node: &Address, extra: &Extra, condition: &str) -> Ignored {
    let (node, by) = (node.clone(), extra.from.clone());
    let why = Why { node, object: String::new(), path: String::new(), by, at: None };
    let reason = format!("its condition `{condition}` is not true in the values");
    Ignored { text: extra.reference.to_string(), why, reason }
}

fn why(node: &Address, it: gabion_kube::Why) -> Why {
    let class = it.class.map(|it| format!("{it:?}").to_lowercase());
    let by = match (&it.because, class) {
        (Because::Place, Some(class)) => format!("class {class}: the cluster pulls it"),
        (Because::Rule { from, line }, Some(class)) => format!("class {class}: rule {from}:{line}"),
        (Because::Decision { .. }, Some(class)) => format!("class {class}: `images` of `{node}` says so"),
        (other, _) => format!("named besides: {other}"),
    };
    let object = it.object.as_ref().map(ToString::to_string).unwrap_or_default();
    Why { node: node.clone(), object, path: it.path.to_string(), by, at: it.at }
}

fn ignored(node: &Address, it: gabion_kube::Ignored) -> Ignored {
    let by = it.because.to_string();
    let why =
        Why { node: node.clone(), object: it.object.to_string(), path: it.path.to_string(), by, at: None };
    Ignored { text: it.text, why, reason: it.reason }
}

impl From<BuildError> for ClosureError {
    fn from(error: BuildError) -> Self {
        Self::Build(Box::new(error))
    }
}
