//! Blobs, downloads and the records of requests.

use crate::world::{every, tmp_is_empty};
use gabion_digest::{Digest, RequestId, Sha256, hash_bytes};
use gabion_store::{Expect, Output, Record, Store, StoreError};
use std::io::{Read, Seek, SeekFrom, Write};

fn expect(sha256: Sha256, size: u64) -> Expect {
    Expect { sha256: Some(sha256), size: Some(size), blob: None }
}

#[test]
fn a_blob_is_found_under_both_names_and_is_read_only() {
    every(|store| {
        use std::os::unix::fs::PermissionsExt;
        let hashed = store.put(b"stones").unwrap();
        assert_eq!(hashed, hash_bytes(b"stones"));
        assert_eq!(store.by_sha256(hashed.sha256).unwrap(), Some((hashed.blob, 6)));
        let (file, size) = store.open_blob(hashed.blob).unwrap().unwrap();
        assert_eq!((size, file.metadata().unwrap().permissions().mode() & 0o777), (6, 0o444));
        assert!(tmp_is_empty(store));
    });
}

#[test]
fn wrong_bytes_are_refused_and_leave_nothing() {
    every(|store| {
        let mut writer = store.writer().unwrap();
        writer.write_all(b"<!DOCTYPE html><p>Please log in").unwrap();
        let wanted = Sha256::of(b"a chart");
        let error = writer.finish(Expect { sha256: Some(wanted), ..Expect::default() }).unwrap_err();
        assert_eq!(error.code(), "E0405");
        let help = error.help().unwrap();
        assert!(help.contains(&wanted.to_string()) && help.contains("HTML"), "{help}");
        assert!(store.list().unwrap().is_empty() && tmp_is_empty(store));
    });
}

#[test]
fn room_on_the_way_has_no_name_and_can_be_read_again() {
    every(|store| {
        let mut file = store.scratch().unwrap();
        file.write_all(b"stones").unwrap();
        file.rewind().unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"stones");
        assert!(store.list().unwrap().is_empty() && tmp_is_empty(store));
    });
}

#[test]
fn a_draft_is_written_at_its_offsets_and_named_by_its_bytes() {
    every(|store| {
        let draft = store.draft().unwrap();
        let mut file = draft.file().unwrap();
        for (offset, bytes) in [(6, "of stones"), (0, "cage")] {
            file.seek(SeekFrom::Start(offset)).unwrap();
            file.write_all(bytes.as_bytes()).unwrap();
        }
        let hashed = draft.finish().unwrap();
        assert_eq!(hashed, hash_bytes(b"cage\0\0of stones"));
        assert_eq!(fs_err::read(store.path_of(hashed.blob)).unwrap(), b"cage\0\0of stones");
        assert_eq!(store.by_sha256(hashed.sha256).unwrap(), Some((hashed.blob, 15)));
        drop(store.draft().unwrap());
        assert!(store.list().unwrap().len() == 1 && tmp_is_empty(store));
    });
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    every(|store| {
        let mut writer = store.writer().unwrap();
        writer.write_all(b"half").unwrap();
        drop(writer);
        assert!(store.list().unwrap().is_empty() && tmp_is_empty(store));
    });
}

#[test]
fn a_download_goes_on_where_another_process_was_cut() {
    every(|store| {
        let sha256 = Sha256::of(b"first half, second half");
        let mut partial = store.partial(sha256, expect(sha256, 23)).unwrap().unwrap();
        partial.append(b"first half, ").unwrap();
        assert!(store.partial(sha256, expect(sha256, 23)).unwrap().is_none(), "two at once");
        drop(partial);
        let mut partial = store.partial(sha256, expect(sha256, 23)).unwrap().unwrap();
        assert_eq!(partial.len(), 12);
        partial.append(b"second half").unwrap();
        let hashed = partial.finish().unwrap();
        assert_eq!(hashed, hash_bytes(b"first half, second half"));
        assert_eq!(store.by_sha256(sha256).unwrap(), Some((hashed.blob, 23)));
        assert_eq!(fs_err::read_dir(store.root().join("fetch")).unwrap().count(), 0);
    });
}

#[test]
fn a_published_file_whose_name_was_left_behind_is_never_written_again() {
    every(|store| {
        let hashed = store.put(b"published").unwrap();
        let key = Sha256::of(b"https://example.net/location");
        // What a crash between giving the blob its name and removing the download's name leaves.
        let left = store.root().join("fetch").join(format!("{}.part", key.hex()));
        fs_err::hard_link(store.path_of(hashed.blob), &left).unwrap();
        let mut partial = store.partial(key, Expect::default()).unwrap().unwrap();
        assert!(partial.is_empty());
        partial.append(b"other bytes").unwrap();
        partial.restart().unwrap();
        assert!(store.verify().unwrap().damaged.is_empty());
        assert_eq!(store.read_blob(hashed.blob, 100).unwrap().unwrap(), b"published");
    });
}

