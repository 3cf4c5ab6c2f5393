//! Values to text: the table that Go made, and whatever chance makes, beside Go.

use gabion_yaml::{dump, dump_pretty};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::peer::Peer;
use crate::value::node;

/// Pieces of which strings are made that somebody has to think about.
const PIECES: &[&str] = &[
    "a",
    "b",
    "Z",
    "é",
    "0",
    "1",
    "9",
    "00",
    "-",
    "--",
    "---",
    "...",
    ".",
    ":",
    ": ",
    " :",
    "::",
    "#",
    " #",
    "?",
    "? ",
    " ",
    "  ",
    "\t",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "!",
    "!!",
    "&",
    "*",
    "|",
    ">",
    "%",
    "@",
    "`",
    "'",
    "''",
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    "~",
    "=",
    "<<",
    "<",
    "_",
    "+",
    "/",
    "yes",
    "no",
    "true",
    "null",
    "0x",
    "0o",
    "0b",
    "e",
    "E",
    "inf",
    ".nan",
    "2001-01-01",
    "T",
    "Z",
    "12:30:45",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{fffd}",
    "\u{1f600}",
    "\u{0}",
    "\u{7}",
    "\u{1b}",
    "\u{7f}",
    "\u{80}",
    "\u{9f}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{301}",
    "Ⅷ",
    "Ⓐ",
    "٣",
    "ा",
    "word word word word word word word word word word word word word word word word word word",
];

pub(crate) fn tricky() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => proptest::collection::vec(proptest::sample::select(PIECES), 0..8).prop_map(|it| it.concat()),
        2 => "[ -~]{0,120}",
        1 => "[+-]?[0-9_.:eExob-]{1,12}",
        1 => "[a-z ]{60,200}",
        1 => "[a<]{100,1100}",
        // Letters that every version of Unicode in use knows: Go has the tables of its own release.
        1 => "[ -\u{52f}\u{900}-\u{97f}\u{3400}-\u{9ff0}\u{10000}-\u{103ff}\u{1f300}-\u{1f5ff}]{0,12}",
    ]
}

pub(crate) fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        8 => tricky().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => proptest::num::f64::NORMAL.prop_map(Value::from),
        1 => (-1000_i32..1000, -8..30).prop_map(|(it, exponent)| (f64::from(it) / 8.0 * 10_f64.powi(exponent)).into()),
    ];
    leaf.prop_recursive(5, 40, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(tricky(), inner, 0..16)
                .prop_map(|it| it.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

pub(crate) fn ours(op: &str, value: &Value) -> Option<String> {
    let node = node(value);
    if op == "dump" { dump(&node) } else { dump_pretty(&node) }.ok()
}

#[test]
fn whatever_chance_makes_is_written_as_go_writes_it() {
    let Some(peer) = Peer::start() else { return };
    let peer = std::cell::RefCell::new(peer);
    let mut runner =
        TestRunner::new(Config { cases: cases(), failure_persistence: None, ..Config::default() });
    runner
        .run(&values(), |value| {
            for op in ["dump", "pretty"] {
                let ours = ours(op, &value);
                // Go's order of keys has cycles (`a`, a mark, a digit of another script), and then it is chance.
                let mut again = (0..20).map(|_| peer.borrow_mut().dump(op, &value));
                let go = again.next().unwrap();
                let same = ours == go.clone().ok() || again.any(|it| ours == it.ok());
                prop_assert!(same, "{op}\n{ours:#?}\n{go:#?}");
            }
            Ok(())
        })
        .unwrap();
}

/// How many cases a property is tried with; `GABION_CASES` says more.
pub(crate) fn cases() -> u32 {
    std::env::var("GABION_CASES").ok().and_then(|it| it.parse().ok()).unwrap_or(1500)
}

#[test]
fn where_go_has_no_order_ours_does_not_change() {
    let keys = ["v1", "v1alpha1", "v10", "v2", "v1beta1"];
    let written = |keys: &mut dyn Iterator<Item = &&str>| {
        let entries =
            gabion_yaml::entries(keys.map(|it| (it.as_bytes(), ())), gabion_yaml::Style::Helm).unwrap();
        entries.into_iter().map(|(key, ())| key.into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(written(&mut keys.iter()), ["v1", "v10", "v1alpha1", "v1beta1", "v2"]);
    assert_eq!(written(&mut keys.iter()), written(&mut keys.iter().rev()));
}

#[test]
fn keys_that_json_makes_equal_are_one_and_the_last_counts() {
    let map: [(&[u8], i64); 3] = [(b"a\xff", 1), (b"b", 2), (b"a\xfe", 3)];
    let entries = gabion_yaml::entries(map, gabion_yaml::Style::Helm).unwrap();
    assert_eq!(entries, [("a\u{fffd}".into(), 3), ("b".into(), 2)]);
}
