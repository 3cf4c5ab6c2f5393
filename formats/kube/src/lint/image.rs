//! What works with a network and fails without one: images, and objects that are described twice.

use super::{Lint, LintKind};
use crate::discover::Candidate;
use crate::document::{Document, field};
use crate::id::ObjectId;
use crate::rules::{Class, Rules, Verdict};
use gabion_yaml::Data;
use std::collections::BTreeMap;

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
    Lint::about(kind, document, why).help(help)
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
    let mut told = |kind, why: &str, help: &str| {
        let (object, from, path) = (candidate.object.clone(), candidate.from.clone(), candidate.path.clone());
        let (at, why) = (candidate.at.clone(), format!("`{}` {why}", candidate.text));
        out.push(Lint { kind, object, from, path, at, why, help: help.to_owned() });
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
