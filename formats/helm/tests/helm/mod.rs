//! The real Helm, asked through `oracle.py`.

use std::io::Write;
use std::process::{Command, Stdio};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle.py");
/// The wheel is fetched once for all tests; `tests/run` fetches it before they start.
const CACHE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/helm-oracle");

/// What `oracle.py` prints for a question, or `None`, said aloud, where it cannot be asked.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn ask(arguments: &[&str], input: &str) -> Option<String> {
    let spawned = Command::new("python3")
        .args([SCRIPT, CACHE])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let out = spawned.ok().map(|mut child| {
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    });
    match out {
        Some(out) if out.status.code() != Some(3) => {
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            Some(String::from_utf8(out.stdout).unwrap())
        }
        _ => {
            assert!(std::env::var_os("CI").is_none(), "the real Helm cannot be asked");
            eprintln!(
                "skipped: the real Helm is not here (python3, pip and the wheel that `oracle.py` pins)"
            );
            None
        }
    }
}
