//! What the documents of a bundle became, in the cluster that they are for.

use super::finding::Finding;
use crate::build::{self, BuildError};
use crate::closure::Closure;
use crate::leak;
use crate::lock::LockedGraph;
use crate::recipe::kinds::{Bundle, Chart, Deploy, Size};
use crate::recipe::lints::RecipeLint;
use crate::recipe::{Address, Body, Kind, Recipe, Reference, Spanned, Value};
use gabion_kube::{Cluster, Document, Lint, NodeSize, Rules, Told, discover, lint, review};
use gabion_store::{Store, StoreError};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::Range;

/// What was looked at, and what is wrong.
#[derive(Debug, Default)]
pub struct Documents {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// How many objects were compared with their schema.
    pub judged: usize,
    /// Objects without one.
    pub unjudged: Vec<String>,
    /// The version of Kubernetes that they are for, `v1.34.9+k3s1`.
    pub kubernetes: String,
}

/// Why documents could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The origin of a place could not be found.
    #[error(transparent)]
    Build(#[from] Box<BuildError>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CheckError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Build(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Build(error) => error.help(),
            Self::Store(error) => error.help(),
        }
    }
}

/// Looks at the documents of one bundle; `locked` is bound to it.
pub fn documents(
    locked: &LockedGraph<'_>,
    recipe: &Recipe,
    closure: &Closure,
    store: &Store,
) -> Result<Documents, CheckError> {
    let Body::Bundle(bundle) = &recipe.body else { return Ok(Documents::default()) };
    let k3s = bundle.base.iter().map(|it| &it.value.address).find(|it| it.kind() == Kind::K3s);
    let kubernetes = kubernetes(locked, bundle, k3s);
    let minor = kubernetes.split('.').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
    let made = made(locked, closure);
    let mut all = Vec::new();
    for (address, documents) in &closure.documents {
        let own = is_own(locked, address);
        all.extend(documents.iter().map(|document| Told { document, own }));
    }
    all.extend(made.iter().map(|document| Told { document, own: false }));
    let cluster = cluster(locked, bundle, k3s, all, &kubernetes, minor);
    let review = review(&cluster);
    let mut lints = review.lints;
    let rules = Rules::shipped();
    for (_, documents) in &closure.documents {
        lints.extend(lint(documents, &discover(documents, &rules), &rules));
    }
    let mut out = Documents { judged: review.judged, kubernetes, ..Documents::default() };
    out.unjudged = review.unjudged.iter().map(ToString::to_string).collect();
    out.findings = placed(locked, closure, store, &lints)?;
    out.findings.extend(releases(locked, closure));
    out.findings.extend(secrets(locked, recipe, bundle, closure, store)?);
    if let Some((first, last)) = gabion_kube::schema_versions().filter(|it| !(it.0..=it.1).contains(&minor)) {
        let why =
            format!("there are schemas of Kubernetes 1.{first} to 1.{last}, and this is {}", out.kubernetes);
        let node = k3s.or(Some(&recipe.address));
        let finding = Finding::of_recipe(RecipeLint::OtherSchemas, node, None, locked.graph.project, why);
        out.findings.push(finding.help("objects were compared with those of the nearest version"));
    }
    Ok(out)
}

/// The version of Kubernetes that documents are for.
fn kubernetes(locked: &LockedGraph<'_>, bundle: &Bundle, k3s: Option<&Address>) -> String {
    let of_chart = |it: &Chart| locked.kubernetes(it).map(str::to_owned);
    let recipes =
        || bundle.deploy.iter().filter_map(|it| locked.graph.project.recipes.get(&it.value.address));
    let pinned = k3s.and_then(|it| {
        let recipe = locked.graph.project.recipes.get(it)?;
        locked.pins(recipe).into_iter().find_map(|(_, pin)| pin.version.map(str::to_owned))
    });
    let charts = || {
        recipes().find_map(|it| match &it.body {
            Body::Chart(it) => of_chart(it),
            _ => None,
        })
    };
    pinned.or_else(charts).unwrap_or_else(|| build::ASSUMED.to_owned())
}

