//! What may be linked: licences, sources and banned crates, as `deny.toml` says them, without its tool.

use std::collections::{BTreeMap, BTreeSet};

/// The licences that may be relied on; one choice of every crate's expression must lie within.
const LICENCES: [&str; 8] =
    ["Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "Unicode-3.0", "Zlib"];

/// Crates that nothing may bring in; the reasons stand in `deny.toml`.
const BANNED: [&str; 6] = ["tokio-tar", "openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"];

/// Where crates of others come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn metadata() -> serde_json::Value {
    let platform = "x86_64-unknown-linux-gnu";
    let cargo = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    serde_json::from_slice(&cargo.stdout).unwrap()
}

/// The packages that are really resolved: name, version, licence, source.
fn packages() -> Vec<[String; 4]> {
    let metadata = metadata();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let resolved: BTreeSet<&str> = nodes.iter().map(|it| it["id"].as_str().unwrap()).collect();
    let all = metadata["packages"].as_array().unwrap().iter();
    all.filter(|it| resolved.contains(it["id"].as_str().unwrap()))
        .map(|it| ["name", "version", "license", "source"].map(|field| text(&it[field])))
        .collect()
}

/// Whether an SPDX expression lets us choose within [`LICENCES`] (SPDX 2.3 annex D: `AND` binds tighter
/// than `OR`; `/` is what old manifests write for `OR`).
fn is_allowed(expression: &str) -> bool {
    let text = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut rest = words.as_slice();
    let allowed = any(&mut rest);
    assert!(rest.is_empty(), "`{expression}` is no licence expression");
    allowed
}

fn any(words: &mut &[&str]) -> bool {
    let mut allowed = every(words);
    while words.first() == Some(&"OR") {
        *words = &words[1..];
        allowed |= every(words);
    }
    allowed
}

fn every(words: &mut &[&str]) -> bool {
    let mut allowed = one(words);
    while words.first() == Some(&"AND") {
        *words = &words[1..];
        allowed &= one(words);
    }
    allowed
}

fn one(words: &mut &[&str]) -> bool {
    let Some((first, rest)) = words.split_first() else { return false };
    *words = rest;
    if *first == "(" {
        let allowed = any(words);
        *words = words.strip_prefix(&[")"]).unwrap_or(words);
        return allowed;
    }
    if words.first() == Some(&"WITH") {
        // An exception only ever permits more.
        *words = words.get(2..).unwrap_or_default();
    }
    LICENCES.contains(first)
}

#[test]
fn licence_expressions_are_read_as_spdx_says() {
    for good in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0-only OR MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR CC0-1.0",
        "MPL-2.0 AND MIT OR ISC",
    ] {
        assert!(is_allowed(good), "{good}");
    }
    for bad in ["", "GPL-3.0-only", "MIT AND MPL-2.0", "MIT AND (GPL-2.0-only OR LGPL-2.1-or-later)"] {
        assert!(!is_allowed(bad), "{bad}");
    }
}

#[test]
fn every_crate_has_a_licence_that_is_allowed() {
    for [name, version, licence, _] in packages() {
        assert!(is_allowed(&licence), "{name} {version} is under `{licence}`");
    }
}

#[test]
fn crates_come_from_this_repository_or_from_crates_io() {
    let packages = packages();
    assert!(packages.len() > 100, "only {} crates", packages.len());
    for [name, version, _, source] in packages {
        let ours = source.is_empty() && name.starts_with("gabion");
        assert!(ours || source == REGISTRY, "{name} {version} comes from `{source}`");
    }
}

#[test]
fn no_banned_crate_is_linked_and_one_implementation_signs() {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for [name, version, ..] in packages() {
        versions.entry(name).or_default().push(version);
    }
    for name in BANNED {
        assert!(!versions.contains_key(name), "`{name}` is linked: `cargo tree -i {name}` says by whom");
    }
    let dalek = &versions["curve25519-dalek"];
    assert_eq!(dalek.len(), 1, "several versions of curve25519-dalek: {dalek:?}");
}

#[test]
fn the_tool_and_this_test_say_the_same() {
    let text = fs_err::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml")).unwrap();
    let deny: toml::Table = text.parse().unwrap();
    let allowed: Vec<&str> =
        deny["licenses"]["allow"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(allowed, LICENCES);
    let bans = deny["bans"]["deny"].as_array().unwrap().iter();
    let banned: Vec<&str> = bans
        .filter(|it| it.get("deny-multiple-versions").is_none())
        .map(|it| it["crate"].as_str().unwrap())
        .collect();
    assert_eq!(banned, BANNED);
}
