//! Versions and constraints as Helm reads them: Masterminds/semver 3, not cargo's rules.
//!
//! They stand here because `semverCompare` needs them as charts' repositories do.

mod constraint;
mod functions;
mod version;

pub(crate) use functions::FUNCTIONS;

pub use constraint::{Constraint, ConstraintError};
pub use version::{Version, VersionError};
