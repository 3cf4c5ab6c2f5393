//! The real sprig, built from `tests/peer` where Go is installed.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use gabion_testkit as testkit;
use serde_json::Value as Json;

/// The real answers to these calls; `None`, said aloud, where Go or its modules are missing.
pub(crate) fn ask(calls: &[Json]) -> Option<Vec<Json>> {
    static PEER: OnceLock<Option<(tempfile::TempDir, PathBuf)>> = OnceLock::new();
    let (_, program) = PEER.get_or_init(build).as_ref()?;
    let mut child =
        Command::new(program).env("TZ", "UTC").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: Vec<String> = calls.iter().map(|call| format!("{call}\n")).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.concat().as_bytes()));
    let out = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(out.status.success(), "the peer failed: {}", out.status);
    let answers: Vec<Json> =
        out.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(parse).collect();
    assert_eq!(answers.len(), calls.len());
    Some(answers)
}

fn parse(line: &[u8]) -> Json {
    serde_json::from_slice(line).unwrap()
}

fn build() -> Option<(tempfile::TempDir, PathBuf)> {
    if !testkit::has(&["go"]) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("peer");
    // With the caller's own environment: Go's cache and module settings are the machine's.
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peer"))
        .output()
        .unwrap();
    if built.status.success() {
        return Some((folder, program));
    }
    testkit::skip(&format!("the peer was not built: {}", String::from_utf8_lossy(&built.stderr)));
    None
}
