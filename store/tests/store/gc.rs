//! Roots, leases and what they keep.

use crate::world::{World, age, every, put_old, record_of, tmp_is_empty};
use gabion_digest::{ActionId, Digest, Hashed, RequestId, Sha256};
use gabion_store::{Expect, Meta, Need, Policy, Record, Report, Root, StoreError, TreePath};
use std::time::Duration;

fn request(name: &str) -> RequestId {
    RequestId::new(Digest::of(name.as_bytes()))
}

fn action(name: &str) -> ActionId {
    ActionId::new(Digest::of(name.as_bytes()))
}

fn root(needs: impl IntoIterator<Item = Need>) -> Root {
    Root { reason: "a test".to_owned(), needs: needs.into_iter().collect() }
}

/// Whatever is not needed right now may go.
const NOW: Policy = Policy {
    keep: Duration::ZERO,
    max_size: None,
    wait: Duration::from_millis(60),
    grace: Duration::from_secs(24 * 3600),
    dry_run: false,
};

fn record_path(world: &World, request: RequestId) -> std::path::PathBuf {
    let hex = request.hex();
    world.root().join("request").join(&hex[..2]).join(hex)
}

/// A record with one old blob, itself old too.
fn old_record(world: &World, name: &str) -> Hashed {
    let hashed = put_old(world, name.as_bytes());
    world.put_record(request(name), &record_of(hashed)).unwrap();
    age(&record_path(world, request(name)), 100);
    hashed
}

#[test]
fn what_a_root_reaches_stays_and_the_rest_goes() {
    every(|store| {
        let kept = old_record(store, "kept");
        let lost = old_record(store, "lost");
        let direct = put_old(store, b"direct");
        store.set_root("a", &root([Need::Request(request("kept")), Need::Blob(direct.blob)])).unwrap();
        let report = store.gc(&NOW).unwrap();
        assert_eq!(report.removed, [lost.blob]);
        assert_eq!((report.records, report.aliases, report.kept.files), (1, 1, 2));
        assert!(store.record(request("kept")).unwrap().is_some() && store.has(direct.blob));
        assert!(store.record(request("lost")).unwrap().is_none());
        assert_eq!(store.by_sha256(lost.sha256).unwrap(), None);
        assert_eq!(store.by_sha256(kept.sha256).unwrap(), Some((kept.blob, 4)));
        assert!(store.verify().unwrap().is_clean() && tmp_is_empty(store));
        assert_eq!(store.gc(&NOW).unwrap().removed, []);
    });
}

#[test]
fn what_was_used_lately_stays() {
    every(|store| {
        let old = old_record(store, "old");
        let new = store.put(b"new").unwrap();
        let policy = Policy { keep: Duration::from_secs(30 * 24 * 3600), ..NOW };
        // A record that was used keeps its blobs, however old they are.
        let recent = put_old(store, b"old bytes of a recent record");
        store.put_record(request("recent"), &record_of(recent)).unwrap();
        // So does looking something up.
        let looked_up = old_record(store, "looked up");
        store.record(request("looked up")).unwrap().unwrap();
        let found = put_old(store, b"found by its foreign name");
        store.by_sha256(found.sha256).unwrap().unwrap();
        assert_eq!(store.gc(&policy).unwrap().removed, [old.blob]);
        assert!([new, recent, looked_up, found].iter().all(|it| store.has(it.blob)));
    });
}

#[test]
fn a_dry_run_says_what_would_go_and_touches_nothing() {
    every(|store| {
        let lost = old_record(store, "lost");
        let report = store.gc(&Policy { dry_run: true, ..NOW }).unwrap();
        assert_eq!(
            (report.removed.as_slice(), report.records, report.aliases),
            ([lost.blob].as_slice(), 1, 1)
        );
        assert!(store.record(request("lost")).unwrap().is_some());
        assert_eq!(store.gc(&NOW).unwrap().removed, [lost.blob]);
    });
}

#[test]
fn too_large_a_store_loses_its_oldest_first() {
    every(|store| {
        let ages = [40, 10, 30, 20];
        let put = |days: u64| {
            let hashed = put_old(store, &[days as u8; 1000]);
            age(&store.path_of(hashed.blob), days);
            hashed
        };
        let blobs: Vec<Hashed> = ages.into_iter().map(put).collect();
        store.set_root("keeps-the-oldest", &root([Need::Blob(blobs[0].blob)])).unwrap();
        let policy = Policy { keep: Duration::from_secs(90 * 24 * 3600), max_size: Some(2500), ..NOW };
        let report = store.gc(&policy).unwrap();
        let mut expected = vec![blobs[2].blob, blobs[3].blob];
        expected.sort();
        assert_eq!(report.removed, expected);
        assert_eq!(report.kept.bytes, 2000);
    });
}

