//! What a worker promises.

use crate::fixture::folder;
use gabion_sandbox::{Ids, SandboxError, Worker};
use std::io::Read;
use std::time::Duration;

/// What a worker gives for an input.
fn work(name: &str, input: &[u8]) -> Result<Vec<u8>, SandboxError> {
    let mut worker = Worker::spawn(name, input, &Ids::find()?)?;
    let mut output = Vec::new();
    worker.output().read_to_end(&mut output).unwrap();
    worker.finish().map(|()| output)
}

pub(super) fn input_goes_in_and_output_comes_out() {
    let long = vec![5; 3 << 20];
    assert_eq!(work("echo", &long).unwrap(), long);
    assert_eq!(work("echo", b"").unwrap(), b"");
}

pub(super) fn output_streams_while_the_worker_runs() {
    let mut worker = Worker::spawn("much", &[], &Ids::find().unwrap()).unwrap();
    let count = std::io::copy(&mut worker.output(), &mut std::io::sink()).unwrap();
    worker.finish().unwrap();
    assert_eq!(count, 64 << 20);
}

pub(super) fn a_refusal_and_a_panic_come_back_in_words() {
    let refused = work("refuse", b"").unwrap_err();
    assert_eq!(refused.to_string(), "`refuse` failed: it is Sunday");
    let panicked = work("panic", b"").unwrap_err().to_string();
    assert!(panicked.contains("the roof is on fire") && panicked.contains("workers.rs"), "{panicked}");
}

pub(super) fn a_worker_that_is_not_known_says_so() {
    let unknown = work("nonsense", b"").unwrap_err();
    assert_eq!(unknown.to_string(), "`nonsense` failed: there is no such worker in this program");
}

pub(super) fn what_a_worker_leaves_behind_dies_with_it() {
    let folder = folder();
    let late = folder.path().join("late");
    let mut worker =
        Worker::spawn("sleep", late.to_str().unwrap().as_bytes(), &Ids::find().unwrap()).unwrap();
    let mut begun = [0; 5];
    worker.output().read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"begun");
    drop(worker);
    std::thread::sleep(Duration::from_millis(1500));
    assert!(!late.exists());
}

pub(super) fn chown_to_a_mapped_id_works_and_is_seen_from_inside() {
    let said = work_in_a_tree("configure");
    assert_eq!(said, "0\n33:42 6755 /etc/a\n65534:65534 644 /etc/b\n0 left, ended with status 0\n");
}

/// In the form of linux/capability.h (`vfs_cap_data`, revision 2), whoever builds.
pub(super) fn a_capability_of_a_file_is_the_same_bytes_for_root_and_users() {
    if !std::path::Path::new("/usr/sbin/setcap").exists() {
        return gabion_testkit::skip("`setcap` is not installed");
    }
    let words = [0x0200_0001_u32, 1 << 13, 0, 0, 0];
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    assert_eq!(work_in_a_tree("capabilities"), format!("{bytes:?}"));
}

/// What a worker answers that works on a tree.
pub(super) fn work_in_a_tree(name: &str) -> String {
    let folder = folder();
    let path = folder.path().join("tree");
    fs_err::create_dir(&path).unwrap();
    String::from_utf8(work(name, path.to_str().unwrap().as_bytes()).unwrap()).unwrap()
}
