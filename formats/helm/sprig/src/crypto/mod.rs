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

pub(crate) const FAMILIES: &[&[gabion_template::Function]] = &[
    aes::FUNCTIONS,
    certificate::FUNCTIONS,
    hash::FUNCTIONS,
    key::FUNCTIONS,
    password::FUNCTIONS,
    random::FUNCTIONS,
];
