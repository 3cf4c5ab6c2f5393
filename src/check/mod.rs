//! What is wrong with a platform although it can be built: lints of recipes, of documents, and the schemas of objects.
//!
//! [`recipes`] needs nothing but recipes. [`documents`] looks at what a bundle's documents became ([`crate::closure::Closure`]). What the
//! author says of findings (`[lints]`) is applied by [`settle`], to all of them at once.
//!
//! # Invariants
//! - The same recipes, lock and store give the same findings in the same order.
//! - No finding repeats a value of a secret.
//! - An allowance that nothing needs is a finding itself.
//!
//! # What this module does not do
//! It uses no network, writes nothing, and decides nothing about exit codes.

mod documents;
mod finding;
mod host;
mod settle;

pub use documents::{CheckError, Documents, documents};
pub use finding::Finding;
pub use settle::{Settled, settle};

use crate::recipe::Project;

/// What is wrong with recipes, without their documents.
pub fn recipes(project: &Project) -> Vec<Finding> {
    host::look(project)
}
