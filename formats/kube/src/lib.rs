//! Kubernetes documents as data: text in, values out.
mod decide;
mod diff;
mod discover;
mod document;
mod glob;
mod id;
mod k3s;
mod lint;
mod path;
mod pattern;
mod pods;
mod read;
mod rules;
mod scope;
mod walk;
mod waves;

pub use decide::{
    Because, Choice, Closure, DecideError, Decision, Decisions, Extra, Ignored, Undecided, Why, annotated,
    decide,
};
pub use diff::{Danger, Diff, Fate, FieldChange, ImageChange, ObjectChange, Section, diff};
pub use discover::{Candidate, discover};
pub use document::{Document, DocumentError, documents, in_namespace};
pub use glob::Glob;
pub use id::ObjectId;
pub use k3s::{K3sError, k3s_images};
pub use lint::{Lint, LintKind, lint};
pub use path::{Path, Step};
pub use pattern::{Pattern, PatternError};
pub use rules::{Class, Rule, RuleError, Rules, Use, Verdict, When};
pub use waves::{Hook, LeftOut, Member, Phase, Wait, Wave, Waves, waves};
