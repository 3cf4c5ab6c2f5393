//! The functions of templates that Helm takes from sprig 3.

pub mod semver;
