//! Disks: a system and what is laid over it in the first slot, and everything that starts it.
//!
//! The output is QEMU's qcow2, which has the bytes of the disk without what is empty: the one form in which eleven
//! gigabytes that are mostly zeros are kept. Other forms are made of it where they are asked for: the compressed one, for
//! a bundle, is kept too.

pub(super) mod compress;
mod error;
mod merge;

pub use error::DiskError;

use super::step::{Step, StepError};
use super::system::{self, BOOT, CORE, EFI, EPOCH, GRUB};
use super::{BuildError, Engine, Results};
use crate::recipe::kinds;
use crate::recipe::{Body, Recipe};
use gabion_digest::{Canonical, Feed, TreeId};
use gabion_disk::grub::{CONFIG_PATH, Config, DEFAULT_PARAMETERS, EFI_PATH, ENVIRONMENT_PATH, Environment};
use gabion_disk::{Bios, Disk, Layout, Qcow2, Role, Sizes, Slot, Tree, Uuid, ext4};
use gabion_harden::{Content, Layer, Node, Partitions};
use gabion_store::{Output, Record, Store, TreePath};
use merge::{Bytes, Merged, merge};
use std::collections::BTreeMap;
use std::io::{self, Read};

/// The name of the output.
pub const DISK: &str = "qcow2";

/// What every identifier of a disk of ours is derived from; drawn once.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b0a_1f52_8c1e_4d0f_9a37_5d2c_e4b8_7f61);

/// Where kernels lie: Debian links them into the root, Ubuntu into `/boot`.
const KERNELS: [(&str, &str); 2] = [("vmlinuz", "initrd.img"), ("boot/vmlinuz", "boot/initrd.img")];

/// One disk.
#[derive(Debug)]
pub(super) struct DiskStep {
    system: TreeId,
    layer: Layer,
    named: BTreeMap<String, Output>,
    name: String,
    sizes: Sizes,
    time: u64,
    kernel_args: Vec<String>,
}

impl Canonical for DiskStep {
    fn feed(&self, into: &mut Feed) {
        self.system.digest().feed(into);
        for (path, node) in &self.layer.nodes {
            path.as_str().feed(into);
            match node {
                Node::Directory { mode, uid, gid } => {
                    [0, *mode, *uid, *gid].map(u64::from).to_vec().feed(into);
                }
                Node::File { mode, uid, gid, content } => {
                    [1, *mode, *uid, *gid].map(u64::from).to_vec().feed(into);
                    let blob = match content {
                        Content::Bytes(bytes) => Some(gabion_digest::hash_bytes(bytes).blob),
                        Content::Named(name) => self.named.get(name).map(|it| it.blob),
                    };
                    blob.map(|it| it.digest()).feed(into);
                }
                Node::Symlink { target } => target.as_str().feed(into),
            }
        }
        self.layer.remove.iter().map(|it| it.as_str().to_owned()).collect::<Vec<_>>().feed(into);
        self.name.feed(into);
        let Sizes { bios_boot, esp, root, state, data } = self.sizes;
        vec![bios_boot, esp, root, state, data, self.time].feed(into);
        self.kernel_args.feed(into);
    }
}

impl Engine<'_> {
    /// The step of a disk.
    pub(super) async fn disk(
        &self,
        recipe: &Recipe,
        it: &kinds::Disk,
        inputs: &Results,
    ) -> Result<Step, BuildError> {
        let failed = |error| super::step_failed(&recipe.address, error);
        let missing = || failed(StepError::Input("its system is not built".to_owned()));
        let address = &it.rootfs.as_ref().ok_or_else(missing)?.value.address;
        let system = inputs.get(address).cloned().ok_or_else(missing)?;
        let rootfs = self.locked.graph.project.recipes.get(address).ok_or_else(missing)?.clone();
        let Body::Rootfs(body) = &rootfs.body else { return Err(missing()) };
        let time: u64 = system.facts.get(EPOCH).and_then(|it| it.parse().ok()).ok_or_else(missing)?;
        let (name, sizes) = (recipe.address.name().to_owned(), sizes(it));
        let layout = layout(&name, sizes).map_err(failed)?;
        let facts = self.facts(body, time, partitions(&layout));
        let (store, kernel_args) = (self.store.clone(), it.kernel_args.clone());
        let step = self.blocking(&recipe.address, move || {
            let layer = system::layer(&rootfs, &facts, &system, &store)?;
            let named = system::named(&system);
            let system = system::tree(&system, &store)?.id();
            Ok(DiskStep { system, layer, named, name, sizes, time, kernel_args })
        });
        Ok(Step::Disk(Box::new(step.await?)))
    }
}

fn sizes(it: &kinds::Disk) -> Sizes {
    Sizes {
        esp: it.esp.bytes(),
        root: it.slot.bytes(),
        state: it.state.bytes(),
        data: it.data.bytes(),
        ..Sizes::default()
    }
}

fn layout(name: &str, sizes: Sizes) -> Result<Layout, StepError> {
    Layout::new(NAMESPACE, name, sizes).map_err(|error| StepError::Disk(error.into()))
}

fn partitions(layout: &Layout) -> Option<Partitions> {
    let id = |role: Role| layout.partition(role).id.to_string().parse().ok();
    Some(Partitions { esp: id(Role::Esp)?, state: id(Role::State)?, data: id(Role::Data)? })
}

