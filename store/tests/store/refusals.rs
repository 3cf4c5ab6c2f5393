//! File systems that are full or cannot be written, and the rule that one file writes.

use crate::world::record_of;
use gabion_digest::{Digest, RequestId};
use gabion_store::{Need, Policy, Root, Store, StoreError};
use gabion_testkit::{has, program, run, skip_also_in_ci};
use std::path::Path;

/// A file system of its own, taken away when it is dropped. `None` where this user may not mount.
struct Mounted(tempfile::TempDir);

fn tmpfs(size: &str) -> Option<Mounted> {
    let folder = tempfile::tempdir().unwrap();
    let options = format!("size={size},mode=0777");
    if !has(&["mount"]) {
        return None;
    }
    let mut mount = program("mount");
    let done = mount.args(["-t", "tmpfs", "-o", &options, "none"]).arg(folder.path()).output().unwrap();
    if done.status.success() {
        return Some(Mounted(folder));
    }
    skip_also_in_ci("a file system cannot be mounted here");
    None
}

impl Mounted {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn read_only(&self) {
        run(program("mount").args(["-o", "remount,ro"]).arg(self.path()));
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _gone = program("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn a_read_only_store_that_is_complete_can_be_used() {
    let Some(mounted) = tmpfs("4m") else { return };
    let path = mounted.path().join("store");
    let request = RequestId::new(Digest::of(b"request"));
    let writable = Store::open(&path).unwrap();
    let hashed = writable.put(b"bytes").unwrap();
    writable.put_record(request, &record_of(hashed)).unwrap();
    writable.put_action(gabion_digest::ActionId::new(Digest::of(b"a")), &record_of(hashed)).unwrap();
    crate::world::age(&writable.path_of(hashed.blob), 100);
    drop(writable);
    mounted.read_only();

    let store = Store::open(&path).unwrap();
    assert_eq!(store.record(request).unwrap(), Some(record_of(hashed)));
    assert_eq!(store.by_sha256(hashed.sha256).unwrap(), Some((hashed.blob, 5)));
    assert_eq!(store.put(b"bytes").unwrap(), hashed, "what is here need not be written");
    let lease = store.lease().unwrap();
    lease.need(Need::Request(request)).unwrap();
    assert!(store.verify().unwrap().is_clean());
    assert_eq!(store.list().unwrap().len(), 1);
    assert_eq!(store.usage().unwrap().blobs.bytes, 5);
    store.gc(&Policy { dry_run: true, ..Policy::default() }).unwrap();
    let refused = [
        store.put(b"other").map(drop),
        store.put_record(request, &record_of(hashed)),
        store.set_root("a", &Root::default()),
        Store::open(&mounted.path().join("new")).map(drop),
        store.partial(hashed.sha256, gabion_store::Expect::default()).map(drop),
    ];
    for error in refused.map(Result::unwrap_err) {
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
        assert!(error.help().unwrap().contains("--store"));
    }
}

#[test]
fn a_full_disk_is_told_and_the_same_command_works_when_there_is_room() {
    let Some(mounted) = tmpfs("8m") else { return };
    let store = Store::open(&mounted.path().join("store")).unwrap();
    let first = store.put(&vec![1; 4_000_000]).unwrap();
    let error = store.put(&vec![2; 6_000_000]).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(error.help().unwrap().contains("make room"));
    assert!(store.verify().unwrap().is_clean());
    assert!(crate::world::tmp_is_empty(&store), "what was written of it is gone again");
    let mut batch = store.batch();
    let failed = (0..40_u8).find_map(|it| batch.put(&vec![it; 500_000]).err()).unwrap();
    assert!(matches!(failed, StoreError::Full { .. }));
    drop(batch);
    let policy = Policy { keep: std::time::Duration::ZERO, ..Policy::default() };
    assert_eq!(store.gc(&policy).unwrap().removed, [first.blob], "garbage is collected on a full disk too");
    store.put(&vec![2; 6_000_000]).unwrap();
    assert!(store.verify().unwrap().is_clean());
}

#[test]
fn a_folder_that_cannot_hold_a_store_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs_err::write(&file, "").unwrap();
    let error = Store::open(&file).unwrap_err();
    assert_eq!(error.code(), "E0402");
    assert!(error.to_string().contains("file"), "{error}");
}

#[test]
fn one_file_of_this_crate_writes() {
    fn sources(folder: &Path, out: &mut Vec<(String, String)>) {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, out);
            } else {
                out.push((path.display().to_string(), fs_err::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let writes = [
        "fs_err::write(",
        "OpenOptions",
        "File::create(",
        "::rename(",
        "::remove_",
        "::create_dir",
        ".set_len(",
        ".set_modified(",
        "::hard_link(",
        "linkat(",
        "utimensat(",
        "fchmod(",
        ".sync_all(",
        ".sync_data(",
    ];
    assert!(found.len() > 15);
    for (path, text) in found.iter().filter(|(path, _)| !path.ends_with("src/fs.rs")) {
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        // Our own functions of these names are that file's.
        let text = text.replace(" fs::remove_", "").replace("(fs::remove_", "");
        for call in writes {
            assert!(!text.contains(call), "`{path}` calls `{call}`: that is for `src/fs.rs`");
        }
    }
}
