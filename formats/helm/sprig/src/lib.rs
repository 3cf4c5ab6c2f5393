//! The functions of templates that Helm takes from sprig 3.3.
//!
//! [`table`] has every function of sprig's `TxtFuncMap` but `env` and `expandenv`, which Helm takes away, with the types
//! of their Go signatures. Each behaves as the real one does with the dependencies that Helm 4.3 pins; the tests ask it.
//!
//! # Where it differs
//! - What Go gives in the random order of its maps (`keys`, `values`) comes in the order of the keys.
//! - What would end Go's process (a map that holds itself, a text too large for the memory) is an error.
//! - `getHostByName` gives nothing, as Helm's does unless it is told otherwise.
//! - The only zones are UTC, its other names, and those without a history. An unknown zone is UTC, as in sprig.
//! - Random numbers, the clock, and keys are real, and tainted: a build refuses them in its outputs.
//!
//! It executes nothing, reads no file and asks no network.

#![expect(
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "Go's conversions of numbers are part of what the functions do; lengths fit any of the types"
)]
#![expect(clippy::unnecessary_wraps, reason = "every function of the table gives an answer or an error")]

mod call;
mod crypto;
mod default;
mod dict;
mod encode;
mod equal;
pub mod json;
mod kinds;
mod list;
mod number;
mod path;
mod regex;
mod runes;
pub mod semver;
mod text;
mod time;
mod url;

use std::sync::LazyLock;

use gabion_template::Function;

static TABLE: LazyLock<Vec<Function>> = LazyLock::new(|| {
    let single = [
        default::FUNCTIONS,
        encode::FUNCTIONS,
        json::FUNCTIONS,
        kinds::FUNCTIONS,
        path::FUNCTIONS,
        regex::FUNCTIONS,
        semver::FUNCTIONS,
        time::FUNCTIONS,
        url::FUNCTIONS,
    ];
    let families =
        [crypto::FAMILIES, dict::FAMILIES, list::FAMILIES, number::FAMILIES, text::FAMILIES, &single];
    let mut all: Vec<Function> = families.into_iter().flatten().copied().flatten().copied().collect();
    all.sort_unstable_by_key(|function| function.name);
    all
});

/// Every function, sorted by name.
pub fn table() -> &'static [Function] {
    &TABLE
}

/// The function of this name.
pub fn get(name: &str) -> Option<&'static Function> {
    let at = TABLE.binary_search_by(|function| function.name.cmp(name)).ok()?;
    Some(&TABLE[at])
}
