//! Lints: what a cluster takes and somebody will be sorry for, or what it will not take.
//!
//! A [`Lint`] names object, path and place, and says what to write. [`lint`] looks at images, as whoever bundles them must;
//! [`review`] looks at everything that is applied together, because whether a kind is defined, a claim has a class or a
//! program has a policy shows only there. Which findings count is not decided here: see [`LintKind::level`] for what
//! they weigh where nobody says otherwise.
//!
//! # Invariants
//! - No finding repeats a value of a `Secret`.
//! - Documents of others (charts, files from elsewhere) are held only to what makes a cluster unsafe or does not work;
//!   how a program is looked after is its author's concern, and only asked of one's own documents.

mod api;
mod boot;
mod chart;
mod cursor;
mod host;
mod image;
mod kind;
mod network;
mod order;
mod quantity;
mod scale;
mod storage;
mod workload;

pub use image::lint;
pub use kind::{Level, LintKind};
pub use quantity::{bytes, milli};

use crate::document::Document;
use crate::id::ObjectId;
use crate::path::Path;
use crate::schema::{Schemas, check};
use crate::scope::Scopes;
use serde::Serialize;
use std::fmt;
use std::ops::Range;

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lint {
    /// What is wrong.
    pub kind: LintKind,
    /// The object.
    pub object: ObjectId,
    /// What its document is from.
    pub from: String,
    /// Where in it; the root if all of it is meant.
    pub path: Path,
    /// The same as bytes of the document's text, where there is one.
    #[serde(skip)]
    pub at: Option<Range<u32>>,
    /// What is wrong, in words.
    pub why: String,
    /// What to do next.
    pub help: String,
}

impl Lint {
    /// A finding about all of an object.
    pub(crate) fn about(kind: LintKind, document: &Document, why: impl Into<String>) -> Self {
        let at = Some(document.at.start..document.at.end);
        let (object, from, path) = (document.id.clone(), document.from.clone(), Path::default());
        Self { kind, object, from, path, at, why: why.into(), help: String::new() }
    }

    /// Adds what to do next.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {} (`{}`)", self.kind.code(), self.object, self.from)?;
        if !self.path.steps().is_empty() {
            write!(f, " at `{}`", self.path)?;
        }
        write!(f, ": {}", self.why)
    }
}

/// A document, and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct Told<'d> {
    /// The document.
    pub document: &'d Document,
    /// Whether the author of the recipes wrote it, and not that of a chart or of a file from elsewhere.
    pub own: bool,
}

/// What a node has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeSize {
    /// Processors, in thousandths.
    pub milli_cpu: Option<u64>,
    /// Memory, in bytes.
    pub memory: Option<u64>,
    /// What the claims of volumes may take together, in bytes.
    pub volumes: Option<u64>,
}

/// Everything that is applied to one cluster, and what is there without it.
#[derive(Debug, Clone)]
pub struct Cluster<'d> {
    /// What is applied.
    pub told: Vec<Told<'d>>,
    /// The minor version of its Kubernetes, `34`.
    pub minor: u32,
    /// `group/version/Kind` of what is served without any of the documents.
    pub serves: Vec<String>,
    /// What K3s brings by itself and nobody switched off: `traefik`, `metrics-server`, `local-storage`.
    pub packaged: Vec<String>,
    /// Whether the API server is told to serve versions that are off (`runtime-config`).
    pub runtime_config: bool,
    /// What the node has, as far as it is known.
    pub node: NodeSize,
}

impl<'d> Cluster<'d> {
    /// The documents of one group and kind.
    pub(crate) fn of(&self, group: &'d str, kind: &'d str) -> impl Iterator<Item = &'d Document> {
        self.documents().filter(move |it| it.id.is(group, kind))
    }

    /// All documents.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &'d Document> {
        self.told.iter().map(|it| it.document)
    }

    /// Those that the author of the recipes wrote.
    pub(crate) fn own(&self) -> impl Iterator<Item = &'d Document> {
        self.told.iter().filter(|it| it.own).map(|it| it.document)
    }
}

/// What a review found.
#[derive(Debug, Clone, Default)]
pub struct Review {
    /// The findings, in the order of documents.
    pub lints: Vec<Lint>,
    /// How many objects were compared with a schema.
    pub judged: usize,
    /// Objects of kinds whose schema nobody told.
    pub unjudged: Vec<ObjectId>,
}

/// Looks at everything that is applied together: lints, and the schemas of Kubernetes and of the documents' own definitions.
pub fn review(cluster: &Cluster<'_>) -> Review {
    let scopes = Scopes::of(cluster.documents());
    let mut review = Review::default();
    let schemas = Schemas::of(cluster.minor, cluster.documents());
    for document in cluster.documents() {
        match check(&schemas, document) {
            Some(found) => {
                review.judged += 1;
                review.lints.extend(found);
            }
            None => review.unjudged.push(document.id.clone()),
        }
    }
    let out = &mut review.lints;
    api::look(cluster, &scopes, out);
    chart::look(cluster, out);
    order::look(cluster, out);
    workload::look(cluster, out);
    network::look(cluster, out);
    host::look(cluster, out);
    boot::look(cluster, out);
    scale::look(cluster, out);
    storage::look(cluster, out);
    review
}
