//! Expressions of templates, and what the real Helm makes of each: `expressions/answers.tsv`.

use crate::golden;
use fs_err as fs;
use gabion_testkit::Helm;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/expressions");

/// The lines that ask something.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The template of a line.
pub(crate) fn template(line: &str) -> String {
    let template = line.strip_prefix('|').map_or_else(|| format!("{{{{ {line} }}}}"), str::to_owned);
    template.replace('\u{2424}', "\n")
}

/// `out`, `out64` or the class of the error; the text as JSON; the line.
fn row(answer: &Value, line: &str) -> String {
    let (kind, text) = match (&answer["out"], &answer["error"]) {
        (Value::String(_), _) => ("out", &answer["out"]),
        (Value::Object(bytes), _) => ("out64", &bytes["base64"]),
        (_, error) => (error["class"].as_str().unwrap(), &error["message"]),
    };
    format!("{kind}\t{text}\t{line}")
}

#[test]
fn the_answers_are_what_helm_says_today() {
    let Some(mut helm) = Helm::start() else { return };
    let asked = fs::read_to_string(format!("{FOLDER}/expressions.txt")).unwrap();
    let lines: Vec<&str> = lines(&asked).collect();
    let templates: Vec<String> = lines.iter().map(|line| template(line)).collect();
    let question = json!({
        "op": "eval", "templates": templates, "kube_version": "v1.33.4+k3s1", "api_versions": ["example.com/v1"],
        "chart": {"files": golden::files(&Path::new(FOLDER).join("chart"))},
    });
    let answers = helm.ask(&question).unwrap();
    let mut text = String::from("# Answer, text, expression: what Helm makes of `expressions.txt`.\n");
    for (answer, line) in answers.as_array().unwrap().iter().zip(&lines) {
        writeln!(text, "{}", row(answer, line)).unwrap();
    }
    golden::holds(&Path::new(FOLDER).join("answers.tsv"), &text);
}

#[test]
fn every_function_of_helm_is_asked_for() {
    let Some(mut helm) = Helm::start() else { return };
    let asked = fs::read_to_string(format!("{FOLDER}/expressions.txt")).unwrap();
    let words: BTreeSet<&str> =
        lines(&asked).flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')).collect();
    let known = helm.ask(&json!({"op": "functions"})).unwrap();
    let names: Vec<&str> = known.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let missing: Vec<&&str> = names.iter().filter(|name| !words.contains(**name)).collect();
    assert!(names.len() > 240, "only {} functions", names.len());
    assert!(missing.is_empty(), "no expression calls {missing:?}");
}
