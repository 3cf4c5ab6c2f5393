//! What works with a network and fails without one.

use crate::discover::Candidate;
use crate::document::{Document, field};
use crate::id::ObjectId;
use crate::path::Path;
use crate::rules::{Class, Rules, Verdict};
use gabion_yaml::Data;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LintKind {
    /// An image without tag and digest, or with the tag `latest`.
    Floating,
    /// A policy that asks the registry at every start, for an image that only a tag names.
    PullAlways,
    /// An object whose images cannot be told.
    Unseen,
    /// Two documents of one object.
    Twice,
}

impl LintKind {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Floating => "L1701",
            Self::PullAlways => "L1702",
            Self::Unseen => "L1703",
            Self::Twice => "L1704",
        }
    }
}

/// A warning.
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
    /// What is wrong, in words.
    pub why: String,
    /// What to do next.
    pub help: &'static str,
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

/// The warnings about documents and their candidates, in their order.
pub fn lint(documents: &[Document], candidates: &[Candidate], rules: &Rules) -> Vec<Lint> {
    let mut out: Vec<Lint> = candidates.iter().filter(|it| is_pulled(it)).flat_map(of_image).collect();
    let mut seen: BTreeMap<&ObjectId, &str> = BTreeMap::new();
    for document in documents {
        let unnamed = document.id.name.is_empty();
        if let Some(first) = seen.insert(&document.id, &document.from).filter(|_| !unnamed) {
            let why = format!("it is described twice, first in `{first}`");
            out.push(whole(
                LintKind::Twice,
                document,
                why,
                "keep one of the two: the last one applied would win",
            ));
        }
        for expect in rules.expects.iter().filter(|it| it.about.covers(document)) {
            let said = |path: &String| {
                let keys: Vec<&str> = path.split('.').collect();
                field(&document.node, &keys).is_some_and(|it| it.data != Data::Null)
            };
            if !expect.fields.iter().any(said) {
                let help = if expect.fields.is_empty() {
                    "render the chart here, or name its images in `images.extra`"
                } else {
                    "say which image it is"
                };
                out.push(whole(LintKind::Unseen, document, expect.why.clone(), help));
            }
        }
    }
    out
}

fn whole(kind: LintKind, document: &Document, why: String, help: &'static str) -> Lint {
    Lint { kind, object: document.id.clone(), from: document.from.clone(), path: Path::default(), why, help }
}

/// Whether the cluster pulls a candidate, as far as its place and its rule say.
fn is_pulled(candidate: &Candidate) -> bool {
    let ignored = candidate.rule.as_ref().is_some_and(|rule| matches!(rule.verdict, Verdict::Ignore(_)));
    matches!(candidate.class, Class::A | Class::B) && !ignored
}

fn of_image(candidate: &Candidate) -> Vec<Lint> {
    let Ok(reference) = &candidate.reference else { return Vec::new() };
    if reference.digest().is_some() {
        return Vec::new();
    }
    let mut out = Vec::new();
    let mut told = |kind, why: &str, help| {
        let (object, from, path) = (candidate.object.clone(), candidate.from.clone(), candidate.path.clone());
        out.push(Lint { kind, object, from, path, why: format!("`{}` {why}", candidate.text), help });
    };
    if reference.tag() == Some("latest") {
        told(LintKind::Floating, "is another image next time", "name a version or a digest");
    }
    if candidate.pull_policy.as_deref() == Some("Always") {
        let why = "is asked of its registry at every start, which fails without a network";
        told(LintKind::PullAlways, why, "write `imagePullPolicy: IfNotPresent`, or name a digest");
    }
    out
}
