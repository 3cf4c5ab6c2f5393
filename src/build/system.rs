//! Systems: the stages of a root one after the other, and what is laid over it.

use super::accounts;
use super::stage::{Debs, Parted, SYSTEM};
use super::step::{Step, StepError};
use super::{BuildError, Engine, Results};
use crate::recipe::kinds::{Facts, Rootfs};
use crate::recipe::{Body, Recipe};
use gabion_disk::grub::Platform;
use gabion_harden::{Base, Layer, Partitions};
use gabion_lockfile::Accounts;
use gabion_rootfs::{Grub, Last};
use gabion_store::{Entry, Output, Record, Store, Tree, TreePath};
use std::collections::BTreeMap;
use std::io::Read;

/// The fact of a system that says the time of everything in it, in seconds since 1970.
pub(super) const EPOCH: &str = "epoch";
/// The facts of a system that say which numbers its accounts have.
const USERS: &str = "users";
const GROUPS: &str = "groups";
/// What the names of outputs begin with that are files of a system, made elsewhere.
pub(super) const FROM: &str = "from:";
/// Where the images of GRUB lie in a system.
pub(super) const GRUB: &str = "usr/lib/gabion/grub";

const DAY: u64 = 24 * 60 * 60;

impl Engine<'_> {
    /// The tree of a system, and the files of other nodes that will lie in it.
    pub(super) async fn system(
        &self,
        recipe: &Recipe,
        it: &Rootfs,
        inputs: &Results,
    ) -> Result<(Record, &'static str), BuildError> {
        let debs = debs(it, inputs);
        let store = self.store.clone();
        let parted = self.blocking(&recipe.address, move || Parted::of(&debs, &store)).await?;
        let epoch = parted.epoch();
        let mut base = None;
        if let Some(mut first) = parted.first() {
            (first.keep_failed, first.fresh) = (self.keep_failed, self.rebuild);
            let (made, _) = self.step(&recipe.address, Step::Stage(first)).await?;
            base = made.trees.get(SYSTEM).copied();
        }
        let last = Last { wanted: self.wanted(it), grub: grub() };
        let mut stage = parted.last(base, last);
        (stage.keep_failed, stage.fresh) = (self.keep_failed, self.rebuild);
        let (mut record, word) = self.step(&recipe.address, Step::Stage(stage)).await?;
        let word = self.renumber(recipe, it, &mut record).await?.unwrap_or(word);
        record.facts.insert(EPOCH.to_owned(), epoch.to_string());
        for reference in it.from.iter().map(|it| &it.value) {
            let outputs = inputs.get(&reference.address).map(|it| &it.outputs);
            let found = outputs.and_then(|outputs| match &reference.output {
                Some(name) => outputs.get(name),
                None => outputs.values().next().filter(|_| outputs.len() == 1),
            });
            let is_tree = |it: &&Output| {
                inputs.get(&reference.address).is_some_and(|record| {
                    record.trees.iter().any(|(name, _)| record.outputs.get(name) == Some(*it))
                })
            };
            let found = found.filter(|it| !is_tree(it));
            let missing = || StepError::Input(format!("`{reference}` is not one file"));
            let output =
                found.ok_or_else(missing).map_err(|error| super::step_failed(&recipe.address, error))?;
            record.outputs.insert(format!("{FROM}{reference}"), *output);
        }
        if !it.is_host {
            return Ok((record, word));
        }
        // What cannot be laid over it is told here, and not when somebody wants a disk of it.
        let (owned, facts) = (recipe.clone(), self.facts(it, epoch, None));
        let (store, system) = (self.store.clone(), record.clone());
        self.blocking(&recipe.address, move || layer(&owned, &facts, &system, &store)).await?;
        Ok((record, word))
    }

    /// Gives accounts the numbers that the lock has for them, and notes those that all have then.
    async fn renumber(
        &self,
        recipe: &Recipe,
        it: &Rootfs,
        record: &mut Record,
    ) -> Result<Option<&'static str>, BuildError> {
        let pinned = crate::lock::accounts(it, &self.locked.locks);
        let (store, system) = (self.store.clone(), record.clone());
        let plan = self.blocking(&recipe.address, move || {
            let tree = tree(&system, &store)?;
            Ok((tree.id(), accounts::plan(&store, &tree, &pinned)?))
        });
        let (system, (renumber, after)) = plan.await?;
        let mut word = None;
        if !renumber.is_nothing() {
            let (made, how) = self.step(&recipe.address, Step::Renumber(system, renumber)).await?;
            (record.outputs, record.trees, word) = (made.outputs, made.trees, Some(how));
        }
        record.facts.insert(USERS.to_owned(), accounts::to_fact(&after.users));
        record.facts.insert(GROUPS.to_owned(), accounts::to_fact(&after.groups));
        Ok(word)
    }

    /// What the recipe of a system does not say.
    pub(super) fn facts(&self, it: &Rootfs, epoch: u64, partitions: Option<Partitions>) -> Facts {
        let first =
            it.packages.first().and_then(|it| self.locked.graph.project.recipes.get(&it.value.address));
        let archives = match first.map(|it| &it.body) {
            Some(Body::Apt(apt)) => apt.repositories(),
            _ => Vec::new(),
        };
        Facts { epoch_day: u32::try_from(epoch / DAY).unwrap_or(0), partitions, archives }
    }

    /// Packages that recipes name.
    fn wanted(&self, it: &Rootfs) -> Vec<String> {
        let recipes = &self.locked.graph.project.recipes;
        let named = it.packages.iter().filter_map(|it| match &recipes.get(&it.value.address)?.body {
            Body::Apt(apt) => Some(apt.install.iter().map(|it| it.value.clone())),
            _ => None,
        });
        let mut wanted: Vec<String> = named.flatten().collect();
        wanted.sort();
        wanted.dedup();
        wanted
    }
}

