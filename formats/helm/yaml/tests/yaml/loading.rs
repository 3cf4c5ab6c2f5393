//! Texts to values: the table that Go made, and whatever chance makes, beside Go.

use std::cell::RefCell;

use gabion_yaml::{LoadError, Node, load, load_list, load_map, load_typed};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::dumping::{cases, tricky, values};
use crate::peer::Peer;
use crate::value::{json, node, same};

/// Pieces of texts that the scanner has to tell apart.
const PIECES: &[&str] = &[
    "a",
    "b: ",
    "c:",
    "key: value",
    "- ",
    "-",
    "- - ",
    "? ",
    "?",
    ": ",
    ":",
    "\n",
    "\n",
    "\n",
    "\n  ",
    "\n    ",
    "\n ",
    " ",
    "  ",
    "\t",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ",",
    "'",
    "\"",
    "''",
    "\\n",
    "\\",
    "\\\n",
    "|",
    "|-\n",
    "|+\n",
    ">\n",
    ">-\n",
    "|2\n",
    "|0\n",
    "# c",
    " # c\n",
    "&x ",
    "*x",
    "&y",
    "*y ",
    "<<: *x",
    "<<: ",
    "<<",
    "!!str ",
    "!!int ",
    "!!float ",
    "!!binary ",
    "!!null ",
    "!!bool ",
    "!!timestamp ",
    "!t ",
    "!",
    "!<x> ",
    "!e!f ",
    "---",
    "--- ",
    "---\n",
    "...\n",
    "...",
    "%YAML 1.1\n",
    "%YAML 1.2\n",
    "%TAG !e! tag:e,\n",
    "%",
    "@",
    "`",
    "~",
    "null",
    "yes",
    "no",
    "true",
    "on",
    "y",
    "n",
    "1",
    "0x1F",
    "017",
    "08",
    "0o7",
    "0b11",
    "1_000",
    "1e3",
    ".5",
    "1.",
    ".inf",
    "-.inf",
    ".nan",
    "1e400",
    "18446744073709551615",
    "9223372036854775808",
    "123456789012345678901234567890",
    "2001-12-14",
    "12:30:45",
    "=",
    "aGVsbG8=",
    "\r",
    "\r\n",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "é",
    "\u{1f600}",
    "{a: 1}",
    "[1, 2]",
    "x: &x {a: 1}\n",
    "y: &y [1]\n",
    "a: 1\n",
    "a: 2\n",
    "- x\n",
    "\"q: \"",
    "'s' ",
    "{{ .Values.x }}",
    "\u{7f}",
    "\u{1}",
];

/// But for a second mark of the byte order, with which Go loses the first character of each of the next lines.
pub(crate) fn texts() -> impl Strategy<Value = String> {
    any_texts().prop_filter("two marks of the byte order", |it| !it.starts_with("\u{feff}\u{feff}"))
}

fn any_texts() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => proptest::collection::vec(proptest::sample::select(PIECES), 0..14).prop_map(|it| it.concat()),
        2 => "[ -~\n]{0,60}",
        1 => "[a-c:\\-?\\[\\]{},#&*!|>'\"% \n\t]{0,30}",
        2 => tricky(),
        2 => tricky().prop_map(|it| format!("a: {it}\nb: 1\n")),
        1 => tricky().prop_map(|it| format!("- |\n  {it}\n- x\n")),
        1 => tricky().prop_map(|it| format!("{{x: \"{it}\", y: '{it}'}}\n")),
    ]
}

/// What is read here for an operation of the peer.
pub(crate) fn ours(op: &str, text: &str) -> Result<Value, String> {
    let words = |error: LoadError| error.to_string();
    match op {
        "load" => load(text).map(|it| json(&it)).map_err(words),
        "load_typed" => load_typed(text).map(|it| json(&it)).map_err(|error| {
            // `YAMLToJSON` does not say what it does.
            words(error).trim_start_matches("error converting YAML to JSON: ").to_owned()
        }),
        "load_map" => load_map(text)
            .map(|it| {
                it.iter().map(|(key, it)| (key.clone(), json(it))).collect::<serde_json::Map<_, _>>().into()
            })
            .map_err(words),
        "load_list" => load_list(text).map(|it| it.iter().map(json).collect()).map_err(words),
        other => panic!("{other}"),
    }
}

fn agree(ours: &Result<Value, String>, go: &Result<Value, String>) -> bool {
    match (ours, go) {
        (Ok(ours), Ok(go)) => same(ours, go),
        (Err(ours), Err(go)) => ours == go,
        _ => false,
    }
}

/// Whether Go says the same; where it walks a map it may say several things.
fn compare(peer: &RefCell<Peer>, op: &str, text: &str) -> Result<(), TestCaseError> {
    let ours = ours(op, text);
    let mut says = (0..12).map(|_| peer.borrow_mut().load(op, text));
    let go = says.next().unwrap();
    let agreed = agree(&ours, &go) || says.any(|it| agree(&ours, &it));
    prop_assert!(agreed, "{op} {text:?}\nours {ours:?}\ngo   {go:?}");
    Ok(())
}

pub(crate) fn try_all<T: std::fmt::Debug>(
    strategy: &impl Strategy<Value = T>,
    check: impl Fn(&RefCell<Peer>, T) -> Result<(), TestCaseError>,
) {
    let Some(peer) = Peer::start() else { return };
    let peer = RefCell::new(peer);
    let mut runner =
        TestRunner::new(Config { cases: cases(), failure_persistence: None, ..Config::default() });
    if let Err(error) = runner.run(strategy, |it| check(&peer, it)) {
        panic!("{error}");
    }
}

#[test]
fn bits_behind_the_last_byte_of_a_binary_are_passed_over() {
    for text in ["!!binary YWI=", "!!binary YWJ="] {
        assert_eq!(load(text).unwrap().as_str(), Some("ab"), "{text}");
    }
}

#[test]
fn whatever_chance_makes_is_read_as_go_reads_it() {
    try_all(&texts(), |peer, text| compare(peer, "load", &text));
}

#[test]
fn the_other_ways_to_read_are_go_s_too() {
    let ops = proptest::sample::select(vec!["load_typed", "load_map", "load_list"]);
    try_all(&(ops, texts()), |peer, (op, text)| compare(peer, op, &text));
}

#[test]
fn what_is_written_is_read_again_by_both() {
    try_all(&values(), |peer, value| {
        let node: Node = node(&value);
        for text in [gabion_yaml::dump(&node), gabion_yaml::dump_pretty(&node)].into_iter().flatten() {
            compare(peer, "load", &text)?;
            compare(peer, "load_typed", &text)?;
        }
        compare(peer, "load", &value.to_string())
    });
}

#[test]
fn a_text_with_a_mistake_is_read_as_go_reads_it() {
    let piece = proptest::sample::select(PIECES);
    let changes = proptest::collection::vec((any::<proptest::sample::Index>(), 0..4_usize, piece), 1..4);
    try_all(&(values(), any::<bool>(), changes), |peer, (value, pretty, changes)| {
        let node = node(&value);
        let text = if pretty { gabion_yaml::dump_pretty(&node) } else { gabion_yaml::dump(&node) };
        let mut text: Vec<char> = text.unwrap_or_default().chars().collect();
        for (at, removed, inserted) in changes {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, inserted.chars());
        }
        compare(peer, "load", &text.into_iter().collect::<String>())
    });
}
