//! One stage: from packages to a stream of entries.

use crate::configure::{self, Env};
use crate::listing::{Elsewhere, Listing};
use crate::root::{Meta, Root};
use crate::unpack::Unpacked;
use crate::{RootfsError, clean, dpkg, merged, unpack, walk};
use gabion_digest::BlobId;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::path::PathBuf;

/// What one stage makes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stage {
    /// An empty directory in which the root arises.
    pub folder: PathBuf,
    /// The tree below, if there is one.
    pub base: Option<Base>,
    /// Packages, by name.
    pub debs: Vec<Deb>,
    /// The time that programs see as `SOURCE_DATE_EPOCH`, and of every file that is unpacked.
    pub epoch: u64,
    /// What is done when all packages are configured; `None` for a stage that others build on.
    pub last: Option<Last>,
    /// How many packages are unpacked at once.
    pub jobs: usize,
    /// Whether the folder stays as it is when something fails.
    pub keep_failed: bool,
}

/// The tree of an earlier stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Base {
    /// Its canonical tar.
    pub content: PathBuf,
    /// Its extended attributes, which no tar has: path, name, value.
    pub attributes: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>,
}

/// A package.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deb {
    /// Its name.
    pub name: String,
    /// Where its bytes are.
    pub path: PathBuf,
    /// What they are.
    #[serde(with = "as_text")]
    pub blob: BlobId,
    /// How many they are.
    pub size: u64,
    /// Where what is in it lies unpacked, if it does.
    pub elsewhere: Option<Elsewhere>,
}

/// A digest as text, which is how everything writes it.
pub(crate) mod as_text {
    use gabion_digest::BlobId;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(blob: &BlobId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(blob)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BlobId, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// What the last stage does in addition.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Last {
    /// Packages that were asked for by name; the others are there because something needs them.
    pub wanted: Vec<String>,
    /// Boot loaders.
    pub grub: Vec<Grub>,
}

/// A boot loader that `grub-mkimage` makes, where the packages bring its modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grub {
    /// The folder of its modules, without a leading slash; where it is not there, nothing is made.
    pub folder: String,
    /// What `grub-mkimage` is called with.
    pub arguments: Vec<String>,
    /// Modules that are taken in addition where the folder has them.
    pub optional: Vec<String>,
    /// Where it is written, without a leading slash.
    pub output: String,
    /// Files that belong to it: from, to.
    pub copies: Vec<(String, String)>,
}

impl Stage {
    /// Makes the root, running programs by `run`. Writes to `out` what packages have that were decompressed, a line of
    /// JSON, and the root's entries as a tar without times.
    pub(crate) fn make(&self, run: configure::Run<'_>, mut out: impl Write) -> Result<(), RootfsError> {
        let root = Root::open(&self.folder, self.epoch)
            .map_err(|error| RootfsError::io("open", self.folder.as_os_str().as_encoded_bytes(), error))?;
        root.set_meta(b".", Meta { mode: 0o755, uid: 0, gid: 0 })
            .map_err(|error| RootfsError::io("set the owner of", "/", error))?;
        match &self.base {
            Some(base) => extract(&root, base)?,
            None => merged::skeleton(&root)?,
        }
        let unpacked = unpack::unpack(&root, &self.debs, self.jobs)?;
        write_listings(&self.debs, &unpacked, &mut out)?;
        let left = dpkg::add(&root, &unpacked)?;
        let env: Env = configure::environment(self.epoch);
        configure::libraries(&root, run, &env)?;
        if left {
            configure::configure(&root, &unpacked, run, &env)?;
        }
        if let Some(last) = &self.last {
            configure::initramfs(&root, run, &env)?;
            configure::grub(&root, &last.grub, run, &env)?;
            configure::extended_states(&root, &last.wanted, &unpacked)?;
        }
        clean::clean(&root)?;
        walk::walk(&self.folder, out)
    }
}

fn write_listings(debs: &[Deb], unpacked: &[Unpacked], out: &mut impl Write) -> Result<(), RootfsError> {
    let listing =
        |(deb, it): (&Deb, &Unpacked)| Some(Listing { name: deb.name.clone(), entries: it.listing.clone()? });
    let listings: Vec<Listing> = debs.iter().zip(unpacked).filter_map(listing).collect();
    let written = serde_json::to_vec(&listings).map_err(io::Error::from).and_then(|mut line| {
        line.push(b'\n');
        out.write_all(&line)
    });
    written.map_err(|error| RootfsError::io("write", "listings", error))
}

/// The tree of an earlier stage.
fn extract(root: &Root, base: &Base) -> Result<(), RootfsError> {
    let name = base.content.as_os_str().as_encoded_bytes();
    let failed = |error: io::Error| RootfsError::io("read", name, error);
    let file = fs_err::File::open(&base.content).map_err(failed)?;
    let mut archive = tar::Archive::new(io::BufReader::with_capacity(256 << 10, file));
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let path = entry.path_bytes().into_owned();
        let path = path.strip_suffix(b"/").unwrap_or(&path).to_vec();
        place(root, &path, &mut entry).map_err(|error| RootfsError::io("write", &path, error))?;
    }
    for (path, name, value) in &base.attributes {
        let set = root.set_attribute(path, name, value);
        set.map_err(|error| RootfsError::io("set an attribute of", path, error))?;
    }
    Ok(())
}

fn place(root: &Root, path: &[u8], entry: &mut tar::Entry<'_, impl io::Read>) -> io::Result<()> {
    let meta = Meta::of(entry.header())?;
    let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
    match entry.header().entry_type() {
        tar::EntryType::Directory => {
            root.make_directory(path)?;
            root.set_meta(path, meta)
        }
        tar::EntryType::Symlink => root.symlink(path, &target, meta),
        tar::EntryType::Link => root.hard_link(path, &target),
        _ => root.file(path, meta, entry),
    }
}