/// The numbers of accounts in a system that is built.
pub fn accounts_of(system: &Record) -> Accounts {
    let of = |name: &str| system.facts.get(name).map(|it| accounts::from_fact(it)).unwrap_or_default();
    Accounts { users: of(USERS), groups: of(GROUPS) }
}

/// Every package, by its name without the architecture.
fn debs(it: &Rootfs, inputs: &Results) -> Debs {
    let records = it.packages.iter().filter_map(|it| inputs.get(&it.value.address));
    let outputs = records.flat_map(|record| &record.outputs);
    outputs.map(|(name, output)| (name.split('_').next().unwrap_or(name).to_owned(), *output)).collect()
}

/// The images of GRUB, for the platforms whose modules the packages bring.
fn grub() -> Vec<Grub> {
    let of = |platform: Platform, file: &str, copies: &[&str]| {
        let folder = format!("usr/lib/grub/{}", platform.as_str());
        let output = format!("{GRUB}/{file}");
        let arguments = platform.arguments(&format!("/{folder}"), &format!("/{output}"), |_| false);
        let optional =
            platform.modules(|_| true).into_iter().filter(|it| !platform.modules(|_| false).contains(it));
        let copy = |name: &&str| (format!("{folder}/{name}"), format!("{GRUB}/{name}"));
        Grub {
            optional: optional.map(str::to_owned).collect(),
            copies: copies.iter().map(copy).collect(),
            folder,
            arguments,
            output,
        }
    };
    vec![of(Platform::Bios, CORE, &[BOOT]), of(Platform::Efi, EFI, &[])]
}

/// GRUB's first sector.
pub(super) const BOOT: &str = "boot.img";
/// What the first sector loads.
pub(super) const CORE: &str = "core.img";
/// What UEFI loads.
pub(super) const EFI: &str = "BOOTX64.EFI";

/// A system as the modules see it.
struct System<'s> {
    store: &'s Store,
    tree: &'s Tree,
}

impl Base for System<'_> {
    fn file(&self, path: &str) -> Option<Vec<u8>> {
        read(self.store, self.tree, path).ok().flatten()
    }

    fn exists(&self, path: &str) -> bool {
        TreePath::new(path).is_ok_and(|path| self.tree.get(&path).is_some())
    }
}

/// A small file of a system; `None` where there is none.
pub(super) fn read(store: &Store, tree: &Tree, path: &str) -> Result<Option<Vec<u8>>, StepError> {
    let path = TreePath::new(path)?;
    if matches!(tree.get(&path), None | Some(Entry::Directory(_) | Entry::Symlink { .. })) {
        return Ok(None);
    }
    let Some(mut file) = store.open_tree_file(tree, &path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|_| StepError::Gone(tree.content()))?;
    Ok(Some(bytes))
}

/// The tree of a system's record.
pub(super) fn tree(record: &Record, store: &Store) -> Result<Tree, StepError> {
    let gone = || StepError::Input("the system went away: build again".to_owned());
    store.tree(*record.trees.get(SYSTEM).ok_or_else(gone)?)?.ok_or_else(gone)
}

/// What the recipe of a system lays over its packages.
pub(super) fn layer(
    recipe: &Recipe,
    facts: &Facts,
    system: &Record,
    store: &Store,
) -> Result<Layer, StepError> {
    let Body::Rootfs(it) = &recipe.body else { return Ok(Layer::default()) };
    let Some(settings) = it.settings(&recipe.files, facts) else { return Ok(Layer::default()) };
    let tree = tree(system, store)?;
    gabion_harden::layer(&settings, &System { store, tree: &tree }).map_err(StepError::Harden)
}

/// Files of other nodes that lie in a system, by how its recipe names them.
pub(super) fn named(system: &Record) -> BTreeMap<String, Output> {
    let named = |(name, output): (&String, &Output)| Some((name.strip_prefix(FROM)?.to_owned(), *output));
    system.outputs.iter().filter_map(named).collect()
}
