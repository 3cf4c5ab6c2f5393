//! Random calls of every function whose answer is the same each time, asked of both sides.
#![expect(clippy::cast_possible_wrap, clippy::cast_precision_loss, reason = "any number will do")]

use gabion_template::{Flow, Function, Param};
use serde_json::{Value as Json, json};

use crate::golden::NOT_ASKED;
use crate::{calls, peer};

/// Calls of each function. More with `SPRIG_CALLS`.
const CALLS: usize = 150;

/// Functions of which the counts of elements or bytes must stay small.
const COUNTING: [&str; 9] =
    ["until", "untilStep", "seq", "repeat", "indent", "nindent", "chunk", "mustChunk", "wrapWith"];

/// Functions that take long, and those of which Helm's one differs or whose types our values do not have.
const PASSED_OVER: [&str; 5] = ["derivePassword", "fail", "deepCopy", "mustDeepCopy", "hello"];

/// Numbers that look random (xorshift), the same in each run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let at = self.below(all.len());
        &all[at]
    }
}

/// Parts of texts, by what a function reads. The first row is for all.
const PLAIN: &[&str] = &[
    "a", "b", "B", " ", "é", "Ä", "-", "_", ".", "/", "\n", "\t", "0", "7", "12", "%", "\"", "'", "\\", "<",
    "日", "ß", "\u{2028}", "foo", "Bar", "HTTP", "x1", "+", ":", "$", "=", ",", "{", "}", "ǆ", "\u{85}",
    "\u{a0}", "…", "\u{301}", "😀", "\u{0}", "\u{7f}",
];
const REGEX: &[&str] = &[
    "a",
    "b",
    "(",
    ")",
    "(?:",
    "|",
    "*",
    "+",
    "?",
    "{2}",
    "{1,3}",
    "{,2}",
    "[",
    "]",
    "^",
    "$",
    ".",
    "\\d",
    "\\W",
    "\\s",
    "\\b",
    "\\B",
    "[a-c]",
    "[^é]",
    "é",
    "(?i)",
    "-",
    "\\.",
    "\\pL",
    "[[:digit:]]",
    "(?P<n>",
    "\\Q",
    "\\E",
    "\\x41",
    "{",
    "}",
    "&&",
    "(?s)",
    "(?m)",
    "\\z",
    "\\A",
];
const LAYOUT: &[&str] = &[
    "2006", "01", "02", "15", "04", "05", "Jan", "January", "Mon", "Monday", "MST", "-0700", "Z07:00", "-07",
    "PM", "pm", "3", "_2", "__2", "002", ".000", ".999", ",00", " ", "-", ":", "T", "06", "1", "2", "4", "5",
    "x", "é",
];
const MOMENT: &[&str] = &[
    "2024", "02", "29", "13", "59", "Feb", "March", "Thu", "UTC", "CET", "+0100", "-03:30", "Z", "AM", "pm",
    " ", "-", ":", "T", ".5", "1", "60", "366", "x",
];
const DURATION: &[&str] = &[
    "1", "90", "h", "m", "s", "ms", "us", "µs", "ns", ".", "5", "-", "+", "0", "24", "d", "1.5h", "9999999",
];
const NUMBER: &[&str] = &[
    "0", "1", "7", "9", "x", "e", "E", ".", "-", "+", "_", "p", "0x", "f", "inf", "nan", "00", " ", "b", "o",
];
const URL: &[&str] = &[
    "http", "https", "://", "/", "//", ":", "@", "?", "#", "%41", "%zz", "%", "[", "]", "::1", "a", "é",
    "80", "user", "&q=1", " ", ".", "..", "*", "+", "~", "'", "(", "!", "|", "\u{1}",
];
const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"a\"",
    "\"\\u00e9\"",
    "\"\\ud83d\\ude00\"",
    "1",
    "-2.5e3",
    "0",
    "true",
    "null",
    " ",
    "\"",
    "\\",
    "é",
    "1e999",
    "\n",
    "\"\\n\"",
];
const SEMVER: &[&str] = &[
    "1", "2", "0", ".", "-", "rc", "+", "b", "v", ">", "<", "=", "^", "~", "x", "*", " ", ",", "||", "1.2.3",
    " - ",
];
const BASE: &[&str] =
    &["YQ", "==", "=", "ME", "A", "B", "7", "\n", "MFRGG", "aGVsbG8", "!", "======", "\r", "z", "/", "+"];

