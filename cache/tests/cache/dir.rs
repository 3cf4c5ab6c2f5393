//! A folder as a cache.

use gabion_cache::contract::contract;
use gabion_cache::{CacheError, DirRemote, Manners, Remote, Source, fetch};
use gabion_digest::hash_bytes;
use gabion_store::{Output, Store};
use std::path::{Path, PathBuf};

/// The one file of a blob in a cache below `root`.
fn file_of(root: &Path, blob: &Output) -> PathBuf {
    let hex = blob.blob.hex();
    root.join("blob").join(&hex[..2]).join(hex)
}

#[tokio::test]
async fn a_folder_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("not/there/yet");
    contract(&DirRemote::new(&root)).await;
    let left: Vec<_> = fs_err::read_dir(root.join("tmp")).unwrap().collect();
    assert!(left.is_empty(), "nothing is left of what was refused: {left:?}");
}

#[tokio::test]
async fn damage_in_a_folder_is_no_bytes_and_the_next_put_heals_it() {
    let folder = tempfile::tempdir().unwrap();
    let remote = DirRemote::new(&folder.path().join("cache"));
    let store = Store::open(&folder.path().join("store")).unwrap();
    let content = b"stones in a cage".repeat(1000);
    let blob: Output = hash_bytes(&content).into();
    let source = Source::of_bytes(content.clone(), &blob);
    remote.put(&source).await.unwrap();
    let path = file_of(&folder.path().join("cache"), &blob);
    let mut damaged = content.clone();
    damaged[777] ^= 1;
    fs_err::write(&path, &damaged).unwrap();
    let error = fetch(&remote, &store, &blob, &Manners::default()).await.unwrap_err();
    assert!(matches!(&error, CacheError::Lie { .. }) && error.code() == "E2003", "{error}");
    assert!(!store.has(blob.blob) && store.find(blob.sha256).unwrap().is_none(), "nobody can read a lie");
    fs_err::write(&path, &content[..100]).unwrap();
    assert!(remote.has(&[blob]).await.unwrap().is_empty(), "another size is another blob");
    assert!(
        fetch(&remote, &store, &blob, &Manners::default()).await.unwrap_err().is_passing(),
        "a cut blob is a cut download"
    );
    remote.put(&source).await.unwrap();
    assert!(
        fetch(&remote, &store, &blob, &Manners::default()).await.unwrap()
            && store.check_output(&blob).unwrap()
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs_err::write(&file, b"").unwrap();
    let remote = DirRemote::new(&file);
    let blob: Output = hash_bytes(b"x").into();
    let error = remote.put(&Source::of_bytes(&b"x"[..], &blob)).await.unwrap_err();
    assert!(error.code() == "E2006" && error.to_string().contains(remote.name()), "{error}");
    assert!(error.is_remote() && !error.is_passing());
}
