//! The text of a lock: golden bytes, mistakes with their places, and round trips.

mod common;

use common::sample;
use gabion_lockfile::{HEADER, Lock, Size};
use proptest::prelude::*;

#[test]
fn the_canonical_text_is_frozen() {
    let text = sample().to_text();
    assert_eq!(text, include_str!("golden.lock"));
    assert_eq!(Lock::parse(&text).unwrap(), sample());
    assert_eq!(Lock::new().to_text(), format!("{HEADER}\nversion = 1\n"));
}

#[test]
fn order_blank_lines_and_comments_are_free() {
    let text = sample().to_text();
    let (head, blocks) = text.split_once("\n[[artifact]]\n").unwrap();
    let mut shuffled = head.to_owned() + "# more\n\n";
    for block in blocks.split("\n[[artifact]]\n").collect::<Vec<_>>().into_iter().rev() {
        let spread = block.replace("[\n", "[ # list\n\n").replace(",\n]", " ]").replace(" = ", "\t=  ");
        shuffled.extend(["  [[ artifact ]] # one\r\n", &spread, "\n\n"]);
    }
    assert_eq!(Lock::parse(&shuffled).unwrap(), sample());
    let escaped = text.replace("größer", "gr\\u00f6\\U000000DFer");
    assert_eq!(Lock::parse(&escaped).unwrap(), sample());
}

/// Replaces `from` by `to` and expects an error with this code at this text.
#[track_caller]
fn check(from: &str, to: &str, code: &str, at: &str, help: &str) {
    let text = sample().to_text();
    assert!(text.contains(from), "no `{from}`");
    let text = text.replacen(from, to, 1);
    let error = Lock::parse(&text).unwrap_err();
    let place = &error.place;
    assert_eq!((error.code(), &text[place.span.clone()]), (code, at), "{error}");
    assert!(error.help().unwrap_or_default().contains(help), "{:?}", error.help());
    assert_eq!(text[..place.span.start].matches('\n').count() + 1, place.line);
}

#[test]
fn a_newer_version_is_said_before_anything_else() {
    check("version = 1\n", "version = 2\n", "E0202", "version = 2", "update Gabion");
    let newer = "newer = { a = 1 }\n  version=999999999999 # later\n!\u{7}\n<<<<<<< ours\n";
    check("version = 1\n", newer, "E0202", "  version=999999999999 # later", "update Gabion");
}

#[test]
fn mistakes_of_the_frame_are_named_with_their_place() {
    assert_eq!(Lock::parse("# nothing\n").unwrap_err().code(), "E0206");
    check("version = 1\n", "version = 0\n", "E0204", "0", "");
    check("version = 1\n", "version = \"1\"\n", "E0204", "\"1\"", "");
    check("version = 1\n", "version = 1\nversion = 1\n", "E0207", "version", "");
    check("version = 1\n", "verison = 1\n", "E0205", "verison", "`version`");
    check("[[artifact]]", "[[artefact]]", "E0205", "artefact", "`artifact`");
    check("[[artifact]]", "[metadata]", "E0205", "metadata", "remove");
    check("[[artifact]]", "[artifact]", "E0204", "[artifact", "");
    check("[[artifact]]", "[[artifact]", "E0204", "", "");
}

#[test]
fn mistakes_of_fields_are_named_with_their_place() {
    check("sha256 = ", "sha265 = ", "E0205", "sha265", "`sha256`");
    check("sha256 = ", "blake3 = ", "E0205", "blake3", "remove the line");
    check("kind = \"git\"", "kind = \"got\"", "E0208", "\"got\"", "");
    check("kind = \"git\"", "kind = \"file\"", "E0209", "commit", "remove the line");
    check("size = 91432\n", "", "E0206", "[[artifact]]", "restore");
    check("size = 91432", "size = \"91432\"", "E0204", "\"91432\"", "");
    check("size = 91432", "size = 091432", "E0204", "091432", "");
    check("size = 91432", "size = 91_432", "E0204", "_", "");
    check("size = 91432", "size = 9223372036854775808", "E0208", "9223372036854775808", "");
    check("size = 91432", "size = 91432\nsize = 91432", "E0207", "size", "");
    check("platform = \"linux/amd64\"", "platform = []", "E0204", "[", "");
    check("only = [\n", "only = [\n  \"staging\",\n", "E0207", "\"staging\"", "");
    check("  \"production\",\n", "  \"pro/duction\",\n", "E0208", "\"pro/duction\"", "");
    check("only = [\n  \"production\",\n  \"staging\",\n]", "only = []", "E0204", "[", "");
    check(
        "https://charts",
        "https://me:pw@charts",
        "E0212",
        "\"https://me:pw@charts.example/m-88.4.1.tgz\"",
        "remove",
    );
    check("id = \"chart.monitoring\"", "id = \"chart.cert-manager\"", "E0207", "[[artifact]]", "");
}

