//! `build DISK -o FILE`: the image of a disk as a file, in the form that the file's name asks for.

use super::bundle::io;
use super::failure::Failure;
use crate::build::DiskError;
use gabion_disk::{AssembleError, Image, Raw, compress};
use gabion_store::{Output, Store};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// How an image is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Qcow2,
    Raw,
    Zst,
}

impl Form {
    fn of(path: &Path) -> Result<Self, Failure> {
        match path.extension().and_then(|it| it.to_str()) {
            Some("qcow2") => Ok(Self::Qcow2),
            Some("img" | "raw") => Ok(Self::Raw),
            Some("zst") => Ok(Self::Zst),
            _ => Err(Failure::usage(format!(
                "`{}` does not say how the disk is to be written",
                path.display()
            ))
            .help("end it in `.qcow2`, `.img` (raw, with holes) or `.img.zst`")),
        }
    }
}

/// Writes the disk in `image` to `path`: whole and synced, or not at all.
pub(super) fn write(store: &Store, image: &Output, path: &Path) -> Result<(), Failure> {
    let form = Form::of(path)?;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder).map_err(|source| io("create", folder, source))?;
    let part = tempfile::Builder::new().prefix(".gabion-").tempfile_in(folder);
    let part = part.map_err(|source| io("create", folder, source))?;
    fill(store, image, form, part.as_file()).map_err(|source| {
        match source.downcast::<gabion_store::StoreError>() {
            Ok(error) => Failure::from(error),
            Err(source) => DiskError::from(AssembleError::Write { part: "image", source }).into(),
        }
    })?;
    let saved = part.as_file().sync_all().and_then(|()| public(part.as_file()));
    saved.map_err(|source| io("write", path, source))?;
    part.persist(path).map_err(|error| io("name", path, error.error))?;
    let synced = fs_err::File::open(folder).and_then(|folder| folder.sync_all());
    Ok(synced.map_err(|source| io("sync", folder, source))?)
}

/// Whether `path` says how a disk is to be written: asked before anything is built.
pub(super) fn check(path: &Path) -> Result<(), Failure> {
    Form::of(path).map(drop)
}

fn fill(store: &Store, image: &Output, form: Form, out: &File) -> io::Result<()> {
    // What the store gives is judged before it is believed.
    if !store.check_output(image).map_err(io::Error::other)? {
        return Err(io::Error::other("the store has lost the disk: build again"));
    }
    let opened = store.open_blob(image.blob).map_err(io::Error::other)?;
    let (mut file, _) = opened.ok_or_else(|| io::Error::other("the store has lost the disk: build again"))?;
    if form == Form::Qcow2 {
        return io::copy(&mut file, &mut &*out).map(drop);
    }
    let image = Image::open(file).map_err(io::Error::other)?;
    let size = image.size();
    match form {
        Form::Qcow2 => Ok(()),
        Form::Raw => {
            let mut raw = Raw::new(out, size);
            image.copy(&mut raw)?;
            raw.finish().map(drop)
        }
        Form::Zst => {
            let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            let mut out = BufWriter::new(out);
            compress(image, size, &mut out, u32::try_from(threads).unwrap_or(1))?;
            out.flush()
        }
    }
}

/// Temporary files are for their owner alone; an image holds nothing secret.
pub(super) fn public(file: &File) -> io::Result<()> {
    let umask = rustix::process::umask(rustix::fs::Mode::empty());
    rustix::process::umask(umask);
    Ok(rustix::fs::fchmod(file, rustix::fs::Mode::from_raw_mode(0o666 & !umask.as_raw_mode()))?)
}
