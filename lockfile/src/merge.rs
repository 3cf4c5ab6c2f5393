//! Reads a lock in which git left the markers of a merge.
//!
//! Markers are those of `git merge-file` (section "DESCRIPTION"), also in the style `diff3`. Both sides are read
//! as whole locks, with the lines outside of conflicts in common, and united.
//!
//! # Invariants
//! - Nothing is guessed: an entry that differs between the sides is contested, and so is every entry
//!   between whose fields a conflict begins or ends, because the others may come from either side.
//! - A contested entry is not in the lock, so that `resolve` chooses it again.

use crate::error::{Fault, Problem};
use crate::reader::{self, Line};
use crate::{Entry, EntryId, Lock, LockError, lock, parse};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A lock out of both sides of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What both sides have alike, and whole entries that only one side has.
    pub lock: Lock,
    /// Entries that are left out because the sides disagree; to be resolved again.
    pub contested: BTreeSet<EntryId>,
}

impl Lock {
    /// Reads a lock that may hold the markers of a merge. Without markers this is [`Lock::parse`].
    pub fn parse_merging(text: &str) -> Result<Parsed, LockError> {
        if !has_conflict_markers(text) {
            return Self::parse(text).map(|lock| Parsed { lock, contested: BTreeSet::new() });
        }
        parse_sides(text).map_err(|fault| fault.placed(text))
    }
}

/// Whether `text` holds the markers of an unfinished merge.
pub fn has_conflict_markers(text: &str) -> bool {
    first_marker(text).is_some()
}

/// The first line that is a marker.
pub(crate) fn first_marker(text: &str) -> Option<Range<usize>> {
    let line = reader::lines(text).find(|line| marker(line.text).is_some())?;
    Some(line.offset..line.offset + line.text.len())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    Ours,
    Base,
    Theirs,
    End,
}

/// A marker has exactly seven signs and, except for the middle one, a label. Longer ones are those of a
/// conflict inside the merge base, and mean nothing to us.
fn marker(line: &str) -> Option<Marker> {
    if !matches!(line.as_bytes().first(), Some(b'<' | b'|' | b'=' | b'>')) {
        return None;
    }
    let sign = line.chars().next()?;
    let (signs, label) = line.split_at_checked(7)?;
    if !signs.chars().all(|c| c == sign) || !(label.is_empty() || label.starts_with(' ')) {
        return None;
    }
    match sign {
        '<' => Some(Marker::Ours),
        '|' => Some(Marker::Base),
        '=' if label.is_empty() => Some(Marker::Theirs),
        '>' => Some(Marker::End),
        _ => None,
    }
}

/// The lines of our side and of theirs; those outside of conflicts are in both.
fn sides(text: &str) -> Result<[Vec<Line<'_>>; 2], Fault> {
    let [mut ours, mut theirs] = [Vec::new(), Vec::new()];
    let (mut zone, mut state, mut seam) = (0, Marker::End, false);
    for mut line in reader::lines(text) {
        let Some(next) = marker(line.text) else {
            line.zone = (state != Marker::End).then_some(zone);
            line.seam = std::mem::take(&mut seam);
            match state {
                Marker::End => {
                    ours.push(line);
                    theirs.push(line);
                }
                Marker::Ours => ours.push(line),
                Marker::Base => {}
                Marker::Theirs => theirs.push(line),
            }
            continue;
        };
        let expected = match (state, next) {
            (Marker::End, Marker::Ours) => {
                zone += 1;
                None
            }
            (Marker::Ours, Marker::Base | Marker::Theirs) | (Marker::Base, Marker::Theirs) => None,
            (Marker::Theirs, Marker::End) => {
                seam = true;
                None
            }
            (Marker::End, _) => Some("`<<<<<<<`"),
            (Marker::Ours | Marker::Base, _) => Some("`=======`"),
            (Marker::Theirs, _) => Some("`>>>>>>>`"),
        };
        if let Some(expected) = expected {
            return Err(Fault::new(
                line.offset..line.offset + line.text.len(),
                Problem::Markers { expected },
            ));
        }
        seam &= next == Marker::End;
        state = next;
    }
    if state != Marker::End {
        return Err(Fault::new(text.len()..text.len(), Problem::Markers { expected: "`>>>>>>>`" }));
    }
    Ok([ours, theirs])
}

fn parse_sides(text: &str) -> Result<Parsed, Fault> {
    lock::check_length(text)?;
    let mut contested = BTreeSet::new();
    let [ours, theirs] = sides(text)?;
    for side in [&ours, &theirs] {
        reader::refuse_newer(side.iter().copied())?;
    }
    let ours = read_side(&ours, &mut contested)?;
    let theirs = read_side(&theirs, &mut contested)?;
    let mut union = ours;
    for (id, entry) in theirs {
        if union.get(&id).is_some_and(|other| *other != entry) {
            contested.insert(id);
        } else {
            union.insert(id, entry);
        }
    }
    let lock = union.into_iter().filter(|(id, _)| !contested.contains(id)).map(|(_, entry)| entry).collect();
    Ok(Parsed { lock, contested })
}