#[test]
fn a_lease_keeps_what_it_needs_while_its_owner_lives() {
    every(|store| {
        let needed = old_record(store, "needed");
        let lost = old_record(store, "lost");
        let lease = store.lease().unwrap();
        lease.need(Need::Request(request("needed"))).unwrap();
        lease.need(Need::Request(request("needed"))).unwrap();
        let report = store.gc(&NOW).unwrap();
        assert!(!report.alone);
        assert_eq!(report.removed, [lost.blob]);
        drop(lease);
        let report = store.gc(&NOW).unwrap();
        assert!(report.alone);
        assert_eq!(report.removed, [needed.blob]);
        assert_eq!(fs_err::read_dir(store.root().join("lease")).unwrap().count(), 0);
    });
}

#[test]
fn beside_a_lease_only_what_is_older_than_the_grace_period_goes() {
    every(|store| {
        let lease = store.lease().unwrap();
        let young = store.put(b"put by a build that has not named it yet").unwrap();
        let report = store.gc(&Policy { grace: Duration::ZERO, ..NOW }).unwrap();
        assert_eq!((report.alone, report.removed), (false, vec![]));
        assert!(store.has(young.blob));
        drop(lease);
        assert_eq!(store.gc(&NOW).unwrap().removed, [young.blob]);
    });
}

#[test]
fn the_lease_of_a_dead_process_keeps_nothing_and_is_swept() {
    every(|store| {
        let lost = old_record(store, "lost");
        let left = store.root().join("lease/4711-0");
        fs_err::write(&left, format!("request {}\n", request("lost"))).unwrap();
        let report = store.gc(&NOW).unwrap();
        assert_eq!((report.removed, left.exists()), (vec![lost.blob], false));
    });
}

#[test]
fn a_tree_is_kept_with_its_content() {
    every(|store| {
        let mut builder = store.build_tree().unwrap();
        let meta = Meta { mode: 0o644, uid: 0, gid: 0 };
        builder.file(TreePath::new(*b"file").unwrap(), meta, 5, &b"bytes"[..]).unwrap();
        let (id, tree) = builder.finish().unwrap();
        let manifest = gabion_digest::BlobId::new(id.digest());
        age(&store.path_of(manifest), 100);
        age(&store.path_of(tree.content().blob), 100);
        let record = Record {
            outputs: [("root".to_owned(), tree.content())].into(),
            trees: [("root".to_owned(), id)].into(),
            ..Record::default()
        };
        store.put_action(action("unpack"), &record).unwrap();
        for need in [Need::Tree(id), Need::Action(action("unpack"))] {
            store.set_root("tree", &root([need])).unwrap();
            assert_eq!(store.gc(&NOW).unwrap().removed, [], "{need}");
            assert_eq!(store.actions(action("unpack")).unwrap(), std::slice::from_ref(&record));
        }
        assert!(store.remove_root("tree").unwrap() && !store.remove_root("tree").unwrap());
        assert_eq!(store.gc(&NOW).unwrap().blobs.files, 2);
        assert!(store.actions(action("unpack")).unwrap().is_empty());
        assert!(store.tree(id).unwrap().is_none());
    });
}

#[test]
fn an_action_stays_known_while_its_blobs_are_kept_anyway() {
    every(|store| {
        let kept = old_record(store, "kept");
        let lost = put_old(store, b"lost");
        store.put_action(action("gave kept"), &record_of(kept)).unwrap();
        store.put_action(action("gave lost"), &record_of(lost)).unwrap();
        store.put_action(action("gave nothing"), &Record::default()).unwrap();
        store.set_root("a", &root([Need::Request(request("kept"))])).unwrap();
        let report = store.gc(&NOW).unwrap();
        assert_eq!((report.records, report.removed), (2, vec![lost.blob]));
        assert_eq!(store.actions(action("gave kept")).unwrap().len(), 1);
        // Empty folders of actions do not pile up.
        let hex = action("gave lost").hex();
        assert!(!store.root().join("act").join(&hex[..2]).join(hex).exists());
    });
}

