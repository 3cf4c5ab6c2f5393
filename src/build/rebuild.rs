//! Results that are not the same: of a second run of a step, or of several builders, down to files and bytes.

use super::step::{Step, StepError};
use super::{BuildError, step_failed};
use gabion_digest::TreeId;
use gabion_store::{Entry, Output, Record, Store, Tree, TreePath};
use std::collections::BTreeSet;
use std::io::Read;
use std::ops::Range;

/// A step that gave other bytes when it was done again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The node.
    pub node: String,
    /// The output.
    pub output: String,
    /// Where it differs, one place a line.
    pub places: Vec<String>,
}

/// How many places are told.
const PLACES: usize = 20;

/// How two results of `step` differ; `None` where they do not.
pub(super) fn difference(
    node: &str,
    step: &Step,
    store: &Store,
    before: &Record,
    now: &Record,
) -> Result<Option<Difference>, StepError> {
    let output = step.output();
    let (Some(one), Some(other)) = (before.outputs.get(output), now.outputs.get(output)) else {
        return Ok(None);
    };
    let trees = (before.trees.get(output), now.trees.get(output));
    if one == other && trees.0 == trees.1 {
        return Ok(None);
    }
    let places = match step {
        Step::Disk(disk) => disk.differences(store, one, other)?,
        _ => places(store, (one, trees.0), (other, trees.1))?,
    };
    Ok(Some(Difference { node: node.to_owned(), output: output.to_owned(), places: shortened(places) }))
}

/// How two results of `node` differ, output by output. Bytes that are not in the store are no error.
pub fn compare(
    node: &str,
    store: &Store,
    one: &Record,
    other: &Record,
) -> Result<Vec<Difference>, BuildError> {
    let names: BTreeSet<&String> = one.outputs.keys().chain(other.outputs.keys()).collect();
    let mut all = Vec::new();
    for name in names {
        let (trees, of) =
            ((one.trees.get(name), other.trees.get(name)), |it: &Record| it.outputs.get(name).copied());
        let found = match (of(one), of(other)) {
            (left, right) if left == right && trees.0 == trees.1 => continue,
            (Some(left), Some(right)) => places(store, (&left, trees.0), (&right, trees.1)),
            (Some(_), None) => Ok(vec!["is not there any more".to_owned()]),
            (None, _) => Ok(vec!["is new".to_owned()]),
        };
        let places = match found {
            Err(StepError::Gone(blob)) => vec![format!("`{}` is neither here nor at a cache", blob.blob)],
            found => shortened(found.map_err(|error| step_failed(&node, error))?),
        };
        all.push(Difference { node: node.to_owned(), output: name.clone(), places });
    }
    let facts = one.facts.iter().chain(&other.facts).map(|(name, _)| name).collect::<BTreeSet<_>>();
    let other_facts = facts.into_iter().filter(|name| one.facts.get(*name) != other.facts.get(*name));
    let places: Vec<String> = other_facts.map(|name| format!("`{name}` is another one")).collect();
    if !places.is_empty() {
        all.push(Difference { node: node.to_owned(), output: "facts".to_owned(), places: shortened(places) });
    }
    Ok(all)
}

/// Where two outputs differ: in the files of trees, or else in their bytes.
fn places(
    store: &Store,
    (one, one_tree): (&Output, Option<&TreeId>),
    (other, other_tree): (&Output, Option<&TreeId>),
) -> Result<Vec<String>, StepError> {
    let (Some(left), Some(right)) = (one_tree, other_tree) else {
        return Ok(vec![in_bytes(open(store, one)?, open(store, other)?)?]);
    };
    let left = store.tree(*left)?.ok_or(StepError::Gone(*one))?;
    in_trees(store, &left, &store.tree(*right)?.ok_or(StepError::Gone(*other))?)
}

fn shortened(mut places: Vec<String>) -> Vec<String> {
    let more = places.len().saturating_sub(PLACES);
    places.truncate(PLACES);
    if more > 0 {
        places.push(format!("and {more} more"));
    }
    places
}

fn open(store: &Store, output: &Output) -> Result<impl Read + use<>, StepError> {
    Ok(store.open_blob(output.blob)?.ok_or(StepError::Gone(*output))?.0)
}

fn in_trees(store: &Store, one: &Tree, other: &Tree) -> Result<Vec<String>, StepError> {
    let paths: BTreeSet<&TreePath> = one.entries().chain(other.entries()).map(|(path, _)| path).collect();
    let mut places = Vec::new();
    for path in paths {
        let (left, right) = (one.get(path), other.get(path));
        if left == right && one.attributes().get(path) == other.attributes().get(path) {
            continue;
        }
        let how = match (left, right) {
            (
                Some(Entry::File { meta, blob, .. }),
                Some(Entry::File { meta: other_meta, blob: other_blob, .. }),
            ) if blob != other_blob => {
                let gone = || StepError::Gone(one.content());
                let left = store.open_tree_file(one, path)?.ok_or_else(gone)?;
                let right = store.open_tree_file(other, path)?.ok_or_else(gone)?;
                let owner = if meta == other_meta { "" } else { ", and mode or owner" };
                format!("{}{owner}", in_bytes(left, right)?)
            }
            (Some(_), None) => "is not there any more".to_owned(),
            (None, Some(_)) => "is new".to_owned(),
            (Some(left), Some(right)) if left == right => "other attributes".to_owned(),
            (left, right) => format!("{} became {}", shown(left), shown(right)),
        };
        places.push(format!("`/{path}`: {how}"));
    }
    Ok(places)
}

/// An entry in a few words.
fn shown(entry: Option<&Entry>) -> String {
    match entry {
        Some(Entry::Directory(it)) => format!("a directory of mode {:04o}, {}:{}", it.mode, it.uid, it.gid),
        Some(Entry::File { meta: it, .. }) => {
            format!("a file of mode {:04o}, {}:{}", it.mode, it.uid, it.gid)
        }
        Some(Entry::Symlink { target, .. }) => format!("a link to `{}`", target.escape_ascii()),
        Some(Entry::HardLink { target }) => format!("another name of `{target}`"),
        None => "nothing".to_owned(),
    }
}

/// The first range in which two streams differ, and the sizes where these do.
fn in_bytes(mut one: impl Read, mut other: impl Read) -> Result<String, StepError> {
    let failed = |error: std::io::Error| StepError::Input(format!("a result cannot be read: {error}"));
    let (mut left, mut right) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut at = 0_u64;
    let mut range: Option<Range<u64>> = None;
    loop {
        let (a, b) =
            (fill(&mut one, &mut left).map_err(failed)?, fill(&mut other, &mut right).map_err(failed)?);
        for index in 0..a.min(b) {
            if left[index] != right[index] {
                let byte = at + index as u64;
                match &mut range {
                    None => range = Some(byte..byte + 1),
                    // Equal bytes between two differences that still make one range.
                    Some(range) if byte < range.end + 64 => range.end = byte + 1,
                    Some(_) => return Ok(said(range.as_ref())),
                }
            }
        }
        if a != b {
            let end = at + a.min(b) as u64;
            let begin = range.map_or(end, |range| range.start);
            return Ok(format!("bytes {begin} to the end: one ends before the other"));
        }
        if a == 0 {
            return Ok(said(range.as_ref()));
        }
        at += a as u64;
    }
}

fn said(range: Option<&Range<u64>>) -> String {
    range.map_or_else(|| "the same bytes".to_owned(), |it| format!("bytes {} to {}", it.start, it.end))
}

fn fill(from: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}
