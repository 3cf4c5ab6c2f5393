//! The two processes of a stage: the one that asks, and the one that is user 0 of a range of users.

use crate::configure::Env;
use crate::root::Meta;
use crate::walk::ATTRIBUTE;
use crate::{Listing, RootfsError, Stage};
use gabion_apt::EntryKind;
use gabion_sandbox::{Identity, Ids, Root, SandboxError, Spec, Work, Worker};
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

/// What [`gabion_sandbox::dispatch`] must know, for [`make`].
pub const WORKERS: [(&str, Work); 2] = [("rootfs", work), ("rootfs-remove", remove)];

/// An entry of a finished root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Below the root: bytes, no empty part, no `.` or `..`.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of a file.
    pub size: u64,
    /// Permission bits, set-id and sticky bits included.
    pub mode: u32,
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Extended attributes: name and value.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Why a stage gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum StageError<E> {
    /// This machine gives no sandbox.
    #[error(transparent)]
    Sandbox(SandboxError),
    /// The packages.
    #[error(transparent)]
    Rootfs(RootfsError),
    /// The stream of entries broke.
    #[error("cannot read what was made")]
    Stream(#[source] io::Error),
    /// Who asked refused an entry.
    #[error("cannot keep what was made")]
    Kept(E),
}

impl<E> From<SandboxError> for StageError<E> {
    fn from(error: SandboxError) -> Self {
        match error {
            SandboxError::Refused { message, name } => match serde_json::from_str(&message) {
                Ok(error) => Self::Rootfs(error),
                Err(_) => Self::Sandbox(SandboxError::Refused { message, name }),
            },
            error => Self::Sandbox(error),
        }
    }
}

/// Makes `stage` and gives every entry to `each`, sorted by the bytes of paths, with the bytes of files. Gives what those
/// packages have that were decompressed.
///
/// The stage's folder must be there and empty; it is gone afterwards, unless the stage says that it stays when
/// something fails.
pub fn make<E>(
    stage: &Stage,
    ids: &Ids,
    mut each: impl FnMut(Made, &mut dyn Read) -> Result<(), E>,
) -> Result<Vec<Listing>, StageError<E>> {
    let mut folder = Folder { at: stage.folder.clone(), ids: *ids, keep: stage.keep_failed };
    let input = serde_json::to_vec(stage).map_err(|error| StageError::Stream(error.into()))?;
    let mut worker = Worker::spawn("rootfs", &input, ids)?;
    let read = entries(worker.output(), &mut each);
    // A worker that failed says more than the stream that it broke off.
    match (read, worker.finish()) {
        (Err(StageError::Kept(error)), _) => Err(StageError::Kept(error)),
        (_, Err(error)) => Err(error.into()),
        (read, Ok(())) => {
            let listings = read?;
            folder.keep = false;
            Ok(listings)
        }
    }
}

fn entries<E>(
    from: impl Read,
    each: &mut impl FnMut(Made, &mut dyn Read) -> Result<(), E>,
) -> Result<Vec<Listing>, StageError<E>> {
    let mut from = io::BufReader::with_capacity(256 << 10, from);
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line).map_err(StageError::Stream)?;
    let listings = serde_json::from_slice(&line).map_err(|error| StageError::Stream(error.into()))?;
    let mut archive = tar::Archive::new(from);
    for entry in archive.entries().map_err(StageError::Stream)? {
        let mut entry = entry.map_err(StageError::Stream)?;
        let made = made(&mut entry).map_err(StageError::Stream)?;
        each(made, &mut entry).map_err(StageError::Kept)?;
    }
    Ok(listings)
}

fn made(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<Made> {
    let path = entry.path_bytes().into_owned();
    let path = path.strip_suffix(b"/").unwrap_or(&path).to_vec();
    let mut attributes = Vec::new();
    for record in entry.pax_extensions()?.into_iter().flatten() {
        let record = record?;
        if let Some(name) = record.key_bytes().strip_prefix(ATTRIBUTE.as_bytes()) {
            attributes.push((name.to_vec(), record.value_bytes().to_vec()));
        }
    }
    let target = || entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
    let kind = match entry.header().entry_type() {
        tar::EntryType::Directory => EntryKind::Directory,
        tar::EntryType::Symlink => EntryKind::Symlink(target()),
        tar::EntryType::Link => EntryKind::HardLink(target()),
        _ => EntryKind::File,
    };
    let Meta { mode, uid, gid } = Meta::of(entry.header())?;
    Ok(Made { path, kind, size: entry.size(), mode, uid, gid, attributes })
}

/// The place where a root arises: taken away by who can own what is in it.
struct Folder {
    at: PathBuf,
    ids: Ids,
    keep: bool,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.keep || !self.at.exists() {
            return;
        }
        remove_root(&self.at, &self.ids);
    }
}

/// Takes away the folder of a stage that was ended before it could, by who can own what is in it. What cannot be taken
/// away is left: nothing depends on it.
pub fn remove_root(at: &Path, ids: &Ids) {
    let input = at.as_os_str().as_encoded_bytes();
    let _left = Worker::spawn("rootfs-remove", input, ids).and_then(Worker::finish);
    let _left = fs_err::remove_dir(at);
}

fn work(input: &[u8], output: &mut dyn Write) -> Result<(), String> {
    let stage: Stage = serde_json::from_slice(input).map_err(|error| error.to_string())?;
    let run = |command: &[&str], env: &Env| program(&stage, command, env);
    stage
        .make(&run, output)
        .map_err(|error| serde_json::to_string(&error).unwrap_or_else(|_| error.to_string()))
}

fn program(stage: &Stage, command: &[&str], env: &Env) -> Result<(), RootfsError> {
    let failed = |how: String, log: &[u8]| RootfsError::Script {
        command: command.join(" "),
        how,
        log: String::from_utf8_lossy(log).into_owned(),
        root: stage.keep_failed.then(|| stage.folder.display().to_string()),
    };
    let Some((program, args)) = command.split_first() else { return Ok(()) };
    let mut spec = Spec::new(Root::Tree { path: stage.folder.clone() }, Identity::Inherit, program);
    spec.args = args.iter().map(|it| (*it).to_owned()).collect();
    spec.env.clone_from(env);
    // The root is read back at once, or thrown away: nothing of it has to outlive a power cut.
    spec.no_sync = true;
    let outcome = gabion_sandbox::run(&spec).map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
        failed(format!("did not start: {error}{cause}"), b"")
    })?;
    if outcome.success() { Ok(()) } else { Err(failed(outcome.end.to_string(), &outcome.log)) }
}

fn remove(input: &[u8], _: &mut dyn Write) -> Result<(), String> {
    use std::os::unix::ffi::OsStrExt as _;
    let at = Path::new(std::ffi::OsStr::from_bytes(input));
    let entries = fs_err::read_dir(at).map_err(|error| error.to_string())?;
    for entry in entries.flatten() {
        let removed = match entry.file_type() {
            Ok(kind) if kind.is_dir() => fs_err::remove_dir_all(entry.path()),
            _ => fs_err::remove_file(entry.path()),
        };
        removed.map_err(|error| error.to_string())?;
    }
    Ok(())
}