#[test]
fn a_poisoned_rest_of_a_download_cannot_stay() {
    every(|store| {
        let sha256 = Sha256::of(b"good");
        let mut partial = store.partial(sha256, expect(sha256, 4)).unwrap().unwrap();
        partial.append(b"evil").unwrap();
        assert!(matches!(partial.finish(), Err(StoreError::Mismatch { .. })));
        assert!(store.partial(sha256, expect(sha256, 4)).unwrap().unwrap().is_empty());
    });
}

#[test]
fn a_download_with_wrong_bytes_begins_again_in_the_same_hands() {
    every(|store| {
        let sha256 = Sha256::of(b"good bytes");
        let mut partial =
            store.partial(sha256, Expect { size: None, ..expect(sha256, 10) }).unwrap().unwrap();
        partial.append(b"evil").unwrap();
        assert!(matches!(partial.check(), Err(StoreError::Mismatch { .. })));
        assert!(partial.is_empty());
        partial.append(b"good bytes").unwrap();
        assert_eq!(partial.check().unwrap(), hash_bytes(b"good bytes"));
        // A check is no end, and what is right was checked once.
        partial.append(b" and more").unwrap();
        assert_eq!(partial.len(), 19);
        assert!(matches!(partial.check(), Err(StoreError::Mismatch { .. })));
        partial.append(b"good bytes").unwrap();
        assert_eq!((partial.check().unwrap(), partial.len()), (hash_bytes(b"good bytes"), 10));
        assert_eq!(partial.finish().unwrap().sha256, sha256);
        assert_eq!(store.read_blob(hash_bytes(b"good bytes").blob, 100).unwrap().unwrap(), b"good bytes");
    });
}

#[test]
fn a_record_without_its_blobs_is_a_miss() {
    every(|store| {
        let hashed = store.put(b"bytes").unwrap();
        let output = Output { blob: hashed.blob, sha256: hashed.sha256, size: hashed.size };
        let mut record = Record::default();
        record.outputs.insert("file".to_owned(), output);
        record.facts.insert("version".to_owned(), "v1 with spaces".to_owned());
        let request = RequestId::new(Digest::of(b"request"));
        store.put_record(request, &record).unwrap();
        assert_eq!(store.record(request).unwrap(), Some(record));
        let hex = hashed.blob.hex();
        fs_err::remove_file(store.root().join("blob/b3").join(&hex[..2]).join(&hex)).unwrap();
        assert_eq!(store.record(request).unwrap(), None);
    });
}

#[test]
fn a_damaged_record_is_a_miss() {
    every(|store| {
        let request = RequestId::new(Digest::of(b"request"));
        store.put_record(request, &Record::default()).unwrap();
        let hex = request.hex();
        let path = store.root().join("request").join(&hex[..2]).join(&hex);
        for text in ["", "gabion-record 2\n", "gabion-record 1\noutput x\n", "gabion-record 1\n\n"] {
            store.put_record(request, &Record::default()).unwrap();
            fs_err::remove_file(&path).unwrap();
            fs_err::write(&path, text).unwrap();
            assert_eq!(store.record(request).unwrap(), None, "{text:?}");
            assert!(!path.exists(), "it is in quarantine");
        }
    });
}

#[test]
fn damaged_bytes_go_to_quarantine_and_are_a_miss() {
    every(|store| {
        let good = store.put(b"good").unwrap();
        let bad = store.put(b"soon damaged").unwrap();
        let hex = bad.blob.hex();
        let path = store.root().join("blob/b3").join(&hex[..2]).join(&hex);
        fs_err::remove_file(&path).unwrap();
        fs_err::write(&path, b"soon damaged!").unwrap();
        let health = store.repair().unwrap();
        assert_eq!((health.good, health.damaged), (1, vec![bad.blob]));
        assert!(store.has(good.blob) && !store.has(bad.blob));
        assert_eq!(store.by_sha256(bad.sha256).unwrap(), None);
        assert_eq!(store.put(b"soon damaged").unwrap().blob, bad.blob);
        assert!(store.verify().unwrap().damaged.is_empty());
    });
}

#[test]
fn another_format_is_refused_never_converted() {
    every(|store| {
        let format = store.root().join("format");
        fs_err::remove_file(&format).unwrap();
        fs_err::write(&format, "gabion-store 2\n").unwrap();
        let error = Store::open(store.root()).unwrap_err();
        assert_eq!(error.code(), "E0401");
        assert!(error.to_string().contains("gabion-store 2"), "{error}");
    });
}

#[test]
fn threads_that_store_the_same_bytes_agree() {
    every(|store| {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for number in 0..50_u32 {
                        store.put(format!("blob {}", number % 10).as_bytes()).unwrap();
                    }
                });
            }
        });
        assert_eq!(store.list().unwrap().len(), 10);
        assert!(store.verify().unwrap().damaged.is_empty() && tmp_is_empty(store));
    });
}