fn parts(name: &str, at: usize) -> &'static [&'static str] {
    match (name, at) {
        ("date" | "dateInZone" | "date_in_zone" | "toDate" | "mustToDate", 0) => LAYOUT,
        ("toDate" | "mustToDate", _) => MOMENT,
        ("fromJson" | "mustFromJson", _) => JSON,
        ("urlParse" | "urlJoin", _) => URL,
        ("semver" | "semverCompare", _) => SEMVER,
        ("b64dec" | "b32dec" | "decryptAES", _) => BASE,
        ("duration" | "durationRound", _) => DURATION,
        (name, 0) if name.contains("ateModify") || name.contains("ate_modify") => DURATION,
        (name, 0) if name.to_lowercase().contains("regex") => REGEX,
        (name, 1) if name.to_lowercase().contains("regex") => {
            &["a", "b", "ab", "é", " ", "1", "\n", ".", "A", "-", "ſ", "K"]
        }
        ("atoi" | "int" | "int64" | "float64" | "toDecimal", _) => NUMBER,
        (name, _) if name.ends_with('f') || name.starts_with("add") => NUMBER,
        _ => PLAIN,
    }
}

fn text(numbers: &mut Numbers, parts: &[&str]) -> Json {
    let count = numbers.below(8);
    let made: String = (0..count).map(|_| *numbers.pick(parts)).collect();
    if numbers.below(12) == 0 {
        use base64::Engine as _;
        let mut bytes = made.into_bytes();
        bytes.insert(bytes.len() / 2, 0xE9);
        return json!({ "$bytes": base64::engine::general_purpose::STANDARD.encode(bytes) });
    }
    made.into()
}

fn float(numbers: &mut Numbers) -> Json {
    let all = [0.5, -1.25, 1e21, 3.0, 2.675, 1e-7, 123_456.789, -0.1, 99.995, 1e100];
    match numbers.below(3) {
        0 => json!(*numbers.pick(&all)),
        1 => json!((numbers.below(2_000_000) as f64 - 1e6) / 1000.0 + 0.0001),
        _ => {
            let value = f64::from_bits(numbers.next());
            json!({ "$float": if value.is_finite() { format!("{value:e}") } else { "1.5".to_owned() } })
        }
    }
}

fn int(numbers: &mut Numbers, small: bool) -> Json {
    match numbers.below(if small { 1 } else { 3 }) {
        0 => json!(numbers.below(24) as i64 - 8),
        1 => json!(numbers.next() as i64 >> numbers.below(64)),
        _ => json!(*numbers.pick(&[0, 1, -1, i64::MAX, i64::MIN, 1 << 53])),
    }
}

fn any(numbers: &mut Numbers, name: &str, at: usize, depth: usize) -> Json {
    match numbers.below(if depth > 2 { 6 } else { 11 }) {
        0 => Json::Null,
        1 => (numbers.below(2) == 0).into(),
        2 => int(numbers, false),
        3 => float(numbers),
        4 => json!({ "$int64": (numbers.next() as i64 >> numbers.below(64)).to_string() }),
        5 | 6 => text(numbers, parts(name, at)),
        7 | 8 => (0..numbers.below(5)).map(|_| any(numbers, name, at, depth + 1)).collect(),
        9 => json!({ "$strings": (0..numbers.below(4)).map(|_| text(numbers, PLAIN)).collect::<Vec<_>>() }),
        _ => map(numbers, name, depth + 1),
    }
}

