//! Kubernetes documents as data: text in, values out.
//!
//! Texts become [`Document`]s ([`documents`]); every text in them that names an image is a [`Candidate`]
//! ([`discover`]); rules and the recipe make a [`Closure`] of candidates ([`decide`]). Besides: warnings
//! ([`lint`]), the order of application ([`waves`]), the difference of two sets ([`diff`]), and the images that K3s
//! itself needs ([`k3s_images`]). The texts of rules and the waves are described in `FORMAT.md`.
//!
//! # Invariants
//! - No text that may be an image is passed over in silence: it is an image, it is ignored with a reason that can
//!   be counted, or it is an error that shows what to write.
//! - The same documents give the same values, whatever their order says: waves and differences do not depend on it.
//! - Values of a `Secret` are in no difference. Its texts are searched for images, and only these are told.
//! - No text makes it panic; documents within documents are read to a fixed depth.
//!
//! It renders nothing, asks no registry and no cluster, and reads no file.

mod decide;
mod diff;
mod discover;
mod document;
mod glob;
mod id;
mod json;
mod k3s;
mod lint;
mod path;
mod pattern;
mod pods;
mod read;
mod rules;
mod schema;
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
pub use lint::{Cluster, Level, Lint, LintKind, NodeSize, Review, Told, bytes, lint, milli, review};
pub use path::{Path, Step};
pub use pattern::{Pattern, PatternError};
pub use rules::{Class, Rule, RuleError, Rules, Use, Verdict, When};
pub use schema::schema_versions;
pub use scope::Scopes;
pub use waves::{Hook, LeftOut, Member, Phase, Wait, Wave, Waves, waves};
