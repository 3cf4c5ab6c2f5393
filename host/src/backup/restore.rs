//! Putting a backup back.
//!
//! Files are written beside their place under names of their own, with their mode and owner, and get their names when
//! the whole backup was read and compared. A cut while they get them is finished by restoring again. What else lies in
//! a folder stays.

use super::error::BackupError;
use super::manifest::{Entry, Kind, Part, Summary};
use super::read::read;
use crate::error::HostError;
use crate::root::{Node, PART, Root, split};
use std::collections::BTreeSet;
use std::io::{self, Read};

/// What was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the backup holds.
    pub summary: Summary,
    /// Paths that were written, without the first slash.
    pub written: Vec<String>,
}

/// Puts the parts `what` of an opened backup back into `root`.
///
/// Whoever calls holds the lock of `root`, and has stopped what uses the files.
pub fn restore(root: &Root, opened: impl Read, what: &BTreeSet<Part>) -> Result<Restored, HostError> {
    let mut placing =
        Placing { root, parts: Vec::new(), folders: Vec::new(), made: Vec::new(), links: Vec::new() };
    let all = read(opened, &mut |entry, content| {
        if Part::of(&entry.path).is_some_and(|part| what.contains(&part)) {
            placing.take(entry, content)
        } else {
            Ok(())
        }
    });
    match all.and_then(|(manifest, text)| Ok((placing.finish()?, manifest.summary(&text)))) {
        Ok((written, summary)) => Ok(Restored { summary, written }),
        Err(error) => {
            placing.undo();
            Err(error)
        }
    }
}

struct Placing<'r> {
    root: &'r Root,
    /// Where the bytes of a file are, and where it goes.
    parts: Vec<(String, String)>,
    /// Folders of the backup, which get their modes and owners last.
    folders: Vec<Entry>,
    /// Folders that were not there.
    made: Vec<String>,
    links: Vec<Entry>,
}

fn failed(path: &str, source: io::Error) -> HostError {
    HostError::write(path, source)
}

impl Placing<'_> {
    fn take(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), HostError> {
        let path = entry.path.as_str();
        match &entry.kind {
            Kind::Folder => {
                self.folder(path)?;
                self.folders.push(entry.clone());
                return Ok(());
            }
            Kind::Link(_) => self.links.push(entry.clone()),
            Kind::File { .. } => {}
        }
        let above = split(path).0;
        self.folder(above)?;
        if self.root.is_folder(path).map_err(|source| failed(path, source))? {
            return Err(HostError::Folder { path: path.to_owned() });
        }
        if matches!(entry.kind, Kind::Link(_)) {
            return Ok(());
        }
        // Names of volumes may be as long as a name can be, so it is not made of them.
        let part = format!("{above}/.restore-{}{PART}", self.parts.len());
        self.parts.push((part.clone(), path.to_owned()));
        let mut broken = None;
        let written = self.root.write_for(&part, entry.mode, (entry.user, entry.group), &mut |out| {
            let mut buffer = [0; 8 << 10];
            loop {
                match content.read(&mut buffer) {
                    Ok(0) => return Ok(()),
                    Ok(count) => out.write_all(&buffer[..count])?,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        broken = Some(error.to_string());
                        return Err(error);
                    }
                }
            }
        });
        match (written, broken) {
            (Err(_), Some(why)) => Err(BackupError::Damaged(why).into()),
            (Err(source), None) => Err(failed(path, source)),
            (Ok(()), _) => Ok(()),
        }
    }

    /// Makes a folder of a part, and those above it, none of which may be a symlink: a volume's user could have put one
    /// there.
    fn folder(&mut self, path: &str) -> Result<(), HostError> {
        let base = Part::of(path).map(Part::place).filter(|base| path != *base);
        if let Some(base) = base
            && path.len() > base.len()
        {
            self.folder(split(path).0)?;
        } else {
            // The way to a part is the host's own, and may lead over symlinks within the root.
            return self.base(path);
        }
        match self.root.node(path).map_err(|source| failed(path, source))? {
            Some((Node::Folder, _)) => Ok(()),
            Some(_) => {
                Err(BackupError::Refused { path: path.to_owned(), why: "is no folder on this host" }.into())
            }
            None => self.make(path),
        }
    }

    fn base(&mut self, path: &str) -> Result<(), HostError> {
        let there = |path: &str| self.root.is_folder_at(path).map_err(|source| failed(path, source));
        if there(path)? {
            return Ok(());
        }
        let above = split(path).0.to_owned();
        if !above.is_empty() {
            self.base(&above)?;
        }
        self.make(path)
    }

    fn make(&mut self, path: &str) -> Result<(), HostError> {
        // Closed until the backup says otherwise; what lies above a part is ordinary.
        let mode = if Part::of(path).is_some() { 0o700 } else { 0o755 };
        self.root.make_folder(path, mode).map_err(|source| failed(path, source))?;
        self.made.push(path.to_owned());
        Ok(())
    }

    /// Gives everything its name, its mode and its owner.
    fn finish(&mut self) -> Result<Vec<String>, HostError> {
        let mut written = Vec::new();
        for (part, path) in &self.parts {
            self.root.rename(part, path).map_err(|source| failed(path, source))?;
            written.push(path.clone());
        }
        self.parts.clear();
        for entry in &self.links {
            let Kind::Link(target) = &entry.kind else { continue };
            let path = entry.path.as_str();
            let owner = (entry.user, entry.group);
            self.root.link_for(path, target, owner).map_err(|source| failed(path, source))?;
            written.push(entry.path.clone());
        }
        // The innermost first: a folder that its owner may not enter keeps nobody out before it is done.
        for entry in self.folders.iter().rev() {
            let set = self.root.set_folder(&entry.path, entry.mode, (entry.user, entry.group));
            set.map_err(|source| failed(&entry.path, source))?;
        }
        self.made.clear();
        Ok(written)
    }

    /// Takes away what was written and has no name yet.
    fn undo(&mut self) {
        for (part, _) in &self.parts {
            let _gone = self.root.remove(part);
        }
        for folder in self.made.iter().rev() {
            let _gone = self.root.remove_folder(folder);
        }
    }
}