fn map(numbers: &mut Numbers, name: &str, depth: usize) -> Json {
    let keys: &[&str] = if name == "urlJoin" {
        &["scheme", "host", "path", "query", "opaque", "fragment", "userinfo"]
    } else {
        &["a", "b", "c", "é", "A", ""]
    };
    let mut out = serde_json::Map::new();
    for _ in 0..numbers.below(5) {
        let key = (*numbers.pick(keys)).to_owned();
        let value = if name == "urlJoin" { text(numbers, URL) } else { any(numbers, name, 9, depth) };
        out.insert(key, value);
    }
    out.into()
}

fn argument(numbers: &mut Numbers, name: &str, param: Param, at: usize) -> Json {
    match param {
        Param::Any if COUNTING.contains(&name) => int(numbers, true),
        Param::Any => any(numbers, name, at, 0),
        Param::Bool => (numbers.below(2) == 0).into(),
        Param::String if name == "pick" || name == "omit" || name == "get" || name == "hasKey" => {
            json!(*numbers.pick(&["a", "b", "c", "é"]))
        }
        Param::String => text(numbers, parts(name, at)),
        Param::Int => int(numbers, COUNTING.contains(&name)),
        Param::Int64 => json!({ "$int64": "5" }),
        Param::Float64 => float(numbers),
        Param::Map => map(numbers, name, 0),
        Param::List => (0..numbers.below(4)).map(|_| any(numbers, name, at, 1)).collect(),
        Param::Strings => json!({ "$strings": ["a"] }),
        Param::Time => json!({ "$unix": (numbers.below(4_000_000_000) as i64 - 2_000_000_000).to_string() }),
    }
}

fn call(numbers: &mut Numbers, function: &Function) -> Json {
    let name = function.name;
    let mut call = vec![Json::from(name)];
    for (at, param) in function.params.iter().enumerate() {
        call.push(argument(numbers, name, *param, at));
    }
    if let Some(rest) = function.rest {
        for at in 0..numbers.below(4) {
            call.push(argument(numbers, name, rest, function.params.len() + at));
        }
    }
    call.into()
}

/// Calls that look at the clock when their argument is no moment, and those that Go does not survive or not repeat.
fn is_fair(call: &Json) -> bool {
    let name = call[0].as_str().unwrap();
    let moment = |at: usize| call[at].get("$int64").is_some() || call[at].is_i64();
    let small = |at: usize| call[at].as_i64().is_none_or(|it| it.unsigned_abs() < 1 << 40);
    match name {
        "date" | "dateInZone" | "date_in_zone" => moment(1) && small(1) && call[1].get("$int64").is_none(),
        "htmlDate" | "htmlDateInZone" => call[1].is_i64() && small(1),
        "trunc" | "abbrev" | "abbrevboth" | "wrap" | "substr" => {
            (1..3).all(|at| call[at].as_i64().is_none_or(|it| it.unsigned_abs() < 1 << 40))
        }
        "set" => !call[1].is_null(),
        _ => true,
    }
}

#[test]
fn random_calls_are_answered_as_sprig_does() {
    let wanted = std::env::var("SPRIG_CALLS").ok().and_then(|it| it.parse().ok()).unwrap_or(CALLS);
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut all = Vec::new();
    for function in gabion_sprig::table() {
        let name = function.name;
        if NOT_ASKED.contains(&name) || PASSED_OVER.contains(&name) {
            continue;
        }
        let calls = (0..wanted).map(|_| call(&mut numbers, function));
        all.extend(calls.filter(is_fair));
    }
    let Some(answers) = peer::ask(&all) else { return };
    let mut wrong = Vec::new();
    for (call, theirs) in all.iter().zip(&answers) {
        let ours = calls::ask(call);
        if calls::comparable(call, &ours) != calls::comparable(call, theirs) {
            wrong.push(format!("{call}\n    theirs {theirs}\n    ours   {ours}"));
        }
    }
    assert!(all.len() > wanted * 100, "only {} calls", all.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn functions_that_hand_values_through_say_so() {
    let passes = |name: &str| gabion_sprig::get(name).unwrap().flow == Flow::Pass;
    for name in ["dict", "list", "default", "merge", "index"].iter().filter(|name| **name != "index") {
        assert!(passes(name), "{name}");
    }
    assert!(!passes("upper") && !passes("sha256sum") && !passes("keys"));
}
