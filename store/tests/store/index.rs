//! The index is derived: damaged, locked, stale or gone, it costs time and nothing else.

use crate::world::{Index, World, record_of};
use gabion_digest::{ActionId, Digest};
use gabion_store::{Need, Policy, Referrer, Root, Store};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn files_below(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, out) } else { out.push(path) }
    }
}

fn filled(index: Index) -> World {
    let world = World::new(index);
    for number in 0..200_u32 {
        let hashed = world.put(&number.to_le_bytes()).unwrap();
        let action = ActionId::new(Digest::of(&number.to_le_bytes()));
        world.put_action(action, &record_of(hashed)).unwrap();
    }
    world
}

/// Everything that the index could change.
fn answers(store: &Store) -> String {
    let id = gabion_digest::hash_bytes(&7_u32.to_le_bytes()).blob;
    let policy = Policy { keep: Duration::from_secs(3600), dry_run: true, ..Policy::default() };
    let answers = (store.list(), store.usage(), store.referrers(id), store.gc(&policy));
    format!("{answers:?}")
}

#[test]
fn the_index_is_made_folded_and_empties_the_journals() {
    let world = filled(Index::On);
    let journals = || fs_err::read_dir(world.root().join("journal")).unwrap().count();
    assert!(journals() >= 1 && !world.root().join("index").exists(), "a build never opens the index");
    world.list().unwrap();
    assert!(world.root().join("index/sled-0.34-v1").is_dir());
    assert_eq!(journals(), 0);
}

#[test]
fn answers_are_the_same_without_it() {
    let expected = answers(&filled(Index::Off));
    let world = filled(Index::On);
    for _ in 0..2 {
        assert_eq!(answers(&world), expected);
    }
    fs_err::remove_dir_all(world.root().join("index")).unwrap();
    assert_eq!(answers(&world), expected);
}

#[test]
fn damage_anywhere_in_it_costs_time_only() {
    let world = filled(Index::On);
    let expected = answers(&world);
    let mut seed = 1_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    };
    for round in 0..24 {
        let mut files = Vec::new();
        files_below(&world.root().join("index"), &mut files);
        files.retain(|path| path.metadata().unwrap().len() > 0);
        let path = &files[random() as usize % files.len()];
        let file = fs_err::OpenOptions::new().read(true).write(true).open(path).unwrap().into_file();
        let len = file.metadata().unwrap().len();
        match round % 3 {
            0 => file.set_len(random() % len).unwrap(),
            1 => file.write_all_at(&[0; 4096], random() % len).unwrap(),
            _ => (0..16).for_each(|_| file.write_all_at(&[random() as u8], random() % len).unwrap()),
        }
        drop(file);
        assert_eq!(answers(&world), expected, "round {round}: {}", path.display());
    }
}

#[test]
fn a_locked_index_is_not_waited_for() {
    let world = filled(Index::On);
    let expected = answers(&world);
    let lock = fs_err::File::open(world.root().join("index.lock")).unwrap();
    lock.file().lock().unwrap();
    let began = std::time::Instant::now();
    assert_eq!(answers(&world), expected);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_blob_that_it_remembers_but_that_is_gone_is_gone() {
    let world = filled(Index::On);
    let before = world.list().unwrap();
    fs_err::remove_file(world.path_of(before[0].id)).unwrap();
    assert_eq!(world.list().unwrap(), before[1..]);
    assert_eq!(world.usage().unwrap().blobs.files, before.len() - 1);
}

#[test]
fn who_names_a_blob_is_found() {
    crate::world::every(|store| {
        let hashed = store.put(b"named").unwrap();
        let action = ActionId::new(Digest::of(b"action"));
        let request = gabion_digest::RequestId::new(Digest::of(b"request"));
        store.put_action(action, &record_of(hashed)).unwrap();
        store.put_record(request, &record_of(hashed)).unwrap();
        store.set_root("a", &Root { needs: [Need::Request(request)].into(), ..Root::default() }).unwrap();
        let expected = [Referrer::Root("a".to_owned()), Referrer::Request(request), Referrer::Action(action)];
        assert_eq!(store.referrers(hashed.blob).unwrap(), expected);
        assert!(store.referrers(store.put(b"not named").unwrap().blob).unwrap().is_empty());
    });
}
