//! What the traced program does: one operation on a prepared store.

use gabion_digest::{ActionId, Digest, Hashed, RequestId, Sha256};
use gabion_store::{Expect, Meta, Need, Options, Output, Policy, Record, Root, Store, StoreError, TreePath};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, SystemTime};

pub(crate) const OPERATIONS: [&str; 8] = ["put", "partial", "record", "commit", "root", "tree", "fold", "gc"];

/// Ends with this where the store said no; anything else but success and a signal is a mistake.
pub(crate) const REFUSED: i32 = 3;

/// This program, to be asked for `operation`.
pub(crate) fn command(wrapper: &[&str], operation: &str, store: &Path) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = match wrapper {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    command.env("GABION_FAULTS_OPERATION", operation).env("GABION_FAULTS_STORE", store);
    command
}

/// Does what the environment asks for, if it does.
#[expect(clippy::print_stderr, reason = "says to the test why the store said no")]
pub(crate) fn asked() -> Option<ExitCode> {
    let operation = std::env::var("GABION_FAULTS_OPERATION").ok()?;
    let path = std::env::var_os("GABION_FAULTS_STORE")?;
    let code = |result: Result<(), StoreError>| match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}: {error:?}");
            ExitCode::from(REFUSED as u8)
        }
    };
    Some(match operation.strip_prefix("storm ") {
        Some(seed) => code(crate::storm::work(Path::new(&path), seed.parse().unwrap())),
        None => code(run(&operation, Path::new(&path))),
    })
}

pub(crate) fn request(name: &str) -> RequestId {
    RequestId::new(Digest::of(name.as_bytes()))
}

pub(crate) fn record_of(hashed: Hashed) -> Record {
    let output = Output { blob: hashed.blob, sha256: hashed.sha256, size: hashed.size };
    Record { outputs: [("file".to_owned(), output)].into(), ..Record::default() }
}

pub(crate) fn age(path: &Path) {
    try_age(path).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the test moves last use into the past")]
pub(crate) fn try_age(path: &Path) -> std::io::Result<()> {
    let time = SystemTime::now() - Duration::from_secs(100 * 24 * 3600);
    fs_err::File::open(path)?.file().set_modified(time)
}

/// A store with something that is kept and something that may go.
pub(crate) fn prepare(path: &Path) {
    let store = Store::open_with(path, Options { index: false }).unwrap();
    for name in ["kept", "lost"] {
        let hashed = store.put(name.as_bytes()).unwrap();
        store.put_record(request(name), &record_of(hashed)).unwrap();
        let action = ActionId::new(Digest::of(name.as_bytes()));
        store.put_action(action, &record_of(hashed)).unwrap();
        age(&store.path_of(hashed.blob));
    }
    let needs = [Need::Request(request("kept"))].into();
    store.set_root("kept", &Root { reason: "a test".to_owned(), needs }).unwrap();
    // A journal of a process that is gone, for `fold`.
    Store::open(path).unwrap().put(b"journalled").unwrap();
}

/// One operation. Doing it again must be possible whatever became of the first time.
pub(crate) fn run(operation: &str, path: &Path) -> Result<(), StoreError> {
    let store = Store::open(path)?;
    match operation {
        "put" => put(&store).map(drop),
        "partial" => partial(&store),
        "record" => {
            let hashed = put(&store)?;
            store.put_action(ActionId::new(Digest::of(b"new")), &record_of(hashed))?;
            store.put_record(request("new"), &record_of(hashed))?;
            assert!(store.record(request("new"))?.is_some());
            Ok(())
        }
        "commit" => commit(&store),
        "root" => {
            let lease = store.lease()?;
            lease.need(Need::Request(request("lost")))?;
            let root = Root { reason: "new".to_owned(), needs: [Need::Request(request("lost"))].into() };
            store.set_root("new", &root)?;
            assert_eq!(store.roots()?["new"], root);
            store.remove_root("new").map(drop)
        }
        "tree" => tree(&store),
        "fold" => {
            let listed = store.list()?;
            let quiet = Store::open_with(path, Options { index: false })?.list()?;
            assert_eq!(listed, quiet);
            Ok(())
        }
        "gc" => {
            let report =
                store.gc(&Policy { keep: Duration::ZERO, wait: Duration::ZERO, ..Policy::default() })?;
            assert_eq!(report.kept.files, 1);
            assert!(report.alone);
            Ok(())
        }
        other => panic!("no operation `{other}`"),
    }
}

fn put(store: &Store) -> Result<Hashed, StoreError> {
    let mut batch = store.batch();
    let first = batch.put(b"new bytes")?;
    batch.put(b"other new bytes")?;
    batch.commit()?;
    Ok(first)
}

/// Two results at once: their blobs, then the records of their actions and requests.
fn commit(store: &Store) -> Result<(), StoreError> {
    let mut batch = store.batch();
    let results = [("one", batch.put(b"one")?), ("other", batch.put(b"other")?)];
    let mut pending = batch.end();
    for (name, hashed) in results {
        let record = record_of(hashed);
        pending = pending.action(ActionId::new(Digest::of(name.as_bytes())), &record)?;
        pending = pending.request(request(name), &record)?;
    }
    store.commit(pending)?;
    assert!(store.record(request("one"))?.is_some() && store.record(request("other"))?.is_some());
    Ok(())
}

fn partial(store: &Store) -> Result<(), StoreError> {
    let bytes = [b'p'; 5000];
    let sha256 = Sha256::of(&bytes);
    let expect = Expect { sha256: Some(sha256), ..Expect::default() };
    if let Some(mut partial) = store.partial(sha256, expect)? {
        let there = partial.len() as usize;
        bytes[there..].chunks(2000).try_for_each(|part| partial.append(part))?;
        partial.finish()?;
    }
    assert!(store.by_sha256(sha256)?.is_some());
    Ok(())
}

fn tree(store: &Store) -> Result<(), StoreError> {
    let mut builder = store.build_tree()?;
    let meta = Meta { mode: 0o755, uid: 0, gid: 0 };
    builder.file(TreePath::new("d/f")?, meta, 5, &b"bytes"[..])?;
    builder.directory(TreePath::new("d")?, meta)?;
    let (id, tree) = builder.finish()?;
    assert_eq!(store.tree(id)?, Some(tree));
    Ok(())
}
