//! Git repositories made from files: the same commits on every machine.

mod serve;

pub(crate) use serve::reply;

use sha1_checked::{Digest, Sha1};
use std::collections::BTreeMap;

/// The name of an object.
type Id = [u8; 20];

/// An object's kind; the numbers are those of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Commit = 1,
    Tree = 2,
    Blob = 3,
    Tag = 4,
}

/// A repository and how its server behaves.
#[derive(Debug, Clone, Default)]
pub struct Repository {
    /// Whether only what a branch or a tag leads to is given, as some servers do.
    pub only_tips: bool,
    /// Which commit is sent instead of the one that is asked for.
    pub instead: Option<String>,
    objects: BTreeMap<Id, (Kind, Vec<u8>)>,
    refs: BTreeMap<String, Id>,
}

/// A file of a commit: its mode (`100644`, `100755`, `120000`), its path and its bytes.
pub type File<'a> = (&'a str, &'a str, &'a [u8]);

/// Who did it, and when.
const WHO: &str = "Gabion <demo@gabion.invalid> 1700000000 +0000";

/// A folder before it is a tree.
#[derive(Debug, Default)]
struct Folder<'a> {
    files: BTreeMap<&'a str, (&'a str, &'a [u8])>,
    folders: BTreeMap<&'a str, Folder<'a>>,
}

impl<'a> Folder<'a> {
    fn add(&mut self, (mode, path, bytes): File<'a>) {
        match path.split_once('/') {
            Some((name, rest)) => self.folders.entry(name).or_default().add((mode, rest, bytes)),
            None => drop(self.files.insert(path, (mode, bytes))),
        }
    }
}

impl Repository {
    /// Puts a commit of `files` onto `branch`, and gives its id. `HEAD` is the branch `main`.
    pub fn commit(&mut self, branch: &str, files: &[File<'_>]) -> String {
        let mut root = Folder::default();
        for file in files {
            root.add(*file);
        }
        let tree = hex(&self.tree(&root));
        let name = format!("refs/heads/{branch}");
        let parent = self.refs.get(&name).map(|id| format!("parent {}\n", hex(id))).unwrap_or_default();
        let text = format!("tree {tree}\n{parent}author {WHO}\ncommitter {WHO}\n\n{branch}\n");
        let id = self.object(Kind::Commit, text.into_bytes());
        self.refs.insert(name, id);
        hex(&id)
    }

    /// Puts an annotated tag onto the tip of `branch`.
    pub fn tag(&mut self, name: &str, branch: &str) {
        let Some(commit) = self.refs.get(&format!("refs/heads/{branch}")).map(hex) else { return };
        let text = format!("object {commit}\ntype commit\ntag {name}\ntagger {WHO}\n\n{name}\n");
        let id = self.object(Kind::Tag, text.into_bytes());
        self.refs.insert(format!("refs/tags/{name}"), id);
    }

    fn tree(&mut self, folder: &Folder<'_>) -> Id {
        let mut entries = BTreeMap::new();
        for (name, (mode, bytes)) in &folder.files {
            entries.insert((*name).to_owned(), (*mode, *name, self.object(Kind::Blob, bytes.to_vec())));
        }
        for (name, inner) in &folder.folders {
            // Folders sort as if their names ended in a slash.
            entries.insert(format!("{name}/"), ("40000", *name, self.tree(inner)));
        }
        let entry =
            |(mode, name, id): &(&str, &str, Id)| [format!("{mode} {name}\0").as_bytes(), id].concat();
        self.object(Kind::Tree, entries.values().flat_map(entry).collect())
    }

    fn object(&mut self, kind: Kind, bytes: Vec<u8>) -> Id {
        let word = match kind {
            Kind::Commit => "commit",
            Kind::Tree => "tree",
            Kind::Blob => "blob",
            Kind::Tag => "tag",
        };
        let id = Sha1::digest([format!("{word} {}\0", bytes.len()).as_bytes(), &bytes].concat()).into();
        self.objects.insert(id, (kind, bytes));
        id
    }

    /// What the text of a commit or of a tag names in lines that begin with `word`.
    fn named(&self, id: &Id, word: &str) -> Vec<Id> {
        let Some((Kind::Commit | Kind::Tag, bytes)) = self.objects.get(id) else { return Vec::new() };
        let head = bytes.split(|it| *it == b'\n').take_while(|line| !line.is_empty());
        head.filter_map(|line| unhex(line.strip_prefix(word.as_bytes())?.strip_prefix(b" ")?)).collect()
    }

    /// The objects below a tree, with itself.
    fn below(&self, tree: &Id, out: &mut Vec<Id>) {
        if out.contains(tree) {
            return;
        }
        out.push(*tree);
        let Some((Kind::Tree, mut bytes)) = self.objects.get(tree).map(|(kind, bytes)| (*kind, &bytes[..]))
        else {
            return;
        };
        while let Some(end) = bytes.iter().position(|it| *it == 0) {
            let Some((id, rest)) = bytes[end + 1..].split_first_chunk() else { return };
            self.below(id, out);
            bytes = rest;
        }
    }
}

fn hex(id: &Id) -> String {
    id.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn unhex(text: &[u8]) -> Option<Id> {
    let text = std::str::from_utf8(text).ok().filter(|it| it.len() == 40)?;
    let mut id = [0; 20];
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(id)
}
