//! Small charts, each for a few traps, and what the real Helm makes of them: `charts/NAME/golden/CASE.txt`.

use crate::case::{Case, all};
use crate::golden;
use gabion_testkit::Helm;
use serde_json::Value;
use std::fmt::Write;

/// What stands where two renderings differ.
pub(crate) const ANOTHER: &str = "<another one each time>";

/// An error that repeats itself is kept to here, in characters.
const LONGEST: usize = 400;

/// The text without what would be another one next time, line by line.
fn lasting(once: &str, again: &str) -> String {
    if once == again {
        return once.to_owned();
    }
    if once.split('\n').count() != again.split('\n').count() {
        return ANOTHER.to_owned();
    }
    let pair = |(a, b): (&str, &str)| if a == b { a.to_owned() } else { ANOTHER.to_owned() };
    once.split('\n').zip(again.split('\n')).map(pair).collect::<Vec<_>>().join("\n")
}

/// What an error says, without the part that depends on the order of a map in Go: of a schema, which rule was broken.
fn lasting_error(error: &Value) -> String {
    let message = error["message"].as_str().unwrap();
    let of_schema = error["class"] == "schema";
    let lines =
        message.lines().filter(|line| !of_schema || !line.is_empty() && !line.starts_with(['-', ' ']));
    lines.collect::<Vec<_>>().join("\n").chars().take(LONGEST).collect()
}

/// `=== HEAD LENGTH`, the text, and an end of line that is not part of it.
fn section(out: &mut String, head: &str, once: &Value, again: &Value) {
    let (kind, text) = match (once, again) {
        (Value::String(once), Value::String(again)) => ("", lasting(once, again)),
        (bytes, _) => ("base64 ", bytes["base64"].as_str().unwrap().to_owned()),
    };
    writeln!(out, "=== {head} {kind}{}\n{text}", text.len()).unwrap();
}

/// One line of a list of words, or `-`.
fn words(list: &Value) -> String {
    let words: Vec<&str> = list.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    if words.is_empty() { "-".to_owned() } else { words.join(",") }
}

/// A word of a head: never empty, without spaces.
fn word(value: &Value) -> String {
    let text = value.as_str().unwrap_or("?");
    if text.is_empty() { "-".to_owned() } else { text.replace(char::is_whitespace, "_") }
}

/// The file for one case.
pub(crate) fn told(once: &Result<Value, Value>, again: &Result<Value, Value>) -> String {
    let mut out = String::new();
    let (once, again) = match (once, again) {
        (Ok(once), Ok(again)) => (once, again),
        (Err(once), Err(again)) => {
            let cut = |error: &Value| Value::from(lasting_error(error));
            section(&mut out, &format!("error {}", word(&once["class"])), &cut(once), &cut(again));
            return out;
        }
        _ => panic!("an error the one time only: {once:?} {again:?}"),
    };
    let pairs = |key: &str| {
        let (once, again) = (once[key].as_array().unwrap().clone(), again[key].as_array().unwrap().clone());
        assert_eq!(once.len(), again.len(), "{key}");
        once.into_iter().zip(again)
    };
    for (it, other) in pairs("crds") {
        section(&mut out, &format!("crd {}", word(&it["path"])), &it["text"], &other["text"]);
    }
    for (it, other) in pairs("documents") {
        let head = ["path", "api_version", "kind", "name"].map(|key| word(&it[key])).join(" ");
        section(&mut out, &format!("document {head}"), &it["text"], &other["text"]);
    }
    for (it, other) in pairs("hooks") {
        let head = ["path", "kind", "name"].map(|key| word(&it[key])).join(" ");
        let lists = ["events", "delete_policies", "log_policies"].map(|key| words(&it[key])).join(" ");
        section(&mut out, &format!("hook {head} {} {lists}", it["weight"]), &it["text"], &other["text"]);
    }
    section(&mut out, "notes", &once["notes"], &again["notes"]);
    out
}

#[test]
fn the_charts_are_rendered_as_they_were() {
    let Some(mut helm) = Helm::start() else { return };
    let cases: Vec<Case> = all();
    for case in &cases {
        let question = case.question();
        golden::holds(&case.golden(), &told(&helm.ask(&question), &helm.ask(&question)));
    }
    assert!(cases.len() > 120, "only {} cases", cases.len());
}

#[test]
fn what_was_kept_can_be_taken_apart() {
    let mut documents = 0;
    for case in all() {
        let text = fs_err::read_to_string(case.golden()).unwrap();
        let sections = golden::sections(&text);
        let is_error = sections[0].0[0] == "error";
        assert!(is_error || sections.last().unwrap().0[0] == "notes", "{}", case.golden().display());
        documents += sections.iter().filter(|(words, _)| words[0] == "document").count();
    }
    assert!(documents > 250, "only {documents} documents");
}

#[test]
fn each_kind_of_error_has_a_case() {
    let found: std::collections::BTreeSet<String> = all()
        .iter()
        .map(|case| fs_err::read_to_string(case.golden()).unwrap())
        .filter_map(|text| match golden::sections(&text).remove(0).0.as_slice() {
            ["error", class] => Some((*class).to_owned()),
            _ => None,
        })
        .collect();
    let wanted = ["exec", "fail", "kube-version", "load", "manifest", "parse", "release", "schema", "values"];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
}
