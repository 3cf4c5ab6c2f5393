//! Go itself: the libraries that Helm is made of, behind two pipes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use gabion_testkit::{has, skip};
use serde_json::{Value, json};

/// A running peer.
pub(crate) struct Peer {
    child: Child,
    asks: Option<ChildStdin>,
    says: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts one, unless Go is not there.
    pub(crate) fn start() -> Option<Self> {
        let mut child = Command::new(built()?).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let asks = child.stdin.take();
        let says = BufReader::new(child.stdout.take().unwrap());
        Some(Self { child, asks, says })
    }

    /// One answer.
    pub(crate) fn ask(&mut self, request: &Value) -> Value {
        let asks = self.asks.as_mut().unwrap();
        writeln!(asks, "{request}").unwrap();
        asks.flush().unwrap();
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?} for {request}"))
    }

    /// What it reads from a text.
    pub(crate) fn load(&mut self, op: &str, text: &str) -> Result<Value, String> {
        answer(&self.ask(&json!({"op": op, "text": text})), "json")
    }

    /// What it writes for a value.
    pub(crate) fn dump(&mut self, op: &str, value: &Value) -> Result<String, String> {
        let said = self.ask(&json!({"op": op, "json": value}));
        answer(&said, "text").map(|it| it.as_str().unwrap_or_default().to_owned())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.asks.take());
        let _ = self.child.wait();
    }
}

fn answer(said: &Value, field: &str) -> Result<Value, String> {
    match &said["error"] {
        Value::String(error) => Err(error.clone()),
        _ => Ok(said[field].clone()),
    }
}

fn built() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(build).as_deref()
}

/// Go finds its cache and its proxy in the environment, so it keeps it.
fn build() -> Option<PathBuf> {
    if !has(&["go"]) {
        return None;
    }
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("yaml-peer");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer");
    let run =
        Command::new("go").args(["build", "-o"]).arg(&out).arg(".").current_dir(source).output().unwrap();
    if run.status.success() {
        return Some(out);
    }
    skip(&format!("the peer cannot be built: {}", String::from_utf8_lossy(&run.stderr)));
    None
}
