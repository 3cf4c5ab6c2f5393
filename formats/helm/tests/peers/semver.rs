//! Versions and constraints against what the real Helm says of them, `semver.tsv`.

use crate::helm;
use fs_err as fs;
use gabion_helm::{Constraint, Version};
use proptest::prelude::*;
use serde_json::Value;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/semver.tsv");

/// Our answer to a question of the corpus.
fn answer(kind: &str, left: &str, right: &str) -> Value {
    let version = |text: &str| text.parse::<Version>().ok();
    let found = match kind {
        "satisfies" => (|| Some(left.parse::<Constraint>().ok()?.allows(&version(right)?).into()))(),
        "compare" => (|| Some((version(left)?.cmp(&version(right)?) as i8).into()))(),
        "normal" => version(left).map(|it| it.normal().into()),
        _ => panic!("`{kind}` is no question"),
    };
    found.unwrap_or(Value::Null)
}

#[test]
fn every_answer_is_that_of_helm() {
    let corpus = fs::read_to_string(CORPUS).unwrap();
    let mut wrong = Vec::new();
    let rows: Vec<&str> = corpus.lines().filter(|row| !row.starts_with('#')).collect();
    for row in &rows {
        let cells: Vec<&str> = row.split('\t').collect();
        let [kind, left, right, theirs] = cells.as_slice() else { panic!("{row}") };
        let text = |cell: &str| serde_json::from_str::<String>(cell).unwrap();
        let ours = answer(kind, &text(left), &text(right));
        if ours != serde_json::from_str::<Value>(theirs).unwrap() {
            wrong.push(format!("{row}, but we say {ours}"));
        }
    }
    assert!(rows.len() > 4000, "only {} rows", rows.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn the_corpus_is_what_helm_says_today() {
    let Some(made) = helm::ask(&["corpus"], "") else { return };
    assert!(made == fs::read_to_string(CORPUS).unwrap(), "`oracle.py CACHE corpus` gives another text");
}

#[test]
fn the_library_says_the_same_of_every_row() {
    let Some(mut library) = gabion_testkit::Helm::start() else { return };
    let corpus = fs::read_to_string(CORPUS).unwrap();
    let rows: Vec<Vec<&str>> =
        corpus.lines().filter(|row| !row.starts_with('#')).map(|row| row.split('\t').collect()).collect();
    let text = |cell: &str| serde_json::from_str::<Value>(cell).unwrap();
    let ask = |row: &Vec<&str>| match row[0] {
        "normal" => serde_json::json!(["normal", text(row[1])]),
        kind => serde_json::json!([kind, text(row[1]), text(row[2])]),
    };
    let questions: Vec<Value> = rows.iter().map(ask).collect();
    let answers = library.ask(&serde_json::json!({"op": "semver", "questions": questions})).unwrap();
    for (row, answer) in rows.iter().zip(answers.as_array().unwrap()) {
        assert_eq!(*answer, text(row[3]), "{row:?}");
    }
}

fn version() -> impl Strategy<Value = String> {
    "v?[0-9]{1,3}(\\.[0-9]{1,3}){0,2}(-[a-z1-9][0-9a-z-]{0,3}(\\.[1-9]{1,2}){0,2})?(\\+[a-z0-9]{1,3})?"
}

proptest! {
    #[test]
    fn what_was_read_is_written_back(text in version()) {
        let read: Version = text.parse().unwrap();
        prop_assert_eq!(read.to_string(), text);
        let again: Version = read.normal().parse().unwrap();
        prop_assert!(again.is_strict() && again == read);
        prop_assert_eq!(again.normal(), read.normal());
    }

    #[test]
    fn the_order_is_one(a in version(), b in version(), c in version()) {
        let mut all: Vec<Version> = [a, b, c].iter().map(|it| it.parse().unwrap()).collect();
        prop_assert_eq!(all[0].cmp(&all[1]), all[1].cmp(&all[0]).reverse());
        all.sort();
        prop_assert!(all[0] <= all[2]);
    }

    #[test]
    fn bounds_agree_with_the_order(a in version(), b in version()) {
        let (version, bound): (Version, Version) = (a.parse().unwrap(), b.parse().unwrap());
        let allows = |sign: &str| {
            let text = format!("{sign}{}", bound.normal());
            text.parse::<Constraint>().unwrap().allows(&version)
        };
        let looked_at = version.prerelease().is_empty() || !bound.prerelease().is_empty();
        prop_assert_eq!(allows("<"), looked_at && version < bound);
        prop_assert_eq!(allows(">="), looked_at && version >= bound);
        prop_assert_eq!(allows("="), looked_at && version == bound);
    }

    #[test]
    fn no_text_breaks_the_readers(text in "[0-9v.xX*|<>=~^!, +a-]{0,24}") {
        if let Ok(constraint) = text.parse::<Constraint>() {
            prop_assert_eq!(constraint.as_str(), &text);
        }
        if let Ok(version) = text.parse::<Version>() {
            prop_assert_eq!(version.as_str(), &text);
        }
    }
}
