//! Values at random: keys that the grammar knows, leaves that are hard to write and to read back.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Texts that YAML could take for something else, or fold, or quote.
const TEXTS: [&str; 36] = [
    "",
    "a",
    "true",
    "No",
    "y",
    "null",
    "~",
    "1",
    "1.0",
    "0x1F",
    "017",
    "1e3",
    "12:30:45",
    "2001-12-14",
    "- a",
    "a: b",
    "a #b",
    " a",
    "a ",
    "a\nb",
    "a\nb\n",
    "\na",
    "a\tb",
    "it's",
    "say \"x\"",
    "[x]",
    "{y}",
    "*z",
    "&z",
    "!z",
    "%z",
    "@z",
    "é—✓",
    "😀",
    "a/b-c.d_e",
    "long words that go on and on until the line is much longer than eighty columns, and then some more of them",
];

/// Keys whose order is one in Go: its sort of `toYaml` is none for `a9`, `a10`, `a1b`.
const KEYS: [&str; 16] =
    ["a", "b", "k1", "k2", "k10", "a-b", "a.b", "A", "Zed", "x y", "1", "10", "true", "é", "_u", "on"];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(&TEXTS[..]).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9 :#\\-_.,'\"\\[\\]{}&*!|>%@`\\n\\t\\\\é]{0,24}",
        1 => "([a-z]{1,12} ){8,30}",
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (-20i64..1000).prop_map(Value::from),
        1 => any::<i32>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => (-1000i32..1000, 1u32..5).prop_map(|(a, b)| json!(f64::from(a) / f64::from(10u32.pow(b)))),
        1 => prop::sample::select(vec![1e21, 1e20, 1e-7, 0.1, 1_048_576.0, 1.5e300]).prop_map(Value::from),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![4 => text().prop_map(Value::from), 3 => number(), 1 => any::<bool>().prop_map(Value::from), 1 => Just(Value::Null)]
}

fn map(of: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    vec((prop::sample::select(&KEYS[..]), of), 0..5).prop_map(|pairs| {
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into()
    })
}

fn tree() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Value::from), map(inner)]
    })
}

/// The values that the expressions of `expression.rs` speak of.
pub(crate) fn any_values() -> impl Strategy<Value = Value> {
    let texts = [text(), text(), text()];
    let numbers = [number(), number()];
    let named = vec(("[a-z]{1,6}", leaf()), 0..3).prop_map(|all| {
        let all = all.into_iter().map(|(name, v)| json!({"name": name, "v": v}));
        Value::Array(all.collect())
    });
    let words = vec("[a-z]{0,5}", 0..4);
    (texts, numbers, any::<bool>(), words, vec(leaf(), 0..4), named, map(leaf()), tree()).prop_map(
        |(texts, numbers, flag, words, list, named, map, tree)| {
            json!({
                "s0": texts[0], "s1": texts[1], "s2": texts[2], "i0": numbers[0], "i1": numbers[1], "flag": flag, "nul": null,
                "words": words, "list": list, "named": named, "map": map, "tree": tree,
            })
        },
    )
}
