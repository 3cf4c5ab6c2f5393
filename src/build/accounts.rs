//! Numbers of accounts that stay: what packages make for themselves in one order today and in another tomorrow keeps the
//! number that the lock has for it, so that data on a volume is still its owner's.
//!
//! Packages allocate numbers from 100 to 999 as they are configured (Debian Policy §9.2.2). Afterwards every owner in
//! the tree, the two tables of accounts and the access control lists get the numbers of the lock; who is not in the lock
//! keeps its own, or gets the next one that nobody has.

use super::step::StepError;
use super::system::read;
use gabion_digest::{Canonical, Feed, TreeId};
use gabion_lockfile::{Accounts, Word};
use gabion_store::{Entry, Meta, Record, Store, Tree, TreeBuilder};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Numbers that packages allocate.
const ALLOCATED: RangeInclusive<u32> = 100..=999;

/// What is to be renumbered in a system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Renumber {
    users: BTreeMap<u32, u32>,
    groups: BTreeMap<u32, u32>,
}

impl Canonical for Renumber {
    fn feed(&self, into: &mut Feed) {
        for map in [&self.users, &self.groups] {
            map.iter()
                .flat_map(|(from, to)| [u64::from(*from), u64::from(*to)])
                .collect::<Vec<_>>()
                .feed(into);
        }
    }
}

/// What the accounts of `tree` become, and their numbers afterwards, where `pinned` has numbers for some of them.
pub(super) fn plan(store: &Store, tree: &Tree, pinned: &Accounts) -> Result<(Renumber, Accounts), StepError> {
    let table = |path: &str| -> Result<BTreeMap<Word, u32>, StepError> {
        let text = read(store, tree, path)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&text).lines().filter_map(account).collect())
    };
    let (users, of_users) = numbers(&table("etc/passwd")?, &pinned.users);
    let (groups, of_groups) = numbers(&table("etc/group")?, &pinned.groups);
    Ok((Renumber { users, groups }, Accounts { users: of_users, groups: of_groups }))
}

/// Name and number of a line of either table, where the number was allocated.
fn account(line: &str) -> Option<(Word, u32)> {
    let mut fields = line.split(':');
    let (name, number) = (fields.next()?, fields.nth(1)?.parse().ok()?);
    Some((Word::new(name).ok()?, number)).filter(|(_, number)| ALLOCATED.contains(number))
}

/// Which number becomes which, without those that stay, and what everybody has then.
fn numbers(
    now: &BTreeMap<Word, u32>,
    pinned: &BTreeMap<Word, u32>,
) -> (BTreeMap<u32, u32>, BTreeMap<Word, u32>) {
    // A number of the lock is nobody else's, also while its owner is not here.
    let mut taken: BTreeSet<u32> = pinned.values().copied().collect();
    let mut after: BTreeMap<Word, u32> = BTreeMap::new();
    for (name, number) in now {
        if let Some(pin) = pinned.get(name) {
            after.insert(name.clone(), *pin);
        } else if taken.insert(*number) {
            after.insert(name.clone(), *number);
        }
    }
    for name in now.keys().filter(|name| !after.contains_key(*name)).cloned().collect::<Vec<_>>() {
        if let Some(free) = ALLOCATED.into_iter().find(|number| taken.insert(*number)) {
            after.insert(name, free);
        }
    }
    let moved = now.iter().filter_map(|(name, from)| Some((*from, *after.get(name)?)));
    (moved.filter(|(from, to)| from != to).collect(), after)
}

impl Renumber {
    /// Whether everybody has the right number already.
    pub(super) fn is_nothing(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }

    /// The tree with these numbers, as the output `output`.
    pub(super) fn run(&self, store: &Store, system: TreeId, output: &str) -> Result<Record, StepError> {
        let gone = || StepError::Input("the system went away: build again".to_owned());
        let tree = store.tree(system)?.ok_or_else(gone)?;
        let mut made = store.build_tree()?;
        for (path, entry) in tree.entries() {
            for (name, value) in tree.attributes().get(path).into_iter().flatten() {
                made.attribute(path.clone(), name, &self.attribute(name, value));
            }
            self.entry(store, &tree, &mut made, path, entry)?;
        }
        let (id, tree) = made.finish()?;
        let outputs = [(output.to_owned(), tree.content())].into();
        Ok(Record { outputs, trees: [(output.to_owned(), id)].into(), ..Record::default() })
    }