/// Of a `Secret`, in which Helm keeps a release (`pkg/apis/core/types.go`, `MaxSecretSize`).
const RELEASE: usize = 1 << 20;

/// Charts whose release is larger than K3s' controller can keep.
fn releases(locked: &LockedGraph<'_>, closure: &Closure) -> Vec<Finding> {
    let project = locked.graph.project;
    let mut out = Vec::new();
    for (address, documents) in &closure.documents {
        let Some(recipe) = project.recipes.get(address) else { continue };
        if !matches!(&recipe.body, Body::Chart(it) if it.deploy == Deploy::HelmChart) {
            continue;
        }
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let written = documents.iter().try_for_each(|it| encoder.write_all(it.to_json().as_bytes()));
        let packed = written.and_then(|()| encoder.finish()).map_or(0, |it| it.len() / 3 * 4);
        if packed > RELEASE {
            let why = format!("its documents alone are {} KiB of a release's 1024", packed.div_ceil(1024));
            let span = Some(&recipe.span);
            let finding = Finding::of_recipe(RecipeLint::ReleaseSize, Some(address), span, project, why);
            out.push(finding.help(
                "leave `deploy = \"helmchart\"` out: documents that are rendered here have no release",
            ));
        }
    }
    out
}

/// Whether the author of the recipes wrote the documents of a node.
fn is_own(locked: &LockedGraph<'_>, address: &Address) -> bool {
    let recipe = locked.graph.project.recipes.get(address);
    matches!(recipe.map(|it| &it.body), Some(Body::Manifests(it)) if !it.files.is_empty())
}

/// The objects that are applied for charts which K3s' controller installs.
fn made(locked: &LockedGraph<'_>, closure: &Closure) -> Vec<Document> {
    let by_controller = |from: &str| {
        let mut recipes = locked.graph.project.recipes.values().filter(|it| it.address.to_string() == from);
        recipes.any(|it| matches!(&it.body, Body::Chart(it) if it.deploy == Deploy::HelmChart))
    };
    closure
        .applied
        .iter()
        .filter(|it| it.id.group == "helm.cattle.io" && by_controller(&it.from))
        .cloned()
        .collect()
}

fn cluster<'d>(
    locked: &LockedGraph<'_>,
    bundle: &Bundle,
    k3s: Option<&Address>,
    told: Vec<Told<'d>>,
    kubernetes: &str,
    minor: u32,
) -> Cluster<'d> {
    let project = locked.graph.project;
    let config = k3s.and_then(|it| project.recipes.get(it)).and_then(|it| match &it.body {
        Body::K3s(k3s) => Some(k3s),
        _ => None,
    });
    let off = config.map(build::switched_off).unwrap_or_default();
    let packaged = ["coredns", "local-storage", "metrics-server", "servicelb", "traefik"];
    let names: Vec<&str> = off.iter().map(String::as_str).collect();
    let argument = |value: &Value| match value {
        Value::String(text) => text.contains("runtime-config"),
        Value::Array(items) => {
            items.iter().any(|it| matches!(&it.value, Value::String(text) if text.contains("runtime-config")))
        }
        _ => false,
    };
    let host = bundle.host.as_ref().and_then(|it| project.recipes.get(&it.value.address));
    let node = match host.map(|it| &it.body) {
        Some(Body::Host(it)) => NodeSize {
            milli_cpu: it.cpus.map(|it| it * 1000),
            memory: it.memory.map(Size::bytes),
            volumes: it.volumes.map(Size::bytes),
        },
        _ => NodeSize::default(),
    };
    Cluster {
        told,
        minor,
        serves: build::api_versions(kubernetes, &names),
        packaged: packaged.iter().filter(|it| !names.contains(it)).map(|it| (*it).to_owned()).collect(),
        runtime_config: config
            .and_then(|it| it.config.get("kube-apiserver-arg"))
            .is_some_and(|(_, node)| argument(&node.value)),
        node,
    }
}

