//! A fixed table of templates. What Go answers is kept in `golden.jsonl`; `BLESS=1` writes it anew.

use serde_json::{Value, json};

use crate::ours;
use crate::peer::{Answer, Peer, Question};
use crate::values::characters;

const CASES: &str = include_str!("cases.txt");
const DATA: &str = include_str!("data.json");
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/go/golden.jsonl");
const MISSING: [&str; 3] = ["zero", "invalid", "error"];

/// The cases, and their files.
fn cases() -> Vec<(&'static str, Vec<(String, String)>)> {
    let lines = CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| (line, files(line))).collect()
}

fn files(line: &str) -> Vec<(String, String)> {
    let text = |text: &str| characters(text.replace('¶', "\n").as_bytes());
    let Some(files) = line.strip_prefix('§') else {
        return vec![("main".to_owned(), text(line))];
    };
    let parts: Vec<&str> = files.split('§').collect();
    parts.chunks(2).map(|file| (file[0].to_owned(), text(file[1]))).collect()
}

fn data() -> Value {
    serde_json::from_str(DATA).unwrap()
}

/// Our error says the same, apart from what stands in it of an action, which Go may cut differently.
fn same(ours: &Answer, go: &Answer) -> bool {
    ours == go
}

fn each(mut check: impl FnMut(&str, &str, &Question<'_>)) {
    let data = data();
    for (line, files) in cases() {
        for missing in MISSING {
            check(line, missing, &Question { files: &files, data: &data, missing });
        }
    }
}

#[test]
fn every_case_gives_what_go_gives() {
    let golden = fs_err::read_to_string(GOLDEN).unwrap();
    let golden: std::collections::HashMap<(String, String), Answer> = golden.lines().map(read).collect();
    let mut wrong = Vec::new();
    each(|line, missing, question| {
        let go = &golden[&(line.to_owned(), missing.to_owned())];
        let ours = ours::answer(question);
        if !same(&ours, go) {
            wrong.push(format!("{line} ({missing})\n  go   {}\n  ours {}", shown(go), shown(&ours)));
        }
    });
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), golden.len(), wrong.join("\n"));
}

fn shown(answer: &Answer) -> String {
    format!("{} {:?} {:?}", answer.class, answer.out, answer.err)
}

fn read(line: &str) -> ((String, String), Answer) {
    let line: Value = serde_json::from_str(line).unwrap();
    let part = |name: &str| line[name].as_str().unwrap().to_owned();
    ((part("case"), part("missing")), Answer { out: part("out"), err: part("err"), class: part("class") })
}

#[test]
fn the_kept_answers_are_those_of_go() {
    let Some(mut peer) = Peer::start() else { return };
    let mut lines = String::new();
    each(|line, missing, question| {
        let Answer { out, err, class } = peer.ask(question);
        let answer = json!({"case": line, "missing": missing, "class": class, "out": out, "err": err});
        lines.push_str(&answer.to_string());
        lines.push('\n');
    });
    if std::env::var_os("BLESS").is_some() {
        fs_err::write(GOLDEN, &lines).unwrap();
    }
    assert_eq!(fs_err::read_to_string(GOLDEN).unwrap(), lines);
}