    fn entry(
        &self,
        store: &Store,
        tree: &Tree,
        made: &mut TreeBuilder<'_>,
        path: &gabion_store::TreePath,
        entry: &Entry,
    ) -> Result<(), StepError> {
        let path = path.clone();
        match entry {
            Entry::Directory(meta) => made.directory(path, self.meta(*meta))?,
            Entry::Symlink { meta, target } => made.symlink(path, self.meta(*meta), target)?,
            Entry::HardLink { target } => made.hard_link(path, target.clone())?,
            Entry::File { meta, size, .. } => match path.as_bytes() {
                b"etc/passwd" | b"etc/group" | b"etc/passwd-" | b"etc/group-" => {
                    let text = read(store, tree, &path.to_string())?.unwrap_or_default();
                    let text = self
                        .table(&String::from_utf8_lossy(&text), path.as_bytes().starts_with(b"etc/passwd"));
                    made.file(path, self.meta(*meta), text.len() as u64, text.as_bytes())?;
                }
                _ => {
                    let file = store.open_tree_file(tree, &path)?.ok_or(StepError::Gone(tree.content()))?;
                    made.file(path, self.meta(*meta), *size, file)?;
                }
            },
        }
        Ok(())
    }

    fn meta(&self, meta: Meta) -> Meta {
        let of = |map: &BTreeMap<u32, u32>, id: u32| map.get(&id).copied().unwrap_or(id);
        Meta { uid: of(&self.users, meta.uid), gid: of(&self.groups, meta.gid), ..meta }
    }

    /// `name:x:UID:GID:…` or `name:x:GID:…`.
    fn table(&self, text: &str, users: bool) -> String {
        let renumbered = |line: &str| {
            let mut fields: Vec<String> = line.split(':').map(str::to_owned).collect();
            let maps: &[_] =
                if users { &[(2, &self.users), (3, &self.groups)] } else { &[(2, &self.groups)] };
            for (field, map) in maps {
                let number = fields.get(*field).and_then(|it| it.parse::<u32>().ok());
                if let Some(to) = number.and_then(|number| map.get(&number)) {
                    fields[*field] = to.to_string();
                }
            }
            fields.join(":") + "\n"
        };
        text.lines().map(renumbered).collect()
    }

    /// Access control lists name users and groups (`include/uapi/linux/posix_acl_xattr.h`): version 2, then entries of
    /// tag, permissions and number.
    fn attribute(&self, name: &[u8], value: &[u8]) -> Vec<u8> {
        let mut value = value.to_vec();
        if !name.starts_with(b"system.posix_acl_") || value.len() < 4 {
            return value;
        }
        let (entries, _) = value[4..].as_chunks_mut::<8>();
        for entry in entries {
            let map = match entry[0] {
                0x02 => &self.users,
                0x08 => &self.groups,
                _ => continue,
            };
            let number = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
            if let Some(to) = map.get(&number) {
                entry[4..].copy_from_slice(&to.to_le_bytes());
            }
        }
        value
    }
}

/// One line for a record: `sshd=104 …`.
pub(super) fn to_fact(of: &BTreeMap<Word, u32>) -> String {
    of.iter().map(|(name, number)| format!("{name}={number}")).collect::<Vec<_>>().join(" ")
}

/// Reads what [`to_fact`] writes.
pub(super) fn from_fact(text: &str) -> BTreeMap<Word, u32> {
    let pair = |it: &str| {
        it.split_once('=').and_then(|(name, number)| Some((Word::new(name).ok()?, number.parse().ok()?)))
    };
    text.split(' ').filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> BTreeMap<Word, u32> {
        from_fact(text)
    }

    #[test]
    fn who_is_in_the_lock_keeps_its_number_and_nobody_else_gets_it() {
        let check = |now: &str, pinned: &str, moved: &[(u32, u32)], after: &str| {
            let (renumber, all) = numbers(&map(now), &map(pinned));
            assert_eq!(renumber, moved.iter().copied().collect(), "{now} with {pinned}");
            assert_eq!(to_fact(&all), after, "{now} with {pinned}");
        };
        check("a=100 b=101", "", &[], "a=100 b=101");
        check("a=100 b=101", "a=100 b=101", &[], "a=100 b=101");
        // A new account came first.
        check(
            "a=101 b=102 new=100",
            "a=100 b=101",
            &[(100, 102), (101, 100), (102, 101)],
            "a=100 b=101 new=102",
        );
        // An account that is gone keeps its number.
        check("a=100 c=101", "a=100 b=101", &[(101, 102)], "a=100 c=102");
        assert!(map("").is_empty());
    }

    #[test]
    fn tables_and_lists_get_the_same_numbers() {
        let it = Renumber { users: [(100, 104)].into(), groups: [(65, 66), (101, 102)].into() };
        let passwd = "root:x:0:0:root:/root:/bin/sh\nsshd:x:100:101::/run:/x\n";
        assert_eq!(it.table(passwd, true), "root:x:0:0:root:/root:/bin/sh\nsshd:x:104:102::/run:/x\n");
        assert_eq!(it.table("a:x:101:b,c\n", false), "a:x:102:b,c\n");
        let list = |number: u8| {
            [&[2, 0, 0, 0][..], &[8, 0, 5, 0, number, 0, 0, 0], &[4, 0, 5, 0, 255, 255, 255, 255]].concat()
        };
        assert_eq!(it.attribute(b"system.posix_acl_access", &list(101)), list(102));
        assert_eq!(it.attribute(b"user.x", &list(101)), list(101));
    }
}