fn read_side(
    lines: &[Line<'_>],
    contested: &mut BTreeSet<EntryId>,
) -> Result<BTreeMap<EntryId, Entry>, Fault> {
    let mut entries = BTreeMap::new();
    reader::read(lines.iter().copied(), |block| {
        if block.torn {
            let missing = || Fault::new(block.at.clone(), Problem::Missing { name: "id" });
            contested.insert(parse::id_of_block(&block).ok_or_else(missing)?);
            return Ok(());
        }
        let entry = parse::entry(block)?;
        if let Some(twice) = entries.insert(entry.id.clone(), entry) {
            contested.insert(twice.id);
        }
        Ok(())
    })?;
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(id: &str, version: &str) -> String {
        let digest = gabion_digest::Sha256::of(id.as_bytes());
        format!(
            "\n[[artifact]]\nid = \"{id}\"\nkind = \"file\"\nrequest = \"r\"\nversion = \"{version}\"\n\
             url = \"https://a.example/{id}\"\nsize = 1\nsha256 = \"{digest}\"\ntrust = \"tofu\"\n"
        )
    }

    fn conflict(ours: &str, theirs: &str) -> String {
        format!("<<<<<<< main\n{ours}||||||| 1a2b3c4\n=======\n{theirs}>>>>>>> topic\n")
    }

    #[track_caller]
    fn check(text: &str, kept: &[&str], contested: &[&str]) {
        let parsed = Lock::parse_merging(text).unwrap();
        assert_eq!(parsed.lock.entries().map(|it| it.id.as_str()).collect::<Vec<_>>(), kept, "kept");
        assert_eq!(parsed.contested.iter().map(EntryId::as_str).collect::<Vec<_>>(), contested, "contested");
    }

    #[test]
    fn whole_entries_of_either_side_are_kept() {
        let [a, z] = [block("a", "1"), block("z", "1")];
        let text = format!("version = 1\n{a}{}{z}", conflict(&block("m", "1"), &block("n", "1")));
        check(&text, &["a", "m", "n", "z"], &[]);
        let same = conflict(&block("m", "1"), &format!("# theirs\n{}", block("m", "1")));
        check(&format!("version = 1\n{a}{same}{z}"), &["a", "m", "z"], &[]);
    }

    #[test]
    fn entries_that_differ_are_contested() {
        let text =
            format!("version = 1\n{}{}", block("a", "1"), conflict(&block("m", "1"), &block("m", "2")));
        check(&text, &["a"], &["m"]);
    }

    #[test]
    fn a_removal_on_one_side_keeps_the_other() {
        let text =
            format!("version = 1\n{}{}{}", block("a", "1"), conflict("", &block("m", "2")), block("z", "1"));
        check(&text, &["a", "m", "z"], &[]);
    }

    #[test]
    fn a_conflict_inside_a_block_contests_it_even_where_one_side_is_empty() {
        let middle = |ours: &str, theirs: &str| {
            let line = "version = \"1\"\n";
            format!("version = 1\n{}", block("a", "1"))
                + &block("m", "1").replace(line, &conflict(ours, theirs))
        };
        check(&middle("version = \"2\"\n", "version = \"3\"\n"), &["a"], &["m"]);
        check(&middle("", "version = \"3\"\n"), &["a"], &["m"]);
        check(&middle("version = \"3\"\n", ""), &["a"], &["m"]);
        // Only comments differ, yet the lines around them may come from either side.
        check(&middle("# ours\n", "# theirs\n"), &["a"], &["m"]);
        check(&middle("only = [\n  \"x\",\n]\n", "only = [\n  \"y\",\n]\n"), &["a"], &["m"]);
    }

    #[test]
    fn a_header_outside_the_conflict_of_its_fields_tears_nothing() {
        let [m, n] = [block("m", "1"), block("n", "1")];
        let moved = |block: &str| format!("{}\n[[artifact]]\n", block.trim_start_matches("\n[[artifact]]\n"));
        let text = format!("version = 1\n\n[[artifact]]\n{}", conflict(&moved(&m), &moved(&n)));
        check(&(text + &moved(&block("z", "1")).replace("[[artifact]]", "")), &["m", "n", "z"], &[]);
    }

    #[test]
    fn a_conflict_inside_a_list_contests_its_entry() {
        let items = conflict("  \"x\",\n", "  \"y\",\n");
        let text = format!("version = 1\n{}only = [\n{items}]\n{}", block("m", "1"), block("z", "1"));
        check(&text, &["z"], &["m"]);
        let items = conflict("", "  \"y\",\n");
        let text =
            format!("version = 1\n{}only = [\n  \"x\",\n{items}]\n{}", block("m", "1"), block("z", "1"));
        check(&text, &["z"], &["m"]);
    }

    #[test]
    fn a_conflict_over_the_border_of_two_blocks_contests_both() {
        let all = block("m", "1") + &block("n", "1");
        let start = all.find("sha256").unwrap();
        let end = start + all[start..].find("kind").unwrap();
        let text = format!("version = 1\n{}{}{}", &all[..start], conflict(&all[start..end], ""), &all[end..]);
        // Their side has one block with fields of both.
        check(&text, &[], &["m", "n"]);
        let theirs = all[start..end].replace("tofu", "recipe");
        let text =
            format!("version = 1\n{}{}{}", &all[..start], conflict(&all[start..end], &theirs), &all[end..]);
        check(&text, &[], &["m", "n"]);
    }

    #[test]
    fn markers_that_do_not_fit_are_an_error_with_their_line() {
        let table = [
            ("version = 1\n=======\n", 2),
            ("version = 1\n<<<<<<< a\n>>>>>>> b\n", 3),
            ("version = 1\n<<<<<<< a\n<<<<<<< b\n", 3),
            ("version = 1\n<<<<<<< a\n=======\n", 4),
            ("version = 1\n<<<<<<< a\n=======\n||||||| x\n", 4),
        ];
        for (text, line) in table {
            let error = Lock::parse_merging(text).unwrap_err();
            assert_eq!((error.code(), error.place.line), ("E0211", line), "{text}");
        }
    }

    #[test]
    fn a_newer_version_on_one_side_is_refused() {
        let text = format!("{}{}", conflict("version = 1\n", "version = 2\n"), block("a", "1"));
        assert_eq!(Lock::parse_merging(&text).unwrap_err().code(), "E0202");
    }
}
