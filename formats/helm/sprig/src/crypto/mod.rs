//! Hashes, secrets, keys and certificates (sprig `crypto.go`).
//!
//! What is random here comes from the operating system and is tainted as such: a build refuses it in its outputs, so it
//! is made well enough to be looked at, and for no other purpose.

mod aes;
mod certificate;
mod der;
mod hash;
mod key;
mod password;
mod pem;
mod random;
mod x509;

use gabion_template::Work;

/// What takes about as long as so many steps: to find the primes of a key,
const MAKES_A_KEY: Work = Work::Steps(1_000_000);
/// to sign with one that is there,
const SIGNS: Work = Work::Steps(20_000);
/// and what is made to be slow.
const IS_SLOW: Work = Work::Steps(300_000);

pub(crate) const FAMILIES: &[&[gabion_template::Function]] = &[
    aes::FUNCTIONS,
    certificate::FUNCTIONS,
    hash::FUNCTIONS,
    key::FUNCTIONS,
    password::FUNCTIONS,
    random::FUNCTIONS,
];
