//! Keys that sign, and signatures: SSHSIG with Ed25519 (OpenSSH, `PROTOCOL.sshsig`).
//!
//! A leaf: whoever signs something says in which namespace, so that a signature over one kind of text never counts for
//! another.
//!
//! # Invariants
//! - One signature of one key over one text is accepted in one form only.
//! - No private key leaves its [`SigningKey`], except as the text of a key file.
//!
//! # What this crate does not do
//! It trusts nobody: which keys count, and when, is for whoever checks.

mod agent;
mod error;
mod key;
mod signatures;

pub use error::KeyError;
pub use key::{KeyInfo, Secret, SigningKey, public_path};
pub use signatures::{KeyId, Signatures};
