//! Trees: the entries of one folder, checked as `git fsck` checks them (`fsck.c`, `fsck_tree`).

use crate::object::ObjectId;
use std::collections::BTreeSet;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File,
    Executable,
    Symlink,
    Folder,
    /// A commit of another repository.
    Submodule,
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    pub(crate) kind: EntryKind,
    pub(crate) name: Vec<u8>,
    pub(crate) id: ObjectId,
}

/// What is wrong with a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// `is not sorted`.
    pub(crate) why: &'static str,
    /// The entry; empty where it is the tree itself.
    pub(crate) name: Vec<u8>,
}

/// Reads a tree.
pub(crate) fn parse(mut bytes: &[u8]) -> Result<Vec<TreeEntry>, Refused> {
    let mut entries = Vec::new();
    let mut names = BTreeSet::new();
    while !bytes.is_empty() {
        let (entry, rest) = entry(bytes)?;
        if let Some(why) = trouble(&entry.name) {
            return Err(Refused { why, name: entry.name });
        }
        if entries.last().is_some_and(|last| key(last) >= key(&entry)) {
            return Err(Refused { why: "is not sorted", name: entry.name });
        }
        if !names.insert(entry.name.clone()) {
            return Err(Refused { why: "stands twice", name: entry.name });
        }
        entries.push(entry);
        bytes = rest;
    }
    Ok(entries)
}

/// `MODE NAME\0` and the 20 bytes of the object's name.
fn entry(bytes: &[u8]) -> Result<(TreeEntry, &[u8]), Refused> {
    let cut = || Refused { why: "is cut off", name: Vec::new() };
    let space = bytes.iter().position(|it| *it == b' ').ok_or_else(cut)?;
    let (mode, rest) = (&bytes[..space], &bytes[space + 1..]);
    let end = rest.iter().position(|it| *it == 0).ok_or_else(cut)?;
    let (name, rest) = (rest[..end].to_vec(), &rest[end + 1..]);
    let (id, rest) = rest.split_first_chunk().ok_or_else(cut)?;
    let Some(kind) = kind(mode) else { return Err(Refused { why: "has an unknown mode", name }) };
    Ok((TreeEntry { kind, name, id: ObjectId::from_bytes(*id) }, rest))
}

/// Old programs wrote leading zeros and files that a group may write; git reads both.
fn kind(mode: &[u8]) -> Option<EntryKind> {
    let digits = std::str::from_utf8(mode).ok()?.trim_start_matches('0');
    Some(match digits {
        "100644" | "100664" => EntryKind::File,
        "100755" => EntryKind::Executable,
        "120000" => EntryKind::Symlink,
        "40000" => EntryKind::Folder,
        "160000" => EntryKind::Submodule,
        _ => return None,
    })
}

/// Folders sort as if their names ended in a slash.
fn key(entry: &TreeEntry) -> Vec<u8> {
    let slash: &[u8] = if entry.kind == EntryKind::Folder { b"/" } else { b"" };
    [&entry.name, slash].concat()
}

/// What is wrong with a name.
fn trouble(name: &[u8]) -> Option<&'static str> {
    match name {
        b"" => Some("has no name"),
        b"." | b".." => Some("is a way to another folder"),
        _ if name.contains(&b'/') => Some("has a slash in its name"),
        _ if is_dotgit_on_macos(name) || name.split(|it| *it == b'\\').any(is_dotgit_on_windows) => {
            Some("is `.git` to some systems")
        }
        _ => None,
    }
}

/// HFS+ ignores case and some code points that nobody sees (`utf8.c`, `next_hfs_char`).
fn is_dotgit_on_macos(name: &[u8]) -> bool {
    let unseen = |it: &char| matches!(it, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let text = String::from_utf8_lossy(name);
    text.chars().filter(|it| !unseen(it)).map(|it| it.to_ascii_lowercase()).eq(".git".chars())
}

/// NTFS ignores case, dots and blanks at the end, and what follows a colon; `git~1` is the short name of `.git`
/// (`path.c`, `is_ntfs_dotgit`).
fn is_dotgit_on_windows(part: &[u8]) -> bool {
    let lower = part.to_ascii_lowercase();
    let rest = lower.strip_prefix(b".git").or_else(|| lower.strip_prefix(b"git~1"));
    let rest = rest.and_then(|rest| rest.split(|it| *it == b':').next());
    rest.is_some_and(|rest| rest.iter().all(|it| matches!(it, b'.' | b' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, &str)]) -> Result<Vec<TreeEntry>, &'static str> {
        let bytes: Vec<u8> = entries
            .iter()
            .flat_map(|(mode, name)| [format!("{mode} {name}\0").as_bytes(), &[7; 20]].concat())
            .collect();
        parse(&bytes).map_err(|it| it.why)
    }

    #[test]
    fn names_that_some_system_takes_for_another_are_refused() {
        for name in [
            ".gitignore",
            "git",
            "git~2",
            ".gits",
            "..a",
            "a.git",
            ".git2",
            "\u{200c}",
            "a\\b",
            "a b",
            "ä",
            ".g it",
        ] {
            assert_eq!(trouble(name.as_bytes()), None, "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "a/b",
            ".git",
            ".GIT",
            ".Git",
            "git~1",
            "GIT~1",
            ".git.",
            ".git ",
            ".git. .",
            ".git:x",
            ".git::$INDEX_ALLOCATION",
            "a\\.git",
            "\\.git\\x",
            ".g\u{200c}it",
            "\u{feff}.gIt",
            ".git\u{206f}",
        ] {
            assert!(trouble(name.as_bytes()).is_some(), "{name}");
        }
    }

    #[test]
    fn a_tree_has_one_order_and_no_name_twice() {
        let good = [
            ("100644", "a"),
            ("100755", "a.b"),
            ("040000", "a0"),
            ("120000", "b"),
            ("160000", "c"),
            ("100664", "d"),
        ];
        assert_eq!(tree(&good).unwrap().len(), 6);
        assert_eq!(tree(&[("100644", "a.b"), ("40000", "a"), ("100644", "a0")]).unwrap().len(), 3);
        assert_eq!(tree(&[("100644", "b"), ("100644", "a")]), Err("is not sorted"));
        assert_eq!(tree(&[("100644", "a"), ("100644", "a")]), Err("is not sorted"));
        assert_eq!(tree(&[("100644", "a"), ("100644", "a.b"), ("40000", "a")]), Err("stands twice"));
        assert_eq!(tree(&[("40000", "a"), ("100644", "a.b")]), Err("is not sorted"));
        for mode in ["", "0", "100600", "100777", "140000", "4000x", "+40000"] {
            assert_eq!(tree(&[(mode, "a")]), Err("has an unknown mode"), "{mode}");
        }
    }

    #[test]
    fn a_tree_that_is_cut_anywhere_is_refused() {
        let bytes = [&b"100644 a\0"[..], &[7; 20]].concat();
        assert_eq!(parse(&bytes).unwrap().len(), 1);
        for end in 1..bytes.len() {
            assert_eq!(parse(&bytes[..end]).unwrap_err().why, "is cut off", "{end}");
        }
    }
}
