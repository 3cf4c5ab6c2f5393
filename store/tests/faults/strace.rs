//! Kills, and errors of the disk, at the first, second, … call of each system call.

use crate::work::{self, OPERATIONS, REFUSED, prepare, request};
use gabion_store::Store;
use gabion_testkit::{has, program, skip_also_in_ci};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Whether this machine can trace; a missing tracer is told.
pub(crate) fn is_there() -> bool {
    if !has(&["strace"]) {
        return false;
    }
    let traced = program("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status().unwrap();
    if !traced.success() {
        skip_also_in_ci("`strace` may not trace here");
    }
    traced.success()
}

/// Every call by which the store changes a file system, and those of sled.
const WRITES: [&str; 13] = [
    "write",
    "pwrite64",
    "linkat",
    "rename",
    "unlink",
    "rmdir",
    "mkdir",
    "fchmod",
    "utimensat",
    "ftruncate",
    "fdatasync",
    "fsync",
    "sync_file_range",
];

/// What `error=` may hit, with an error that the call can really give.
const ERRORS: [(&str, &str); 8] = [
    ("write", "ENOSPC"),
    ("write", "EIO"),
    ("pwrite64", "ENOSPC"),
    ("linkat", "ENOSPC"),
    ("mkdir", "ENOSPC"),
    ("rename", "EIO"),
    ("fdatasync", "EIO"),
    ("fsync", "EIO"),
];

pub(crate) fn kill_everywhere() {
    if !is_there() {
        return;
    }
    let cases: Vec<_> = WRITES.iter().map(|call| (*call, "signal=SIGKILL".to_owned())).collect();
    let hit = sweep(&cases, |status| status.signal() == Some(9) || status.code() == Some(128 + 9));
    assert!(hit > 100, "only {hit} calls were hit: the sweep misses what it is for");
}

pub(crate) fn fail_everywhere() {
    if !is_there() {
        return;
    }
    let cases: Vec<_> = ERRORS.iter().map(|(call, error)| (*call, format!("error={error}"))).collect();
    let hit = sweep(&cases, |status| status.code() == Some(REFUSED));
    assert!(hit > 30, "only {hit} calls were refused");
}

/// Runs each operation with each fault at each call; how many runs it hit. Two at once.
fn sweep(cases: &[(&str, String)], is_hit: impl Fn(ExitStatus) -> bool + Sync) -> usize {
    let (next, hits) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let all: Vec<_> = OPERATIONS.iter().flat_map(|op| cases.iter().map(move |case| (*op, case))).collect();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((operation, (call, fault))) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    hits.fetch_add(sweep_one(operation, call, fault, &is_hit), Ordering::Relaxed);
                }
            });
        }
    });
    hits.into_inner()
}

/// The same call may be refused and nobody mind (a journal): then the run succeeds, and so do those after it.
fn sweep_one(operation: &str, call: &str, fault: &str, is_hit: &impl Fn(ExitStatus) -> bool) -> usize {
    let mut hits = 0;
    let mut quiet = 0;
    for number in 1..200 {
        let folder = crate::folder();
        let store = folder.path().join("store");
        prepare(&store);
        let status = traced(operation, &store, &format!("inject={call}:{fault}:when={number}"));
        let context = format!("{operation}: {call} {number} {fault}: {status:?}");
        if is_hit(status) {
            hits += 1;
            quiet = 0;
        } else {
            assert!(status.success(), "{context}");
            quiet += 1;
        }
        check(operation, &store, &context);
        // Killed, a run never succeeds; refused, it may where nobody minds.
        if quiet == if fault.starts_with("signal") { 1 } else { 3 } {
            return hits;
        }
    }
    panic!("{operation}: `{call}` never ends");
}

fn traced(operation: &str, store: &Path, inject: &str) -> ExitStatus {
    let wrapper = ["strace", "-f", "-o", "/dev/null", "-e", inject];
    work::command(&wrapper, operation, store).stderr(Stdio::null()).status().unwrap()
}

/// The store is whole, what was kept is there, and the operation succeeds now.
fn check(operation: &str, path: &Path, context: &str) {
    let store = Store::open(path).unwrap_or_else(|error| panic!("{context}: {error}"));
    let health = store.verify().unwrap();
    assert!(health.is_clean(), "{context}: {health:?}");
    assert!(store.record(request("kept")).unwrap().is_some(), "{context}: what a root keeps is gone");
    work::run(operation, path).unwrap_or_else(|error| panic!("{context}, then: {error}"));
    let health = store.verify().unwrap();
    assert!(health.is_clean(), "{context}, then: {health:?}");
}
