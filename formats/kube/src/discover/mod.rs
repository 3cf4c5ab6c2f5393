//! Every text of a document that names an image, and what its place tells of it.
//!
//! All strings are read, and where a string is a document itself (a pod that a program starts, in a
//! `ConfigMap`), that document too. A candidate is never dropped here: [`decide`](crate::decide) takes it,
//! with the rule that covers it, if any.

mod grammar;
mod place;
mod scope;
mod split;
mod walker;

use crate::document::Document;
use crate::id::ObjectId;
use crate::path::Path;
use crate::rules::{Class, Rule, Rules};
use gabion_oci::{Reference, ReferenceError};
use std::ops::Range;
use std::sync::Arc;

/// A text that names an image, or should.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The document of the cluster that it stands in.
    pub object: ObjectId,
    /// What the document is from.
    pub from: String,
    /// The documents within strings that lead to it, the innermost last.
    pub inside: Vec<ObjectId>,
    /// Its value's place.
    pub path: Path,
    /// Its own place in the text of the document, where each of its bytes stands there as it is.
    pub at: Option<Range<u32>>,
    /// What its place tells.
    pub class: Class,
    /// As it was written.
    pub text: String,
    /// What stands before it and one `=`: `3.9.0` of `3.9.0=quay.io/…`.
    pub key: Option<String>,
    /// The image. An error only where the place is one of images (classes A and B).
    pub reference: Result<Reference, ReferenceError>,
    /// The `imagePullPolicy` beside it.
    pub pull_policy: Option<String>,
    /// The first rule that covers it.
    pub rule: Option<Arc<Rule>>,
}

/// The candidates of documents, in their order.
pub fn discover(documents: &[Document], rules: &Rules) -> Vec<Candidate> {
    let mut out = Vec::new();
    for document in documents {
        walker::walk(document, rules, &mut out);
    }
    out
}
