//! `[run.NAME]`: a script, run by the programs of a locked system on declared inputs.
//!
//! The only kind that runs what its author writes. Where its programs come from, what they read and what stays of
//! them is said here; how they are walled in is not the recipe's concern.

use crate::recipe::address::{Address, Kind, Reference};
use crate::recipe::diagnostic::{Code, Diagnostic};
use crate::recipe::reader::{Reader, Spanned};
use crate::recipe::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The name of the output that is a tree.
pub const OUT: &str = "out";

/// The script is one argument of the shell: Linux takes 128 KiB (`MAX_ARG_STRLEN` of include/uapi/linux/binfmts.h).
const SCRIPT_LIMIT: usize = 64 << 10;

/// Variables that say where a script is, and that no recipe can bend.
const SET: [&str; 5] = ["HOME", "SOURCE_DATE_EPOCH", "TMPDIR", "inputs", OUT];

/// The fields of a `run` node.
#[derive(Debug, Clone)]
pub struct Run {
    /// The system whose programs run; absent only where a mistake was reported.
    pub root: Option<Spanned<Reference>>,
    /// Nodes, or single outputs of nodes, that the script may read.
    pub inputs: Vec<Spanned<Reference>>,
    /// What `/bin/sh -eu` of the root runs.
    pub script: String,
    /// Variables beside those that every script has.
    pub env: BTreeMap<String, String>,
    /// The name of the one file that the script leaves; without it, all that it leaves is one tree.
    pub output: Option<String>,
    /// How long it may take. No limit unless given.
    pub time_out: Option<Duration>,
}

impl Run {
    pub(super) fn read(address: &Address, reader: &mut Reader<'_>) -> Self {
        reader.must_have("root");
        let root = reader.reference("root", &[Kind::Rootfs]);
        if let Some(part) = root.as_ref().filter(|it| it.value.output.is_some()) {
            reader.bad_value("root", &part.span, format!("takes a whole node, not `{}`", part.value));
        }
        Self {
            root,
            inputs: inputs(reader),
            script: script(reader),
            env: env(reader),
            output: reader.parsed("output", |text| file_name(text, address)),
            time_out: reader.parsed("time-out", duration),
        }
    }
}

/// What has bytes. A host has none, and a bundle is made of everything else.
const READABLE: [Kind; 10] = [
    Kind::Fetch,
    Kind::Apt,
    Kind::Rootfs,
    Kind::Disk,
    Kind::K3s,
    Kind::Chart,
    Kind::Image,
    Kind::ImageBuild,
    Kind::Manifests,
    Kind::Run,
];

fn inputs(reader: &mut Reader<'_>) -> Vec<Spanned<Reference>> {
    let inputs = reader.references("inputs", &READABLE);
    let mut seen = BTreeSet::new();
    for again in inputs.iter().filter(|it| !seen.insert(&it.value)) {
        let message = format!("`{}` is listed twice", again.value);
        reader.report(Diagnostic::new(Code::Duplicate, &again.span, message));
    }
    inputs
}

fn script(reader: &mut Reader<'_>) -> String {
    let script = reader.required("script");
    if reader.is_string("script") {
        let why = if script.value.trim().is_empty() {
            Some("is empty: there is nothing to run".to_owned())
        } else if script.value.len() > SCRIPT_LIMIT {
            Some(format!("is longer than {} KiB: let it run a script of an input", SCRIPT_LIMIT >> 10))
        } else {
            script.value.contains('\0').then(|| "has a zero byte in it".to_owned())
        };
        if let Some(why) = why {
            reader.bad_value("script", &script.span, why);
        }
    }
    script.value
}

fn env(reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let Some((table, _)) = reader.table("env") else { return BTreeMap::new() };
    let mut env = BTreeMap::new();
    for (name, (span, node)) in table {
        if let Err(why) = variable(name) {
            reader.bad_value("env", span, why);
        }
        match &node.value {
            Value::String(text) if !text.contains('\0') => {
                env.insert(name.clone(), text.clone());
            }
            Value::String(_) => reader.bad_value("env", &node.span, "takes no zero bytes"),
            other => {
                let why = format!("takes strings, not {}", other.type_name());
                reader.bad_value("env", &node.span, why);
            }
        }
    }
    env
}

/// Refuses what a shell cannot name (POSIX.1-2024, "Name"), and what is set for every script.
fn variable(name: &str) -> Result<(), String> {
    let good = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
    if !name.bytes().all(good) || name.is_empty() || name.starts_with(|it: char| it.is_ascii_digit()) {
        return Err(format!("takes names of letters, digits and `_`, not `{name}`"));
    }
    if SET.contains(&name) {
        return Err(format!("cannot have `{name}`, which is set for every script"));
    }
    Ok(())
}

/// A file's own name: it becomes the name of an output, and part of file names in a bundle.
fn file_name(text: &str, address: &Address) -> Result<String, String> {
    let good = |it: u8| it.is_ascii_alphanumeric() || b"._+~-".contains(&it);
    if text == OUT {
        return Err(format!(
            "cannot be `{OUT}`: `{address}#{OUT}` is the tree of a script that names no file"
        ));
    }
    if text.is_empty() || text.len() > 255 || text.starts_with(['.', '-']) || !text.bytes().all(good) {
        return Err(format!("takes the plain name of a file, not `{text}`"));
    }
    Ok(text.to_owned())
}

/// Reads `90s`, `10m` or `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("takes whole seconds, minutes or hours, `10m`, not `{text}`");
    let (at, unit) = text.char_indices().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(wrong()),
    };
    let plain = text[..at].bytes().all(|it| it.is_ascii_digit()) && !text.starts_with('0');
    // A month: longer than any build, and far from what a deadline can count.
    let number = text[..at].parse::<u64>().ok().filter(|number| plain && *number <= 31 * 86_400 / seconds);
    number.map(|number| Duration::from_secs(number * seconds)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_unit() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(duration(text).ok(), seconds.map(Duration::from_secs), "{text}");
        };
        check("90s", Some(90));
        check("10m", Some(600));
        check("2h", Some(7200));
        for bad in
            ["", "s", "10", "0s", "-1s", "1.5h", "10 m", "10ms", "1d", "99999999999999999999h", "9999h", "é"]
        {
            check(bad, None);
        }
    }
}
