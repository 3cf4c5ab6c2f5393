//! Records of actions: several side by side, misses, and quarantine.

use crate::world::{World, damage, every, record_of};
use gabion_digest::{ActionId, Digest};
use gabion_store::{Output, Record, StoreError};
use std::path::PathBuf;

fn action(name: &str) -> ActionId {
    ActionId::new(Digest::of(name.as_bytes()))
}

fn files(world: &World, action: ActionId) -> Vec<PathBuf> {
    let hex = action.hex();
    let folder = world.root().join("act").join(&hex[..2]).join(hex);
    fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn two_results_of_one_action_stand_side_by_side() {
    every(|store| {
        let (first, second) = (store.put(b"monday").unwrap(), store.put(b"tuesday").unwrap());
        let id = action("not reproducible");
        for hashed in [first, second, first] {
            store.put_action(id, &record_of(hashed)).unwrap();
        }
        let found = store.actions(id).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found.contains(&record_of(first)) && found.contains(&record_of(second)));
        assert!(store.actions(action("another")).unwrap().is_empty());
        assert!(store.verify().unwrap().is_clean());
    });
}

#[test]
fn a_result_without_its_blobs_is_left_out_and_counts_again_when_they_are_back() {
    every(|store| {
        let (first, second) = (store.put(b"kept").unwrap(), store.put(b"lost").unwrap());
        let id = action("half lost");
        store.put_action(id, &record_of(first)).unwrap();
        store.put_action(id, &record_of(second)).unwrap();
        fs_err::remove_file(store.path_of(second.blob)).unwrap();
        assert_eq!(store.actions(id).unwrap(), [record_of(first)]);
        store.put(b"lost").unwrap();
        assert_eq!(store.actions(id).unwrap().len(), 2);
    });
}

#[test]
fn a_damaged_result_goes_to_quarantine_and_can_be_put_again() {
    every(|store| {
        let record = record_of(store.put(b"bytes").unwrap());
        let id = action("damaged");
        store.put_action(id, &record).unwrap();
        let path = files(store, id).remove(0);
        // A valid record under a name that is not its own counts as damaged too.
        for text in [b"gabion-rec".as_slice(), b"", b"gabion-record 1\n"] {
            fs_err::remove_file(&path).unwrap();
            fs_err::write(&path, text).unwrap();
            assert_eq!(store.verify().unwrap().records.len(), 1);
            assert!(store.actions(id).unwrap().is_empty());
            assert!(!path.exists());
            store.put_action(id, &record).unwrap();
            assert_eq!(store.actions(id).unwrap(), std::slice::from_ref(&record));
        }
        assert_eq!(fs_err::read_dir(store.root().join("quarantine")).unwrap().count(), 1);
    });
}

#[test]
fn putting_a_result_over_a_damaged_one_heals_it() {
    every(|store| {
        let record = record_of(store.put(b"bytes").unwrap());
        let id = action("damaged");
        store.put_action(id, &record).unwrap();
        let path = files(store, id).remove(0);
        fs_err::remove_file(&path).unwrap();
        fs_err::write(&path, b"rubbish").unwrap();
        store.put_action(id, &record).unwrap();
        assert_eq!(store.actions(id).unwrap(), [record]);
    });
}

#[test]
fn what_has_no_place_in_the_text_is_refused() {
    every(|store| {
        let hashed = store.put(b"bytes").unwrap();
        let output = Output { blob: hashed.blob, sha256: hashed.sha256, size: hashed.size };
        let tree = gabion_digest::TreeId::new(hashed.blob.digest());
        let name = |name: &str| Record { outputs: [(name.to_owned(), output)].into(), ..Record::default() };
        let fact = |key: &str, value: &str| Record {
            facts: [(key.to_owned(), value.to_owned())].into(),
            ..Record::default()
        };
        let alone = Record { trees: [("no-output".to_owned(), tree)].into(), ..Record::default() };
        let odd = [
            name(""),
            name("a b"),
            name("a\nb"),
            fact("a b", ""),
            fact("a", "b\nc"),
            fact("a", "b\r"),
            alone,
        ];
        for record in odd {
            let error = store.put_action(action("odd"), &record).unwrap_err();
            assert!(matches!(error, StoreError::Name { .. }), "{record:?}: {error}");
        }
        store.put_action(action("odd"), &fact("ünicode", "with spaces = fine")).unwrap();
    });
}

#[test]
fn a_blob_that_was_cut_is_replaced_by_the_next_put() {
    every(|store| {
        let hashed = store.put(b"a whole blob").unwrap();
        damage(store, hashed.blob, b"a who");
        assert_eq!(store.by_sha256(hashed.sha256).unwrap(), None);
        store.put(b"a whole blob").unwrap();
        assert!(store.verify().unwrap().is_clean());
    });
}

#[test]
fn a_batch_is_nothing_until_it_is_committed() {
    every(|store| {
        let mut batch = store.batch();
        let hashed: Vec<_> = (0..40_u32).map(|it| batch.put(&it.to_le_bytes()).unwrap()).collect();
        assert!(store.list().unwrap().is_empty());
        batch.commit().unwrap();
        assert!(hashed.iter().all(|it| store.has(it.blob)));
        let mut dropped = store.batch();
        dropped.put(b"never").unwrap();
        drop(dropped);
        assert_eq!(store.list().unwrap().len(), 40);
        assert!(store.verify().unwrap().is_clean() && crate::world::tmp_is_empty(store));
    });
}
