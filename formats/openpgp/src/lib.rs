//! OpenPGP as archives and charts use it: a clearsigned text, and keys that the caller pins by fingerprint.
//!
//! `pgp` does the packets and the mathematics; what may be believed is decided here, stricter than in
//! other implementations where they disagree (RFC 9580 §13; the policies of `gpgv` and `sqv`):
//! - the file *is* the message: nothing before it, nothing after it, one message, no CR, no blank at the
//!   end of a line, so that every reader sees the same text;
//! - SHA-256, SHA-384 or SHA-512, also where a key binds its subkeys; RSA from 2048 bits, or an elliptic curve;
//! - the signer's primary key is pinned by its whole fingerprint, was alive when it signed, and is not
//!   revoked; a subkey is bound by its primary, binds itself back, and may sign.
//!
//! It knows no clock: `now` comes from the caller. It signs nothing, fetches no key, and holds none.

mod clearsigned;
mod error;

pub use clearsigned::{Keyring, Signed, Signers, verify_clearsigned};
pub use error::SignatureError;
