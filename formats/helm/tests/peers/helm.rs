//! Foreign programs: the real Helm, asked through `oracle.py`, and Python.

use gabion_testkit::skip;
use std::io::Write;
use std::process::{Command, Output, Stdio};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle.py");
/// The wheel is fetched once for all tests; `tests/run` fetches it before they start.
const CACHE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/helm-oracle");

/// Runs `python3` with something to read, where there is one.
fn python(arguments: &[&str], input: &str) -> Option<Output> {
    let spawned = Command::new("python3")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.ok()?;
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Some(child.wait_with_output().unwrap())
}

/// What `oracle.py` prints for a question, or `None`, said aloud, where it cannot be asked.
pub(crate) fn ask(arguments: &[&str], input: &str) -> Option<String> {
    match python(&[&[SCRIPT, CACHE], arguments].concat(), input) {
        Some(out) if out.status.code() != Some(3) => {
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            Some(String::from_utf8(out.stdout).unwrap())
        }
        _ => {
            skip("the real Helm is not here (python3, pip and the wheel that `oracle.py` pins)");
            None
        }
    }
}

/// What a script prints, or `None`, said aloud, where Python has no `module`.
pub(crate) fn script(module: &str, text: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let import = format!("import {module}");
    if !python(&["-c", &import], "").is_some_and(|it| it.status.success()) {
        skip(&format!("Python's `{module}` is not installed"));
        return None;
    }
    let out = python(&[&["-c", text], arguments].concat(), "").unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Some(out.stdout)
}
