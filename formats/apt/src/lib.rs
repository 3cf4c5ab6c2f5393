//! Debian archives as values: bytes in, values out.
//!
//! A closure is found in four steps, and each takes only what the one before gives: a signature is checked
//! ([`verify_clearsigned`]), the signed text names the indexes ([`Release`]), the indexes hold packages
//! ([`packages`]), and [`Candidates`] choose among them. [`DebReader`] reads what was chosen.
//!
//! # Invariants
//! - Nothing outside of a verified text is ever read: digests of indexes come from the signed text, digests of
//!   packages from an index that has its digest.
//! - Only SHA-256 counts; MD5 and SHA-1 lists are skipped.
//! - The same bytes give the same values: no clock, no locale, no map order.
//!
//! It fetches nothing, stores nothing and installs nothing.

mod closure;
mod deb;
mod error;
mod origin;
mod package;
mod relation;
mod release;

pub use closure::{Candidates, Chosen, Closure, ClosureError, Wish};
pub use deb::{Control, DataEntry, DebError, DebReader, EntryKind};
pub use error::IndexError;
pub use gabion_dpkg::{Fields, SyntaxError, Version, fields, stanzas};
pub use gabion_openpgp::{Keyring, SignatureError, Signed, Signers, verify_clearsigned};
pub use origin::{ORIGINS, Origin, Part};
pub use package::{Package, is_package_name, packages, unpack};
pub use relation::{Operator, Relation, relations};
pub use release::Release;
