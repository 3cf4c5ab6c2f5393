//! The real `text/template`, asked through `tests/peer/main.go`.

use gabion_testkit::{has, run};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// What came of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its text, one character per byte.
    pub(crate) out: String,
    /// Its error, one character per byte; empty if there was none.
    pub(crate) err: String,
    /// `parse`, `exec` or nothing.
    pub(crate) class: String,
}

/// A question: files, of which the first is executed, and the data.
pub(crate) struct Question<'q> {
    pub(crate) files: &'q [(String, String)],
    pub(crate) data: &'q Value,
    pub(crate) missing: &'q str,
}

pub(crate) struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    _folder: tempfile::TempDir,
}

impl Peer {
    /// The peer, or `None`, said aloud, where there is no Go.
    pub(crate) fn start() -> Option<Self> {
        if !has(&["go"]) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("peer");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peer/main.go");
        // The compiler wants a home for its cache; it needs no network, the program has nothing but the standard library.
        run(Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(source)
            .env("GOFLAGS", "")
            .env("GO111MODULE", "off")
            .env("GOTOOLCHAIN", "local"));
        let mut child = Command::new(&program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Some(Self { input: child.stdin.take(), child, output, _folder: folder })
    }

    pub(crate) fn ask(&mut self, question: &Question<'_>) -> Answer {
        let answer = self.send(question, 0);
        let part = |name: &str| answer[name].as_str().unwrap().to_owned();
        Answer { out: part("out"), err: part("err"), class: part("class") }
    }

    /// The text, and how long so many repetitions took: parsing, and executing.
    pub(crate) fn measure(&mut self, question: &Question<'_>, repeat: u32) -> (String, [Duration; 2]) {
        let answer = self.send(question, repeat);
        let nanos = |at: usize| Duration::from_nanos(answer["nanos"][at].as_u64().unwrap());
        (answer["out"].as_str().unwrap().to_owned(), [nanos(0), nanos(1)])
    }

    fn send(&mut self, question: &Question<'_>, repeat: u32) -> Value {
        let Question { files, data, missing } = question;
        let question =
            json!({"files": files, "run": files[0].0, "data": data, "missing": missing, "repeat": repeat});
        let line = question.to_string();
        let input = self.input.as_mut().unwrap();
        input.write_all(line.as_bytes()).unwrap();
        input.write_all(b"\n").unwrap();
        input.flush().unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
