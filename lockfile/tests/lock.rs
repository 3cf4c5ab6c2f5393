//! The lock: one text, foreign readers, foreign merges.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use gabion_digest::Sha256;
use gabion_lockfile::{Entry, Lock, LockError, Trust, diff, parse, parse_merging};
use std::process::Command;

fn entry(text: &str) -> Entry {
    Entry {
        request: format!("url:https://example.net/{text}"),
        version: Some(format!("v{text}")),
        url: format!("https://example.net/{text} \"quoted\" \\ \u{1}"),
        size: text.len() as u64,
        sha256: Sha256::of(text.as_bytes()),
        trust: Trust::ChecksumFile("sha256sum.txt".to_owned()),
    }
}

fn lock(entries: &[(&str, &str)]) -> Lock {
    Lock { entries: entries.iter().map(|(id, text)| ((*id).to_owned(), entry(text))).collect() }
}

#[test]
fn the_text_comes_back_and_toml_reads_the_same() {
    let lock = lock(&[("fetch.a", "1"), ("k3s.main#binary", "2")]);
    let text = lock.to_string();
    assert_eq!(parse(&text), Ok(lock.clone()));
    let foreign: toml::Table = text.parse().unwrap();
    let artifacts = foreign["artifact"].as_array().unwrap();
    assert_eq!(artifacts.len(), 2);
    for artifact in artifacts {
        let entry = &lock.entries[artifact["id"].as_str().unwrap()];
        assert_eq!(artifact["url"].as_str(), Some(entry.url.as_str()));
        assert_eq!(artifact["size"].as_integer(), Some(entry.size.cast_signed()));
        assert_eq!(artifact["sha256"].as_str(), Some(entry.sha256.hex().as_str()));
    }
}

#[test]
fn a_damaged_lock_is_told_with_its_line() {
    let good = lock(&[("fetch.a", "1")]).to_string();
    let check = |text: String, expected: &str| assert_eq!(parse(&text).unwrap_err().to_string(), expected);
    check(good.replace("size = 1", "size = x"), "line 9: `size` is a number of bytes");
    check(good.replace("request =", "reqest ="), "line 6: an artifact has no field `reqest`");
    check(
        good.replace("trust = \"checksum-file:sha256sum.txt\"\n", ""),
        "line 4: this artifact has no `trust`",
    );
    check(
        good.replace("version = 1\n", "version = 7\n"),
        "the lock has version 7, this program reads version 1",
    );
    check(good.clone() + &good[good.find("\n[[").unwrap()..], "line 14: `fetch.a` is locked twice");
}

/// Merges two changes of `base` with real git and gives the merged text.
fn git_merge(base: &Lock, ours: &Lock, theirs: &Lock) -> Option<(bool, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, lock) in [("base", base), ("ours", ours), ("theirs", theirs)] {
        fs_err::write(path(name), lock.to_string()).unwrap();
    }
    let merge = Command::new("git")
        .args(["merge-file", "-p"])
        .args([path("ours"), path("base"), path("theirs")])
        .output();
    let Ok(merge) = merge else {
        assert!(std::env::var_os("CI").is_none(), "git is missing");
        eprintln!("skipped: merges with git (needs git)");
        return None;
    };
    Some((merge.status.success(), String::from_utf8(merge.stdout).unwrap()))
}

#[test]
fn changes_of_neighbours_merge_without_a_conflict() {
    let base = lock(&[("fetch.a", "1"), ("fetch.b", "1"), ("fetch.c", "1")]);
    let ours = lock(&[("fetch.a", "2"), ("fetch.b", "1"), ("fetch.c", "1")]);
    let theirs = lock(&[("fetch.a", "1"), ("fetch.b", "3"), ("fetch.c", "1")]);
    let Some((clean, text)) = git_merge(&base, &ours, &theirs) else { return };
    assert!(clean);
    assert_eq!(parse(&text), Ok(lock(&[("fetch.a", "2"), ("fetch.b", "3"), ("fetch.c", "1")])));
}

#[test]
fn a_conflict_of_git_contests_only_what_differs() {
    let base = lock(&[("fetch.a", "1"), ("fetch.z", "1")]);
    let ours = lock(&[("fetch.a", "2"), ("fetch.o", "1"), ("fetch.z", "1")]);
    let theirs = lock(&[("fetch.a", "3"), ("fetch.t", "1"), ("fetch.z", "1")]);
    let Some((clean, text)) = git_merge(&base, &ours, &theirs) else { return };
    assert!(!clean);
    assert!(matches!(parse(&text), Err(LockError::Conflict { .. })));
    let parsed = parse_merging(&text).unwrap();
    assert_eq!(parsed.contested.iter().collect::<Vec<_>>(), ["fetch.a"]);
    assert_eq!(parsed.lock, lock(&[("fetch.o", "1"), ("fetch.t", "1"), ("fetch.z", "1")]));
}

#[test]
fn markers_that_do_not_pair_are_refused() {
    let text = lock(&[("fetch.a", "1")]).to_string();
    for bad in ["<<<<<<< ours\n", "=======\n", "<<<<<<< a\n=======\n<<<<<<< b\n"] {
        assert!(matches!(parse_merging(&(text.clone() + bad)), Err(LockError::Conflict { .. })), "{bad}");
    }
}

#[test]
fn a_difference_reads_without_colour() {
    let old = lock(&[("fetch.a", "1"), ("fetch.b", "1"), ("fetch.c", "1")]);
    let new = lock(&[("fetch.a", "22"), ("fetch.c", "1"), ("fetch.d", "1")]);
    let lines: Vec<String> = diff(&old, &new).iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["~ fetch.a  v1 → v22  +1 B", "- fetch.b  v1  -1 B", "+ fetch.d  v1  +1 B"]);
}