#[test]
fn what_dead_processes_left_goes_and_what_the_living_hold_stays() {
    every(|store| {
        let writer = store.writer().unwrap();
        fs_err::write(store.root().join("tmp/4711-0"), b"left").unwrap();
        let (left, fresh) = (Sha256::of(b"left"), Sha256::of(b"fresh"));
        for key in [left, fresh] {
            let mut partial = store.partial(key, Expect::default()).unwrap().unwrap();
            partial.append(b"half").unwrap();
        }
        let path = |key: Sha256| store.root().join("fetch").join(format!("{}.part", key.hex()));
        age(&path(left), 100);
        let policy = Policy { keep: Duration::from_secs(24 * 3600), ..NOW };
        let report = store.gc(&policy).unwrap();
        assert_eq!((report.left_over.files, report.left_over.bytes), (2, 8));
        assert!(path(fresh).exists() && !path(left).exists());
        writer.finish(Expect::default()).unwrap();
        let held = store.partial(fresh, Expect::default()).unwrap().unwrap();
        age(&path(fresh), 100);
        assert_eq!(store.gc(&policy).unwrap().left_over.files, 0);
        drop(held);
        assert_eq!(store.gc(&policy).unwrap().left_over.files, 1);
    });
}

#[test]
fn what_a_killed_run_had_moved_aside_comes_back() {
    every(|store| {
        let hashed = store.put(b"moved aside").unwrap();
        let hex = hashed.blob.hex();
        let aside = store.root().join("tmp/gc-4711-0");
        fs_err::create_dir(&aside).unwrap();
        fs_err::rename(store.path_of(hashed.blob), aside.join(format!("blob!b3!{}!{hex}", &hex[..2])))
            .unwrap();
        assert!(!store.has(hashed.blob));
        store.set_root("a", &root([Need::Blob(hashed.blob)])).unwrap();
        let report: Report = store.gc(&NOW).unwrap();
        assert_eq!((report.removed, store.has(hashed.blob), aside.exists()), (vec![], true, false));
    });
}

#[test]
fn nothing_is_removed_past_a_root_that_cannot_be_read() {
    every(|store| {
        let hashed = put_old(store, b"perhaps kept");
        let path = store.root().join("roots/broken");
        for text in
            ["", "gabion-root 1\n", "gabion-root 1\nreason x\nblob b3:12\n", "gabion-root 2\nreason x\n"]
        {
            fs_err::write(&path, text).unwrap();
            let error = store.gc(&NOW).unwrap_err();
            assert!(matches!(&error, StoreError::Root { name } if name == "broken"), "{error}");
            assert!(store.has(hashed.blob));
        }
        assert_eq!(store.repair().unwrap().roots, ["broken"]);
        assert_eq!(store.gc(&NOW).unwrap().removed, [hashed.blob]);
    });
}

#[test]
fn a_root_is_a_plain_file_with_one_spelling() {
    every(|store| {
        let kept = root([Need::Request(request("a")), Need::Blob(store.put(b"b").unwrap().blob)]);
        store.set_root("web_1.0-rc+1@home", &kept).unwrap();
        assert_eq!(store.roots().unwrap(), [("web_1.0-rc+1@home".to_owned(), kept.clone())].into());
        let meta = fs_err::symlink_metadata(store.root().join("roots/web_1.0-rc+1@home")).unwrap();
        assert!(meta.is_file());
        for name in ["", ".hidden", "a/b", "..", "a b", "ü", &"x".repeat(201)] {
            assert!(matches!(store.set_root(name, &kept), Err(StoreError::Name { .. })), "{name:?}");
            assert!(store.remove_root(name).is_err());
        }
        let odd = Root { reason: "two\nlines".to_owned(), ..kept };
        assert!(store.set_root("a", &odd).is_err());
        assert_eq!(store.verify().unwrap().roots, [format!("web_1.0-rc+1@home: request {}", request("a"))]);
    });
}

#[test]
fn usage_tells_shared_from_exclusive() {
    every(|store| {
        let (a, b, c) =
            (store.put(&[1; 10]).unwrap(), store.put(&[2; 200]).unwrap(), store.put(&[3; 3000]).unwrap());
        store.put(&vec![4; 40_000]).unwrap();
        store.set_root("one", &root([a, b].map(|it| Need::Blob(it.blob)))).unwrap();
        store.set_root("two", &root([b, c].map(|it| Need::Blob(it.blob)))).unwrap();
        let usage = store.usage().unwrap();
        let bytes: Vec<_> =
            usage.roots.iter().map(|it| (&*it.name, it.total.bytes, it.exclusive.bytes)).collect();
        assert_eq!(bytes, [("one", 210, 10), ("two", 3200, 3000)]);
        assert_eq!((usage.blobs.files, usage.blobs.bytes, usage.unreached.bytes), (4, 43_210, 40_000));
    });
}
