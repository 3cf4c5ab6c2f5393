//! Which candidates are images of a bundle: rules propose, the recipe decides, nothing is passed over in silence.

mod closure;
mod error;
mod extra;

use crate::discover::Candidate;
use crate::document::Document;
use crate::glob::Glob;
use crate::pattern::{Pattern, PatternError};
use crate::rules::{Class, Verdict};
pub use closure::{Because, Closure, Ignored, Why};
pub use error::{DecideError, Undecided};
pub use extra::{Extra, annotated};
use std::collections::BTreeMap;

/// What the recipe says of the candidates that it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The image is needed.
    Include,
    /// It is not.
    Exclude {
        /// Why not.
        reason: String,
    },
}

/// A decision of the recipe. What it names must all be so.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    image: Option<Glob>,
    path: Option<Pattern>,
    object: Option<Glob>,
    choice: Choice,
}

impl Decision {
    /// A decision on images (`quay.io/a/*`: as written, or in full), places (a [`Pattern`]) or both.
    ///
    /// A decision that names neither covers everything of its objects, or simply everything.
    pub fn new(image: Option<&str>, path: Option<&str>, choice: Choice) -> Result<Self, PatternError> {
        let path = path.map(str::parse).transpose()?;
        Ok(Self { image: image.map(Glob::new), path, object: None, choice })
    }

    /// Only those of objects that are called so: `Deployment kafka/strimzi-*`, as messages name them.
    #[must_use]
    pub fn of_object(mut self, object: &str) -> Self {
        self.object = Some(Glob::new(object));
        self
    }

    fn covers(&self, candidate: &Candidate) -> bool {
        let image = |glob: &Glob| {
            glob.matches(&candidate.text)
                || candidate.reference.as_ref().is_ok_and(|it| glob.matches(&it.to_string()))
        };
        self.image.as_ref().is_none_or(image)
            && self.path.as_ref().is_none_or(|path| path.covers_path(&candidate.path))
            && self.object.as_ref().is_none_or(|glob| glob.matches(&candidate.object.to_string()))
    }
}

/// What the recipe says: the first decision that covers a candidate counts, and images besides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decisions {
    /// Stronger than every rule.
    pub decisions: Vec<Decision>,
    /// Images that no document names; those that one names as well are not named twice.
    pub extra: Vec<Extra>,
}

/// The images of candidates.
///
/// `cluster` is every document that is to be in the cluster, which the conditions of rules ask. A candidate
/// that no decision covers follows its rule; without a rule, classes A and B are needed, and C and D are an error.
pub fn decide(
    candidates: &[Candidate],
    cluster: &[Document],
    decisions: &Decisions,
) -> Result<Closure, Vec<DecideError>> {
    let mut closure = Closure::default();
    let mut undecided: BTreeMap<String, Undecided> = BTreeMap::new();
    let mut errors = Vec::new();
    for candidate in candidates {
        match judge(candidate, cluster, decisions) {
            Judged::Needed(because) => match &candidate.reference {
                Ok(reference) => closure.add(reference, Why::of(candidate, because)),
                Err(error) => errors.push(DecideError::unreadable(candidate, error)),
            },
            Judged::Ignored(reason, because) => closure.ignored.push(Ignored::of(candidate, reason, because)),
            Judged::Open => {
                let image = candidate.reference.as_ref().map_or(candidate.text.clone(), ToString::to_string);
                undecided.entry(image).or_insert_with_key(|it| Undecided::new(it)).add(candidate);
            }
        }
    }
    for extra in &decisions.extra {
        closure.add(&extra.reference, Why::extra(&extra.from));
    }
    errors.extend(undecided.into_values().map(DecideError::Undecided));
    errors.extend(unused(candidates, &decisions.decisions));
    if errors.is_empty() { Ok(closure) } else { Err(errors) }
}

enum Judged {
    Needed(Because),
    Ignored(String, Because),
    Open,
}

fn judge(candidate: &Candidate, cluster: &[Document], decisions: &Decisions) -> Judged {
    if let Some(number) = decisions.decisions.iter().position(|it| it.covers(candidate)) {
        return match &decisions.decisions[number].choice {
            Choice::Include => Judged::Needed(Because::Decision { number }),
            Choice::Exclude { reason } => Judged::Ignored(reason.clone(), Because::Decision { number }),
        };
    }
    let Some(rule) = &candidate.rule else {
        return match candidate.class {
            Class::A | Class::B => Judged::Needed(Because::Place),
            Class::C | Class::D => Judged::Open,
        };
    };
    let because = Because::Rule { from: rule.from.clone(), line: rule.line };
    match &rule.verdict {
        Verdict::Ignore(reason) => Judged::Ignored(reason.clone(), because),
        Verdict::Undecided => Judged::Open,
        Verdict::Include => {
            match rule.when.as_ref().and_then(|it| it.unmet(candidate.key.as_deref(), cluster)) {
                Some(reason) => Judged::Ignored(reason, because),
                None => Judged::Needed(because),
            }
        }
    }
}

/// Decisions that cover no candidate: a mistake of spelling, or left from an older version of a chart.
fn unused(candidates: &[Candidate], decisions: &[Decision]) -> Vec<DecideError> {
    let idle = |it: &(usize, &Decision)| !candidates.iter().any(|candidate| it.1.covers(candidate));
    let told = |(number, decision): (usize, &Decision)| {
        let image = decision
            .image
            .as_ref()
            .map(|glob| error::near(glob.as_str(), candidates.iter().map(|it| &it.text)));
        let paths = || candidates.iter().map(|it| it.path.to_string());
        let path = decision.path.as_ref().map(|it| error::near(&it.to_string(), paths()));
        let objects = || candidates.iter().map(|it| it.object.to_string());
        let object = decision.object.as_ref().map(|it| error::near(it.as_str(), objects()));
        DecideError::Unused {
            number,
            decision: error::spelled(decision),
            near: [image, path, object].into_iter().flatten().flatten().next(),
        }
    };
    decisions.iter().enumerate().filter(idle).map(told).collect()
}
