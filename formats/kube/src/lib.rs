//! Kubernetes documents as data: text in, values out.
mod decide;
mod discover;
mod document;
mod glob;
mod id;
mod path;
mod pattern;
mod read;
mod rules;
mod scope;
mod walk;

pub use decide::{
    Because, Choice, Closure, DecideError, Decision, Decisions, Extra, Ignored, Undecided, Why, annotated,
    decide,
};
pub use discover::{Candidate, discover};
pub use document::{Document, DocumentError, documents, in_namespace};
pub use glob::Glob;
pub use id::ObjectId;
pub use path::{Path, Step};
pub use pattern::{Pattern, PatternError};
pub use rules::{Class, Rule, RuleError, Rules, Use, Verdict, When};
