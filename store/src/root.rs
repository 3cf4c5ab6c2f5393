//! Roots: named lists of what is kept until somebody removes the name.
//!
//! `roots/NAME` is a small text file, never a symbolic link. A root that cannot be read stops [`Store::gc`]:
//! what it kept is unknown.

use crate::{Need, Store, StoreError, fs, read_small, walk};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

/// A named list of what is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Root {
    /// Why, for people; one line.
    pub reason: String,
    /// What is kept, with everything that it names.
    pub needs: BTreeSet<Need>,
}

const HEADER: &str = "gabion-root 1\n";

impl Root {
    fn render(&self) -> String {
        let mut text = format!("{HEADER}reason {}\n", self.reason);
        for need in &self.needs {
            let _ = writeln!(text, "{need}");
        }
        text
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (reason, needs) = text.strip_prefix(HEADER)?.strip_prefix("reason ")?.split_once('\n')?;
        let needs: BTreeSet<Need> = needs.lines().map(|line| line.parse().ok()).collect::<Option<_>>()?;
        let root = Self { reason: reason.to_owned(), needs };
        (root.render() == text).then_some(root)
    }
}

impl Store {
    fn root_path(&self, name: &str) -> Result<PathBuf, StoreError> {
        let plain = |it: u8| it.is_ascii_alphanumeric() || b"-_.@+".contains(&it);
        let fits = (1..=200).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.');
        if fits {
            Ok(self.root.join("roots").join(name))
        } else {
            Err(StoreError::Name { kind: "root", name: name.to_owned() })
        }
    }

    /// Keeps what `root` lists until it is removed or set anew. `name` has letters, digits and `-_.@+`.
    pub fn set_root(&self, name: &str, root: &Root) -> Result<(), StoreError> {
        if root.reason.contains(['\n', '\r']) {
            return Err(StoreError::Name { kind: "root", name: root.reason.clone() });
        }
        fs::replace(&self.tmp(), &self.root_path(name)?, root.render().as_bytes())
    }

    /// Every root by name. One that cannot be read is an error: nothing may be removed past it.
    pub fn roots(&self) -> Result<BTreeMap<String, Root>, StoreError> {
        let read = self
            .read_roots()?
            .into_iter()
            .map(|(name, root)| root.map(|root| (name.clone(), root)).ok_or(StoreError::Root { name }));
        read.collect()
    }

    /// Every root; `None` for one that cannot be read.
    pub(crate) fn read_roots(&self) -> Result<BTreeMap<String, Option<Root>>, StoreError> {
        let mut found = BTreeMap::new();
        for path in walk::entries(&self.root.join("roots"))? {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            // Removed while we look: it is no root any more.
            let Some((name, bytes)) = name.zip(read_small(&path)?) else { continue };
            found.insert(name, Root::parse(&bytes));
        }
        Ok(found)
    }

    /// Removes a root; whether it was there. What it kept goes with the next [`Store::gc`].
    pub fn remove_root(&self, name: &str) -> Result<bool, StoreError> {
        let path = self.root_path(name)?;
        let was_there = fs::remove(&path)?;
        if was_there {
            fs::sync_folder(&self.root.join("roots"))?;
        }
        Ok(was_there)
    }
}
