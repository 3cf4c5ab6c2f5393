//! The order of syncs, read from a trace: data, its name, the folder, and only then the record.

use crate::strace::is_there;
use crate::work::{command, prepare};
use std::collections::BTreeMap;
use std::path::Path;

/// One call that succeeded, in the order in which the calls ended.
#[derive(Debug, PartialEq)]
enum Call {
    Data(String),
    Folder(String),
    Name { from: String, to: String },
}

pub(crate) fn check() {
    if !is_there() {
        return;
    }
    check_one("record", (2, 1, 1), 3);
    // Two blobs, and all four records at once.
    check_one("commit", (2, 2, 2), 6);
}

/// `counts`: how many blobs, actions and requests get names; `before`: how many files are synced before the first record
/// has its name.
fn check_one(operation: &str, counts: (usize, usize, usize), before: usize) {
    let folder = crate::folder();
    let (store, log) = (folder.path().join("store"), folder.path().join("log"));
    prepare(&store);
    let trace = "trace=fdatasync,fsync,linkat,rename";
    let wrapper = ["strace", "-f", "-y", "-s", "4096", "-o", log.to_str().unwrap(), "-e", trace];
    assert!(command(&wrapper, operation, &store).status().unwrap().success());
    let calls = parse(&fs_err::read_to_string(&log).unwrap());
    let names = |part: &str| {
        let part = format!("/store/{part}/");
        let found = calls.iter().enumerate().filter_map(|(at, call)| match call {
            Call::Name { from, to } if to.contains(&part) => Some((at, from.clone(), to.clone())),
            _ => None,
        });
        found.collect::<Vec<_>>()
    };
    let (blobs, actions, requests) = (names("blob/b3"), names("act"), names("request"));
    assert_eq!((blobs.len(), actions.len(), requests.len()), counts, "{calls:?}");

    for (at, from, to) in blobs.iter().chain(&actions).chain(&requests) {
        let data = calls[..*at].contains(&Call::Data(from.clone()));
        assert!(data, "`{to}` got its name before its bytes were synced: {calls:?}");
        synced(&calls, *at, to);
    }
    let last_blob = blobs.iter().map(|(at, _, to)| synced(&calls, *at, to)).max().unwrap();
    let first_record = actions.iter().chain(&requests).map(|(at, ..)| *at).min().unwrap();
    assert!(last_blob < first_record, "a record got its name before its blobs were safe: {calls:?}");
    let syncs = calls[..first_record].iter().filter(|call| matches!(call, Call::Data(_))).count();
    assert_eq!(syncs, before, "blobs and records: one sync each, and none for aliases: {calls:?}");
}

/// Where the folder of `to` was synced after `at`.
fn synced(calls: &[Call], at: usize, to: &str) -> usize {
    let folder = Path::new(to).parent().unwrap().to_str().unwrap();
    let after = calls[at..].iter().position(|call| *call == Call::Folder(folder.to_owned()));
    at + after.unwrap_or_else(|| panic!("the folder of `{to}` is never synced: {calls:?}"))
}

fn parse(log: &str) -> Vec<Call> {
    let mut begun: BTreeMap<&str, String> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let Some((process, text)) = line.split_once(' ') else { continue };
        let text = text.trim();
        let whole = if let Some(start) = text.strip_suffix("<unfinished ...>") {
            begun.insert(process, start.to_owned());
            continue;
        } else if let Some((_, rest)) = text.strip_prefix("<... ").and_then(|it| it.split_once("resumed>")) {
            begun.remove(process).unwrap_or_default() + rest
        } else {
            text.to_owned()
        };
        calls.extend(parse_call(&whole));
    }
    calls
}

fn parse_call(text: &str) -> Option<Call> {
    if !text.ends_with("= 0") {
        return None;
    }
    let between = |from: char, to: char| Some(text.split_once(from)?.1.split_once(to)?.0.to_owned());
    match text.split_once('(')?.0 {
        "fdatasync" => between('<', '>').map(Call::Data),
        "fsync" => between('<', '>').map(Call::Folder),
        "linkat" | "rename" => {
            let mut quoted = text.split('"').skip(1).step_by(2).map(str::to_owned);
            Some(Call::Name { from: quoted.next()?, to: quoted.next()? })
        }
        _ => None,
    }
}
