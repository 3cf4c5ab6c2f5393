//! Secrets of a host: values that no bundle holds.
//!
//! A bundle says where each goes ([`gabion_bundle::SecretTargets`]); the values come in a sidecar that is sealed for
//! the host ([`inject`]), or over the pipe of an install ([`inject_plain`]). They lie in `var/lib/gabion/secrets/`,
//! outside of generations, so that going back to an older bundle keeps the current ones:
//!
//! | Path | What |
//! |---|---|
//! | `identity.age` | what opens sidecars that are for this host; made once |
//! | `values/BUNDLE.json` | the values that were given last |
//! | `generated/BUNDLE.json` | the values that were made here |
//! | `files.json` | which files of the host hold values |
//!
//! # Invariants
//! - Values of a bundle are there all or not at all: they are one file, written whole.
//! - No serial below one that was accepted is taken, nor other values under the same one: the floor lies with the one
//!   of bundles, in `var/lib/gabion/trust/secrets.json`, and is raised before a value is written.
//! - No value is in an error, and none is printed.
//!
//! # What this module does not do
//! It does not know who wrote a sidecar: age does not say. Who must be kept from writing one for this host is kept
//! from knowing its recipient, or from bringing files to it.

mod error;
mod files;
mod floor;
mod objects;
mod sidecar;
mod store;

pub use error::SecretsError;
pub use files::files;
pub use objects::objects;
pub use sidecar::{Sidecar, Value};
pub use store::{
    Expect, Injected, generate, give_identity, identity, inject, inject_plain, missing, take, targets,
};

/// The folder of everything about secrets but the floor.
pub(crate) const FOLDER: &str = "var/lib/gabion/secrets";