#[test]
fn mistakes_of_syntax_are_named_with_their_place() {
    check("\"v1.21.1\"", "\"v1.21.1", "E0204", "", "");
    check("\"v1.21.1\"", "'v1.21.1'", "E0204", "'", "");
    check("\"v1.21.1\"", "\"v1\\q\"", "E0204", "q", "");
    check("\"v1.21.1\"", "\"v\\ud800\"", "E0204", "u", "");
    check("\"v1.21.1\"", "\"v\\u12\"", "E0204", "u", "");
    check("\"v1.21.1\"", "\"v1\" \"2\"", "E0204", "\"", "");
    check("\"v1.21.1\"", "\"v1\u{7f}\"", "E0204", "\u{7f}", "");
    check("\"v1.21.1\"", "", "E0204", "", "");
    check("kind = ", "\"kind\" = ", "E0204", "\"", "");
    check("kind = ", "kind.x = ", "E0204", ".", "");
    check("  \"production\",", "  \"production\"", "E0204", "\"", "");
    check("# Generated", "\u{feff}# Generated", "E0204", "\u{feff}", "");
    check("  \"production\",", "<<<<<<< HEAD\n  \"production\",", "E0203", "<<<<<<< HEAD", "`gabion lock`");
    let unclosed = "version = 1\n[[artifact]]\nonly = [\n";
    assert_eq!(chain(unclosed), "line 3, column 9: expected `]`, the end of the list");
    let text = sample().to_text().replace("\"linux/amd64\"", "\"linux\"");
    let want = "the value of `platform` is wrong: `linux` is not a platform: `os/architecture` in lowercase, as `linux/amd64`";
    assert_eq!(chain(&text), format!("line 48, column 12: {want}"));
}

/// The error and its causes, as the program prints them.
fn chain(text: &str) -> String {
    let error = Lock::parse(text).unwrap_err();
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn a_block_with_too_many_fields_is_refused_before_it_costs_anything() {
    let fields: String = (0..100_000).fold(String::new(), |text, i| text + &format!("f{i} = 1\n"));
    let error = Lock::parse(&format!("version = 1\n[[artifact]]\n{fields}")).unwrap_err();
    assert_eq!((error.code(), error.place.line), ("E0204", 35));
    let long = " ".repeat((64 << 20) + 1);
    assert_eq!(Lock::parse(&long).unwrap_err().code(), "E0201");
}

fn any_lock() -> impl Strategy<Value = Lock> {
    let entry =
        (0..5_usize, "[a-z]{1,6}(#[a-z]{1,3})?", "[!-~]{1,12}", "\\PC{1,12}", any::<u32>(), any::<bool>());
    let entries = proptest::collection::vec(entry, 0..8);
    entries.prop_map(|drafts| {
        let kinds: Vec<_> = sample().into_iter().collect();
        let entries = drafts.into_iter().map(|(kind, id, version, request, size, only)| {
            let mut entry = kinds[kind].clone();
            entry.id = format!("x.{id}").parse().unwrap();
            entry.version = version.parse().ok();
            entry.request = request.parse().unwrap_or(entry.request);
            if let gabion_lockfile::Pin::File { size: bytes, .. }
            | gabion_lockfile::Pin::Git { size: bytes, .. } = &mut entry.pin
            {
                *bytes = Size::from(size);
            }
            if only {
                entry.only = ["a".parse().unwrap(), id.replace('#', ".").parse().unwrap()].into();
            }
            entry
        });
        entries.collect()
    })
}

proptest! {
    #[test]
    fn every_lock_is_read_back(lock in any_lock()) {
        let text = lock.to_text();
        let read = Lock::parse(&text).unwrap();
        prop_assert_eq!(&read, &lock);
        prop_assert_eq!(read.to_text(), text.clone());
        prop_assert!(toml::from_str::<toml::Table>(&text).is_ok());
    }

    #[test]
    fn whatever_is_accepted_is_toml_of_the_same_meaning(
        at in any::<proptest::sample::Index>(),
        cut in 0..3_usize,
        put in proptest::sample::select(vec![
            "", "\"", "\\", "\\e", "\\x41", "\\u0041", "\n", "\r", "\r\n", "\t", "#", "[", "]", "[[", "=", ",", " ", "0", "_", "'",
            "\"\"\"", "\u{0}", "\u{7f}", "\u{85}", "\u{feff}", "ö", "<<<<<<< a\n", "=======\n", "[[artifact]]\n", "version = 1\n",
        ]),
    ) {
        let mut text: Vec<char> = sample().to_text().chars().collect();
        let at = at.index(text.len());
        let end = (at + cut).min(text.len());
        text.splice(at..end, put.chars());
        let text: String = text.into_iter().collect();
        // Neither reader may panic on it; the result of the merging one is free.
        let _merged = Lock::parse_merging(&text);
        if let Ok(lock) = Lock::parse(&text) {
            let foreign: toml::Table = toml::from_str(&text).unwrap();
            let canonical: toml::Table = toml::from_str(&lock.to_text()).unwrap();
            prop_assert_eq!(by_id(&foreign), by_id(&canonical));
        }
    }

    #[test]
    fn no_text_panics(text in "(version = 1\n)?(\\[\\[artifact\\]\\]\n)?([a-z]{2,8} ?= ?[\"\\[0-9a-z,\\]\\\\\n#]{0,12}\n|\\PC{0,20}\n|[<=>|]{7}( a)?\n){0,12}") {
        let _any = (Lock::parse(&text), Lock::parse_merging(&text), gabion_lockfile::AptLock::parse(&text));
    }
}

/// The entries of a TOML document by id, lists as sets: their order means nothing in a lock.
fn by_id(document: &toml::Table) -> std::collections::BTreeMap<String, toml::Table> {
    let blocks = document.get("artifact").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let blocks = blocks.into_iter().map(|block| {
        let mut block = block.as_table().unwrap().clone();
        for value in block.iter_mut().map(|(_, value)| value) {
            if let Some(items) = value.as_array_mut() {
                items.sort_by_key(ToString::to_string);
            }
        }
        (block["id"].as_str().unwrap().to_owned(), block)
    });
    blocks.collect()
}
