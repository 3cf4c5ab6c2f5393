//! Every function's answers, as the real sprig gave them.

use std::collections::BTreeSet;

use fs_err as fs;
use serde_json::Value as Json;

use crate::{calls, peer};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden.jsonl");

/// Functions whose answers are others each time, or that Helm answers itself: `shapes.rs` looks at them.
pub(crate) const NOT_ASKED: [&str; 22] = [
    "ago",
    "bcrypt",
    "encryptAES",
    "genCA",
    "genCAWithKey",
    "genPrivateKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "getHostByName",
    "htpasswd",
    "now",
    "randAlpha",
    "randAlphaNum",
    "randAscii",
    "randBytes",
    "randInt",
    "randNumeric",
    "shuffle",
    "uuidv4",
    "buildCustomCert",
];

/// Calls with their answers: `[call, answer]` on each line. `SPRIG_BLESS=1` has the peer answer them anew, where Go is.
fn rows() -> Vec<(Json, Json)> {
    let text = fs::read_to_string(GOLDEN).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_answer_is_that_of_sprig() {
    let rows = rows();
    let mut wrong = Vec::new();
    for (call, theirs) in &rows {
        let ours = calls::ask(call);
        if calls::comparable(call, &ours) != calls::comparable(call, theirs) {
            wrong.push(format!("{call}\n    theirs {theirs}\n    ours   {ours}"));
        }
    }
    assert!(rows.len() > 1000, "only {} rows", rows.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn every_error_is_told_in_sprigs_words() {
    // Go's `runtime error: …` of slices and its errors about types are told alike, but not word by word.
    let told = |answer: &Json| {
        let text = answer["error"].as_str()?.split_once("error calling ")?.1.to_owned();
        (!text.contains("runtime error") && !text.contains("reflect")).then_some(text)
    };
    let mut wrong = Vec::new();
    for (call, theirs) in &rows() {
        let Some(wanted) = told(theirs) else { continue };
        let ours = calls::ask(call);
        if told(&ours).as_ref() != Some(&wanted) {
            wrong.push(format!("{call}\n    theirs {wanted}\n    ours   {ours}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_function_is_asked() {
    let asked: BTreeSet<String> =
        rows().iter().map(|(call, _)| call[0].as_str().unwrap().to_owned()).collect();
    let missing: Vec<_> = gabion_sprig::table()
        .iter()
        .map(|function| function.name)
        .filter(|name| !asked.contains(*name) && !NOT_ASKED.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_answers_are_what_sprig_says_today() {
    let rows = rows();
    let asked: Vec<Json> = rows.iter().map(|(call, _)| call.clone()).collect();
    let Some(answers) = peer::ask(&asked) else { return };
    if std::env::var_os("SPRIG_BLESS").is_some() {
        let lines: Vec<String> =
            asked.iter().zip(&answers).map(|(call, answer)| format!("[{call},{answer}]\n")).collect();
        fs::write(GOLDEN, lines.concat()).unwrap();
        return;
    }
    for ((call, golden), answer) in rows.iter().zip(answers) {
        assert_eq!(calls::comparable(call, golden), calls::comparable(call, &answer), "{call}");
    }
}