/// The findings with the lines that wrote what they are about; every node is made again at most once for it.
fn placed(
    locked: &LockedGraph<'_>,
    closure: &Closure,
    store: &Store,
    lints: &[Lint],
) -> Result<Vec<Finding>, CheckError> {
    let mut by_node: BTreeMap<&str, Vec<&Lint>> = BTreeMap::new();
    for lint in lints {
        by_node.entry(&lint.from).or_default().push(lint);
    }
    let mut out = Vec::new();
    for (address, _) in &closure.documents {
        let Some(lints) = by_node.remove(address.to_string().as_str()) else { continue };
        let known: Vec<(usize, Range<u32>)> =
            lints.iter().enumerate().filter_map(|(at, it)| Some((at, it.at.clone()?))).collect();
        // A mapping goes over many lines: its first one is where it stands.
        let places: Vec<Range<u32>> =
            known.iter().map(|(_, it)| it.start..it.end.min(it.start + 1)).collect();
        let mut origins = vec![Vec::new(); lints.len()];
        if let Some(recipe) = locked.graph.project.recipes.get(address) {
            let found = build::origins_of(recipe, locked, store, &places).map_err(Box::new)?;
            for ((at, _), found) in known.iter().zip(found) {
                origins[*at] = found;
            }
        }
        out.extend(lints.iter().zip(origins).map(|(lint, from)| Finding::of_document(address, lint, from)));
    }
    Ok(out)
}

/// What would keep a bundle from being written, or would be in its copy of a repository, as it is.
fn secrets(
    locked: &LockedGraph<'_>,
    recipe: &Recipe,
    bundle: &Bundle,
    closure: &Closure,
    store: &Store,
) -> Result<Vec<Finding>, CheckError> {
    let project = locked.graph.project;
    let mut out = Vec::new();
    let found = leak::plain_secrets(bundle, closure).into_iter().map(|it| (RecipeLint::PlainSecret, it));
    let mut all: Vec<_> = found.collect();
    // What the host hands to Flux travels with the documents that name it.
    let artifact = |it: &Spanned<Reference>| match &project.recipes.get(&it.value.address)?.body {
        Body::Manifests(it) => it.artifact.as_ref(),
        _ => None,
    };
    let fetched = bundle.base.iter().chain(bundle.deploy.iter().filter_map(artifact));
    for address in fetched.map(|it| &it.value.address).filter(|it| it.kind() == Kind::Fetch) {
        let pins = project.recipes.get(address).map(|it| locked.pins(it)).unwrap_or_default();
        for (_, pin) in pins {
            // Locking leaves it in the store; where it is not there, it is looked at once it was built.
            let Some(output) = store.find(pin.sha256)? else { continue };
            let leaks = leak::repository(&address.to_string(), &output, store)?;
            all.extend(leaks.into_iter().map(|it| (RecipeLint::SecretInRepository, it)));
        }
    }
    for (lint, leak) in all {
        let node =
            leak.node.as_deref().and_then(|name| project.recipes.keys().find(|it| it.to_string() == name));
        let span = node.and_then(|it| project.recipes.get(it)).map_or(&recipe.span, |it| &it.span);
        let within = if leak.within.is_empty() { String::new() } else { format!(" ({})", leak.within) };
        let why = format!("{}{within}", leak.what);
        let finding = Finding::of_recipe(lint, node, Some(span), project, why).object(leak.object);
        let help = match lint {
            RecipeLint::PlainSecret => "declare it as `[secret.NAME]`, or encrypt it with SOPS",
            _ => "encrypt it with SOPS, and change the value: it is in the repository's history",
        };
        out.push(finding.help(help));
    }
    Ok(out)
}
