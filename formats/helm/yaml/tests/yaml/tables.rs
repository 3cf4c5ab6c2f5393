//! The tables that Go made (`tests/peer`, which says how), without Go and against it.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gabion_yaml::load_bytes;
use serde_json::{Value, json};

use crate::peer::Peer;
use crate::value::{json, same};
use crate::{dumping, loading};

const DUMP: &str = "tests/dump.jsonl";
const LOAD: &str = "tests/load.jsonl";

fn rows(table: &str) -> Vec<Value> {
    let text = fs_err::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(table)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What is wrong with a row, if anything is.
fn fault(row: &Value) -> Option<String> {
    let op = row["op"].as_str().unwrap();
    let (said, error) = (&row["says"], row["says"]["error"].as_str());
    let ours = match op {
        "dump" | "pretty" => match (dumping::ours(op, &row["json"]), error) {
            (None, Some(_)) => return None,
            (Some(ours), None) if said["text"] == ours => return None,
            (ours, _) => json!(ours),
        },
        _ => {
            let ours = match row["bytes"].as_str() {
                Some(bytes) => load_bytes(&STANDARD.decode(bytes).unwrap())
                    .map(|it| json(&it))
                    .map_err(|error| error.to_string()),
                None => loading::ours(op, row["text"].as_str().unwrap_or_default()),
            };
            match (ours, error) {
                (Ok(ours), None) if same(&ours, &said["json"]) => return None,
                (Err(ours), Some(error)) if ours == error => return None,
                (ours, _) => json!(format!("{ours:?}")),
            }
        }
    };
    Some(format!("{row}\n  here: {ours}"))
}

#[track_caller]
fn hold(table: &str, least: usize) {
    let rows = rows(table);
    let different: BTreeSet<String> = rows.iter().map(Value::to_string).collect();
    assert!(different.len() >= least, "{} rows", different.len());
    let faults: Vec<String> = rows.iter().filter_map(fault).collect();
    assert!(faults.is_empty(), "{} rows:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_value_of_the_table_is_written_as_go_wrote_it() {
    hold(DUMP, 1300);
}

#[test]
fn every_text_of_the_table_is_read_as_go_read_it() {
    hold(LOAD, 1600);
}

#[test]
fn the_tables_are_what_go_says() {
    let Some(mut peer) = Peer::start() else { return };
    for row in rows(DUMP).into_iter().chain(rows(LOAD)) {
        let said = peer.ask(&row);
        let is_said = ["json", "text", "error"].iter().all(|it| said.get(it) == row["says"].get(it));
        assert!(is_said, "{row}\n  go: {said}");
    }
}
