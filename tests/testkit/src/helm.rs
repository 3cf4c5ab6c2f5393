//! The real Helm, as the program of `formats/helm/tests/helm`, which takes and gives lines of JSON.

use crate::skip;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

/// Builds the program, or finds it built: `build CACHE`.
const BUILD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../formats/helm/tests/helm/build");
/// `tests/run` builds it before the tests start.
const CACHE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/helm-peer");

/// A running Helm. It ends with its value.
#[derive(Debug)]
pub struct Helm {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Helm {
    /// Starts it, or says that it cannot be had and gives `None`.
    #[track_caller]
    pub fn start() -> Option<Self> {
        let Some(program) = built() else {
            skip(
                "the real Helm is not here (Go, and the modules that `formats/helm/tests/helm/go.sum` pins)",
            );
            return None;
        };
        let spawned = Command::new(program).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap_or_else(|| unreachable!("it is piped")));
        Some(Self { child, questions, answers })
    }

    /// The answer to one question, `{"op": …}`. An error is that of Helm: its `class` and its `message`.
    pub fn ask(&mut self, question: &Value) -> Result<Value, Value> {
        let pipe = self.questions.as_mut().unwrap_or_else(|| unreachable!("it is open until the drop"));
        let sent = writeln!(pipe, "{question}").and_then(|()| pipe.flush());
        let mut line = String::new();
        let read = sent.and_then(|()| self.answers.read_line(&mut line));
        let asked = question["op"].clone();
        read.unwrap_or_else(|error| panic!("Helm ended at {asked}: {error}"));
        let mut answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("Helm answers {asked} with `{line}`: {error}"));
        match answer.get_mut("error") {
            Some(error) => Err(error.take()),
            None => Ok(answer["ok"].take()),
        }
    }
}

impl Drop for Helm {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _reaped = self.child.wait();
    }
}

/// Where the program lies, if it can be built. What the compiler says stands on stderr.
fn built() -> Option<&'static PathBuf> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let out = Command::new(BUILD).arg(CACHE).stderr(Stdio::inherit()).output().ok()?;
        let path = String::from_utf8(out.stdout).ok()?;
        out.status.success().then(|| PathBuf::from(path.trim_end()))
    };
    PROGRAM.get_or_init(find).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_come_in_the_order_of_questions_and_errors_keep_their_class() {
        let Some(mut helm) = Helm::start() else { return };
        let ask = json!({"op": "eval", "templates": ["{{ 1 }}", "{{ nope }}", "{{ fail \"x\" }}"]});
        let all = helm.ask(&ask).unwrap();
        assert_eq!(all[0], json!({"out": "1"}));
        assert_eq!(all[1]["error"]["class"], "parse");
        assert_eq!(all[2]["error"]["class"], "fail");
        let refused = helm.ask(&json!({"op": "render", "chart": {"files": {}}})).unwrap_err();
        assert_eq!(refused["class"], "load");
        assert_eq!(helm.ask(&json!({"op": "no such"})).unwrap_err()["class"], "question");
    }

    #[test]
    fn each_operation_has_an_answer() {
        let Some(mut helm) = Helm::start() else { return };
        let files = json!({"Chart.yaml": "apiVersion: v2\nname: t\nversion: 0.1.0", "values.yaml": "a: {b: ~, c: 017}"});
        let mut ask = |more: Value| helm.ask(&more).unwrap();
        let values = ask(
            json!({"op": "coalesce", "chart": {"files": files}, "set": ["x=1"], "values": ["a: {d: y}"]}),
        );
        assert_eq!(values["values"], json!({"a": {"c": 15, "d": true}, "x": 1}));
        let yaml = ask(json!({"op": "yaml", "maps": ["- a", "y: 08"], "dump": [{"m": 1e21, "y": "y"}]}));
        assert!(yaml["maps"][0]["error"].is_string());
        assert_eq!(yaml["maps"][1]["value"], json!({"true": 8}));
        assert_eq!(yaml["dump"][0]["plain"], "m: 1e+21\n\"y\": \"y\"");
        assert_eq!(ask(json!({"op": "semver", "questions": [["satisfies", ">=1.2", "1.3"]]})), json!([true]));
        let times = ask(json!({"op": "time", "chart": {"files": files}, "runs": 3}));
        assert_eq!(times["render"].as_array().map(Vec::len), Some(3));
        let cluster = ask(json!({"op": "capabilities", "kube_version": "1.33.4+k3s1"}));
        assert_eq!(
            (&cluster["kube_version"], &cluster["normal"]),
            (&json!("v1.33.4+k3s1"), &json!("v1.33.4"))
        );
        assert_eq!(cluster["helm_version"], "v4.3.1");
    }
}
