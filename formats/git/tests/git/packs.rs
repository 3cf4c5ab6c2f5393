//! Packs of `git pack-objects`, with every kind of delta that it writes.

use crate::repository::{Repository, has_git};
use gabion_git::{Limits, Objects, PackError};
use std::io::Cursor;

fn read(pack: &[u8]) -> Result<Objects<Cursor<Vec<u8>>>, PackError> {
    Objects::read(pack, Cursor::new(Vec::new()), Limits::default())
}

/// Every object with its kind and size, as `git cat-file` lists them.
fn listed(objects: &Objects<Cursor<Vec<u8>>>) -> Vec<String> {
    let line = |id| objects.get(id).map(|(kind, size)| format!("{id} {} {size}", kind.as_str()));
    objects.ids().filter_map(line).collect()
}

#[test]
fn every_object_of_a_pack_has_the_name_that_git_gives_it() {
    if !has_git() {
        return;
    }
    let repository = Repository::full();
    let all = repository.line(&["cat-file", "--batch-all-objects", "--batch-check"]);
    let all: Vec<&str> = all.lines().collect();
    let names = all.iter().map(|line| &line[..40]).collect::<Vec<_>>().join("\n");
    for options in [
        &["--no-reuse-delta"][..],
        &["--delta-base-offset", "--window=50", "--depth=50", "--no-reuse-delta"],
        &["--window=0", "--no-reuse-delta", "--no-reuse-object"],
        &["--compression=0", "--delta-base-offset"],
    ] {
        let pack = repository
            .git_with(&[&["pack-objects", "--stdout", "--quiet"], options].concat(), names.as_bytes());
        assert_eq!(listed(&read(&pack).unwrap()), all, "{options:?}");
    }
}

#[test]
fn deltas_without_their_base_are_an_error() {
    if !has_git() {
        return;
    }
    let repository = Repository::full();
    let pack = repository
        .git_with(&["pack-objects", "--stdout", "--quiet", "--thin", "--revs"], b"main\n^main~1\n^side~1\n");
    match read(&pack) {
        Err(error @ PackError::Thin { .. }) => assert_eq!(error.code(), "E1007"),
        other => panic!("{other:?}"),
    }
}
