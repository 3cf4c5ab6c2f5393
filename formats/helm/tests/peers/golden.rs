//! Files that hold what the real Helm said. `WRITE_GOLDENS=1` writes them anew; otherwise they are compared.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fs_err as fs;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Asserts that the file at `path` is `text`, or makes it so.
pub(crate) fn holds(path: &Path, text: &str) {
    if std::env::var_os("WRITE_GOLDENS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        return fs::write(path, text).unwrap();
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    if let Some((at, (ours, theirs))) = kept.lines().zip(text.lines()).enumerate().find(|(_, (a, b))| a != b)
    {
        panic!("{}:{}: Helm says another thing today\nkept  {ours}\ntoday {theirs}", path.display(), at + 1);
    }
    assert!(kept == text, "{}: {} bytes are kept, Helm gives {}", path.display(), kept.len(), text.len());
}

/// The bytes of a text as the program of Helm takes them.
pub(crate) fn bytes(data: Vec<u8>) -> Value {
    String::from_utf8(data)
        .map_or_else(|error| json!({"base64": STANDARD.encode(error.as_bytes())}), Value::from)
}

/// The files below a folder by their names.
pub(crate) fn files(folder: &Path) -> Map<String, Value> {
    let mut found = Map::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(
                files(&entry.path()).into_iter().map(|(below, data)| (format!("{name}/{below}"), data)),
            );
        } else {
            found.insert(name, bytes(fs::read(entry.path()).unwrap()));
        }
    }
    found
}

/// The sections of `charts/NAME/golden/CASE.txt`: the words of the head, and the text, `base64` being one of the words.
pub(crate) fn sections(golden: &str) -> Vec<(Vec<&str>, &str)> {
    let mut found = Vec::new();
    let mut rest = golden;
    while let Some(after) = rest.strip_prefix("=== ") {
        let (head, body) = after.split_once('\n').unwrap();
        let mut words: Vec<&str> = head.split(' ').collect();
        let length: usize = words.pop().unwrap().parse().unwrap();
        found.push((words, &body[..length]));
        rest = body[length..].strip_prefix('\n').unwrap();
    }
    assert!(rest.is_empty(), "{rest}");
    found
}