impl DiskStep {
    /// Writes the disk into the store.
    pub(super) fn run(&self, store: &Store) -> Result<Record, StepError> {
        let gone = || StepError::Input("the system went away: build again".to_owned());
        let tree = store.tree(self.system)?.ok_or_else(gone)?;
        let layout = layout(&self.name, self.sizes)?;
        let merged = merge(&tree, &self.layer, &self.named)?;
        let time = u32::try_from(self.time).unwrap_or(u32::MAX);
        let file = |name: &'static str, package: &'static str| {
            let path = format!("{GRUB}/{name}");
            let bytes = system::read(store, &tree, &path)?;
            bytes.ok_or(StepError::Disk(DiskError::Missing { path, package }))
        };
        let (boot, core) = (file(BOOT, "grub-pc-bin")?, file(CORE, "grub-pc-bin")?);
        let bios = Bios::new(&boot, &core, layout.partition(Role::BiosBoot)).map_err(disk)?;
        let esp = [
            (EFI_PATH.to_owned(), file(EFI, "grub-efi-amd64-bin")?),
            (CONFIG_PATH.to_owned(), self.config(&layout, &merged)?.to_text().into_bytes()),
            (ENVIRONMENT_PATH.to_owned(), Environment::new(Slot::A).to_bytes().map_err(disk)?),
        ];
        let image = self.slot(&layout, &merged, time)?;
        let draft = store.draft()?;
        let mut target = Qcow2::new(draft.file()?, layout.size());
        let content = |path: &[u8]| open(store, &tree, &merged, path);
        let parts = Disk { layout: &layout, bios: &bios, esp: esp.into(), time };
        parts.write(Tree { image: &image, content }, &mut target).map_err(disk)?;
        target.finish().map_err(write_failed)?;
        Ok(Record { outputs: [(DISK.to_owned(), draft.finish()?.into())].into(), ..Record::default() })
    }

    /// The plan of the slot. One image fits both slots, so it is named after neither.
    fn slot(&self, layout: &Layout, merged: &Merged, time: u32) -> Result<ext4::Image, StepError> {
        let id = Uuid::v5(layout.table().id(), "slot");
        let options = ext4::Options::new(self.sizes.root, id, "root", time);
        ext4::Image::plan(&options, merged.entries.values().cloned()).map_err(disk)
    }

    fn config(&self, layout: &Layout, merged: &Merged) -> Result<Config, StepError> {
        let has = |path: &str| merged.entries.contains_key(path.as_bytes());
        let (kernel, initrd) = KERNELS.into_iter().find(|(kernel, _)| has(kernel)).ok_or_else(|| {
            let path = KERNELS[0].0.to_owned();
            StepError::Disk(DiskError::Missing { path, package: "linux-image-amd64" })
        })?;
        let initrd = has(initrd).then(|| format!("/{initrd}"));
        let parameters = DEFAULT_PARAMETERS.into_iter().chain(self.kernel_args.iter().map(String::as_str));
        Config::new(layout, &format!("/{kernel}"), initrd.as_deref(), parameters).map_err(disk)
    }
}

impl DiskStep {
    /// Where two images of this disk differ: by file where the bytes are a file's, else by partition.
    pub(super) fn differences(
        &self,
        store: &Store,
        one: &Output,
        other: &Output,
    ) -> Result<Vec<String>, StepError> {
        let gone = || StepError::Input("a disk went away: build again".to_owned());
        let open = |it: &Output| -> Result<_, StepError> {
            let (file, _) = store.open_blob(it.blob)?.ok_or_else(gone)?;
            gabion_disk::Image::open(file).map_err(|error| StepError::Input(crate::error::chain(&error)))
        };
        let layout = layout(&self.name, self.sizes)?;
        let tree = store.tree(self.system)?.ok_or_else(gone)?;
        let merged = merge(&tree, &self.layer, &self.named)?;
        let slot = self.slot(&layout, &merged, u32::try_from(self.time).unwrap_or(u32::MAX))?;
        let found = gabion_disk::compare(&layout, open(one)?, open(other)?).map_err(write_failed)?;
        let mut lines = Vec::new();
        for difference in found {
            let in_slot = difference.part == Role::RootA.label();
            for range in &difference.ranges {
                let file = slot.locate(range.start).filter(|_| in_slot);
                lines.push(match file {
                    Some((path, at)) => {
                        let end = at + (range.end - range.start);
                        format!("`/{}`, bytes {at} to {end}, in `{}`", path.escape_ascii(), difference.part)
                    }
                    None => format!("`{}`, bytes {} to {}", difference.part, range.start, range.end),
                });
            }
            lines.push(format!("`{}` differs in {} bytes", difference.part, difference.bytes));
        }
        Ok(lines)
    }
}

fn write_failed(source: io::Error) -> StepError {
    disk(gabion_disk::AssembleError::Write { part: "image", source })
}

fn disk(error: impl Into<DiskError>) -> StepError {
    StepError::Disk(error.into())
}

fn open(store: &Store, tree: &gabion_store::Tree, merged: &Merged, path: &[u8]) -> io::Result<Box<dyn Read>> {
    let gone = || io::Error::new(io::ErrorKind::NotFound, "it went away");
    Ok(match merged.bytes.get(path).ok_or_else(gone)? {
        Bytes::System(path) => Box::new(system_file(store, tree, path)?),
        Bytes::Here(bytes) => Box::new(io::Cursor::new(bytes.clone())),
        Bytes::Blob(output) => {
            Box::new(store.open_blob(output.blob).map_err(io::Error::other)?.ok_or_else(gone)?.0)
        }
    })
}

fn system_file(store: &Store, tree: &gabion_store::Tree, path: &TreePath) -> io::Result<impl Read + use<>> {
    let file = store.open_tree_file(tree, path).map_err(io::Error::other)?;
    file.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it went away"))
}
