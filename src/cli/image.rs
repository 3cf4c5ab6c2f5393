//! `build IMAGE -o FILE`: an image as the archive that K3s, skopeo, podman and `ctr` read.

use super::bundle::io;
use super::failure::Failure;
use crate::image::ImageError;
use gabion_digest::Sha256;
use gabion_oci::{Archive, DOCUMENT_LIMIT, Document, Image, Reference};
use gabion_store::{Record, Store};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes the image called `reference` to `path`: whole and synced, or not at all. Gives the digest that its name leads to.
pub(super) fn write(
    store: &Store,
    record: &Record,
    (reference, documents): (String, Vec<Sha256>),
    path: &Path,
) -> Result<Sha256, Failure> {
    let archive = archive(store, &reference, &documents)?;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder).map_err(|source| io("create", folder, source))?;
    let part = tempfile::Builder::new().prefix(".gabion-").tempfile_in(folder);
    let part = part.map_err(|source| io("create", folder, source))?;
    fill(store, record, &archive, part.as_file()).map_err(|source| {
        match source.downcast::<gabion_store::StoreError>() {
            Ok(error) => Failure::from(error),
            Err(source) => io("write", path, source).into(),
        }
    })?;
    let saved = part.as_file().sync_all().and_then(|()| super::disk::public(part.as_file()));
    saved.map_err(|source| io("write", path, source))?;
    part.persist(path).map_err(|error| io("name", path, error.error))?;
    let synced = fs_err::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| io("sync", folder, source))?;
    documents.first().copied().ok_or_else(|| Failure::usage("the image has no manifest"))
}

fn archive(store: &Store, reference: &str, documents: &[Sha256]) -> Result<Archive, Failure> {
    let wrong = |why: String| Failure::usage(format!("`{reference}` cannot be written: {why}"));
    let parsed: Reference = reference.parse().map_err(|error| wrong(format!("{error}")))?;
    let (mut index, mut manifest) = (None, None);
    for digest in documents {
        let output = store.find(*digest)?.ok_or_else(|| wrong(format!("the store lost `{digest}`")))?;
        let bytes = store.read_output(&output, DOCUMENT_LIMIT)?;
        let bytes = bytes.ok_or_else(|| wrong(format!("the store lost `{digest}`")))?;
        let document = Document::reopen(bytes)
            .map_err(|source| ImageError::Document { digest: *digest, source: Box::new(source) })?;
        match document {
            Document::Index(it) => index = Some(it),
            Document::Manifest(it) => manifest = Some(it),
        }
    }
    let manifest = manifest.ok_or_else(|| wrong("it has no manifest".to_owned()))?;
    let image = Image::new(parsed, index, manifest).map_err(|error| wrong(error.to_string()))?;
    Archive::new([&image]).map_err(|error| wrong(error.to_string()))
}

fn fill(store: &Store, record: &Record, archive: &Archive, out: &File) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(256 << 10, out);
    let lost = || io::Error::other("the store has lost a layer: build again");
    archive.write(&mut out, &mut |digest, out| {
        let output = record.outputs.values().find(|it| it.sha256 == *digest).ok_or_else(lost)?;
        // What the store gives is judged before it is believed.
        if !store.check_output(output).map_err(io::Error::other)? {
            return Err(lost());
        }
        let (mut file, _) = store.open_blob(output.blob).map_err(io::Error::other)?.ok_or_else(lost)?;
        io::copy(&mut file, out).map(drop)
    })?;
    out.flush()
}
