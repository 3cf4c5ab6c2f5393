//! Recipes: TOML text in, typed values out, every mistake with its position.
//!
//! A project is `gabion.toml`, the files it includes and at most one overlay from `env/`. Each
//! `[kind.name]` table declares one node; `kind.name` is its address everywhere.
//!
//! # Invariants
//! - Parsing takes text; only [`load`] touches the disk.
//! - All mistakes are reported at once, each with file, line and column.
//! - A [`Recipe`] holds no floats, no environment, no path of this machine: what it hashes to depends
//!   on its text alone, without comments and formatting.
//!
//! # What this module does not do
//! It never asks the network, never reads the lock and never decides a version.

mod address;
mod adopt;
mod diagnostic;
pub mod kinds;
pub mod lints;
mod load;
mod local;
mod nodes;
mod overlay;
mod parse;
mod reader;
mod settings;
mod shape;
mod table;
mod value;
mod vars;

pub use address::{Address, Kind, Reference};
pub use adopt::{Discovered, address_of};
pub use diagnostic::{Code, Diagnostic, Diagnostics, Files, Span};
pub use kinds::Body;
pub use load::{Project, load, overlays};
pub use local::LocalFile;
pub use reader::Spanned;
pub use settings::Settings;
pub use shape::json_schema;
pub use table::Table;
pub use value::{Node, Value, feed_fields, to_toml};
pub use vars::Vars;

use std::sync::Arc;

/// One node of the platform as its author wrote it, overlays and variables applied.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// What the node is called.
    pub address: Address,
    /// Where it is declared.
    pub span: Span,
    /// The typed fields of its kind.
    pub body: Body,
    /// The whole table as merged: what identity and the bundle's copy of the recipe are made of.
    pub table: Node,
    /// Local files the table names, read when the project was loaded.
    pub files: Vec<Arc<LocalFile>>,
}

impl Recipe {
    /// The local file that the table names by `path`.
    pub fn file(&self, path: Option<&str>) -> Option<&LocalFile> {
        self.files.iter().map(AsRef::as_ref).find(|it| Some(it.path.as_str()) == path)
    }
}
