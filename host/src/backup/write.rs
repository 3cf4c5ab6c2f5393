//! Saving.

use super::error::BackupError;
use super::manifest::{Entry, FORMAT, FORMAT_TEXT, Kind, MANIFEST, Manifest, PREFIX, Part, Summary};
use crate::error::HostError;
use crate::layout::plain;
use crate::root::{Node, Root};
use crate::seal::{Recipient, seal};
use std::io::{self, Read, Write};
use tar::{Builder, EntryType, Header};

/// What is to be saved besides what every backup holds.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Files in the folder of etcd's snapshots, as paths in the root.
    pub snapshots: Vec<String>,
    /// Volumes, as paths in the root below the folder of local-path.
    pub volumes: Vec<String>,
    /// Digest of the bundle in force.
    pub bundle: Option<String>,
    /// Its images, as `name@sha256:…`.
    pub images: Vec<String>,
}

/// A million folders in each other are no volume.
const DEPTH: usize = 128;
/// No manifest holds more.
const ENTRIES: usize = 1_000_000;

/// Writes a backup of `root` for `recipients`. What every backup holds is saved where it is there; a snapshot or a
/// volume that is named and not there is an error.
pub fn write<W: Write>(
    root: &Root,
    wanted: &Wanted,
    recipients: &[Recipient],
    out: W,
) -> Result<Summary, HostError> {
    let out = seal(recipients, out).map_err(BackupError::from)?.map_err(BackupError::Out)?;
    let mut saving = Saving {
        root,
        out: Builder::new(out),
        manifest: Manifest {
            format: 1,
            bundle: wanted.bundle.clone(),
            images: wanted.images.clone(),
            entries: Vec::new(),
        },
        skipped: Vec::new(),
    };
    saving.bytes(FORMAT, FORMAT_TEXT.as_bytes())?;
    // Small and precious things first: whoever looks for them need not read volumes.
    for part in [Part::Token, Part::NodePassword, Part::Identity, Part::Secrets, Part::Trust] {
        saving.tree(part.place(), 0)?;
    }
    for (part, paths) in [(Part::Snapshots, &wanted.snapshots), (Part::Volumes, &wanted.volumes)] {
        for path in paths {
            let unfit = |why| BackupError::Unfit { path: path.clone(), why };
            if plain(path).is_err() || Part::of(path) != Some(part) || path == part.place() {
                return Err(unfit("it does not lie where such things lie").into());
            }
            if root.node(path).map_err(|source| HostError::read(path, source))?.is_none() {
                return Err(unfit("it is not there").into());
            }
            saving.tree(path, 0)?;
        }
    }
    saving.finish()
}

struct Saving<'r, W: Write> {
    root: &'r Root,
    out: Builder<crate::seal::Sealing<W>>,
    manifest: Manifest,
    skipped: Vec<String>,
}

fn failed(source: io::Error) -> HostError {
    BackupError::Out(source).into()
}

impl<W: Write> Saving<'_, W> {
    fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), HostError> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_cksum();
        self.out.append_data(&mut header, name, bytes).map_err(failed)
    }

    /// What lies at `path`, and below it; nothing where nothing is.
    fn tree(&mut self, path: &str, depth: usize) -> Result<(), HostError> {
        let read = |source| HostError::read(path, source);
        let Some((node, found)) = self.root.node(path).map_err(read)? else { return Ok(()) };
        if depth > DEPTH || self.manifest.entries.len() >= ENTRIES {
            return Err(BackupError::TooMany.into());
        }
        if path.chars().any(char::is_control) || plain_for_backup(path).is_err() {
            return Err(BackupError::Unfit { path: path.to_owned(), why: "its name is no plain text" }.into());
        }
        let mut header = Header::new_gnu();
        header.set_mode(found.mode);
        header.set_uid(found.user.into());
        header.set_gid(found.group.into());
        header.set_mtime(found.time);
        header.set_size(0);
        let name = format!("{PREFIX}{path}");
        let kind = match node {
            Node::Other => {
                self.skipped.push(path.to_owned());
                return Ok(());
            }
            Node::Folder => {
                header.set_entry_type(EntryType::Directory);
                self.out.append_data(&mut header, &name, io::empty()).map_err(failed)?;
                Kind::Folder
            }
            Node::Link(target) => {
                header.set_entry_type(EntryType::Symlink);
                self.out.append_link(&mut header, &name, &target).map_err(failed)?;
                Kind::Link(target)
            }
            Node::File => {
                let Some((file, now)) = self.root.open_file(path).map_err(read)? else {
                    return Err(BackupError::Changed { path: path.to_owned() }.into());
                };
                header.set_entry_type(EntryType::Regular);
                header.set_size(now.size);
                let mut hashing =
                    Hashing { inner: file.take(now.size), hasher: blake3::Hasher::new(), left: now.size };
                let written = self.out.append_data(&mut header, &name, &mut hashing);
                written.map_err(|error| match error.kind() {
                    io::ErrorKind::UnexpectedEof => BackupError::Changed { path: path.to_owned() }.into(),
                    _ => failed(error),
                })?;
                Kind::File { size: now.size, blake3: hashing.hasher.finalize().to_hex().to_string() }
            }
        };
        let folder = kind == Kind::Folder;
        let (mode, user, group) = (found.mode, found.user, found.group);
        self.manifest.entries.push(Entry { path: path.to_owned(), kind, mode, user, group });
        if folder {
            for name in self.root.entries(path).map_err(read)? {
                self.tree(&format!("{path}/{name}"), depth + 1)?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Summary, HostError> {
        let text = self.manifest.to_text()?;
        self.bytes(MANIFEST, text.as_bytes())?;
        let sealed = self.out.into_inner().map_err(failed)?;
        sealed.finish().and_then(|mut out| out.flush()).map_err(failed)?;
        Ok(Summary { skipped: self.skipped, ..self.manifest.summary(text.as_bytes()) })
    }
}

/// Names of volumes are others' choice: all that is asked is that they are parts of a path.
pub(super) fn plain_for_backup(path: &str) -> Result<(), ()> {
    let good = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= 255;
    if path.split('/').all(good) && !path.contains('\0') { Ok(()) } else { Err(()) }
}

/// Hashes what is read, and takes an early end for an error.
struct Hashing<R> {
    inner: R,
    hasher: blake3::Hasher,
    left: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        if count == 0 && self.left > 0 && !out.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(count as u64);
        self.hasher.update(&out[..count]);
        Ok(count)
    }
}
