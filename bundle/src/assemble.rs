//! Writes a bundle.

use crate::BundleError;
use crate::header::{BLOCK, header, is_member_path, padding};
use crate::manifest::{Features, Manifest, Member, Object, PIECE, is_plain};
use crate::release::{Release, is_name, is_platform};
use crate::slot::Slot;
use crate::tables::{RELEASE_LIMIT, TABLE_LIMIT};
use crate::unnamed::Unnamed;
use gabion_digest::{BlobId, Digest, DualHasher, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Where the bytes of a member come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// From memory.
    Bytes(Vec<u8>),
    /// From a file whose digests are known.
    File {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        size: u64,
        /// Their own name.
        blob: BlobId,
        /// Their foreign name.
        sha256: Sha256,
    },
}

/// What goes into a bundle, in order.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Name of the bundle.
    pub name: String,
    /// `linux/amd64`.
    pub platform: String,
    /// Members behind `bundle.json`: path and bytes.
    pub members: Vec<(String, Source)>,
    /// What they are for.
    pub objects: Vec<Object>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembled {
    /// The bundle's digest.
    pub digest: Sha256,
    /// Size of the file.
    pub size: u64,
}

/// Writes the bundle, unsigned. The same spec gives the same bytes.
///
/// Every member is read once: the tables that stand in front of them have a size that is known before their
/// hashes are, so they are written last. What is written is checked against what was hashed before.
pub fn assemble(spec: &Spec, out: &mut (impl Write + Seek)) -> Result<Assembled, BundleError> {
    let (mut manifest, mut release) = tables(spec)?;
    let slot = Slot::default().to_bytes()?;
    let table = manifest.to_text();
    let content = |path: &str, why: &str| BundleError::Content { path: path.to_owned(), why: why.to_owned() };
    if !(is_name(&spec.name) && is_platform(&spec.platform)) {
        return Err(content("RELEASE", "its name or its platform is none"));
    }
    if !is_plain(&table) {
        return Err(content(TABLE, "it is not plain ASCII"));
    }
    let (release_size, table_size) = (release.to_string().len() as u64, table.len() as u64);
    for (path, size, limit) in [("RELEASE", release_size, RELEASE_LIMIT), (TABLE, table_size, TABLE_LIMIT)] {
        if size > limit {
            return Err(content(
                path,
                &format!("it has {size} bytes, and no reader takes more than {limit}"),
            ));
        }
    }
    let front = [release_size, slot.len() as u64, table_size];
    let front: u64 = front.into_iter().map(room).sum();
    let seek = |source| write_error("the tables", source);
    out.seek(SeekFrom::Start(front)).map_err(seek)?;
    let mut size = front + 2 * BLOCK;
    for (at, (path, source)) in spec.members.iter().enumerate() {
        let member = &manifest.members[at];
        size += room(member.size);
        let sha256 = release.members[path];
        let pieces = match source {
            Source::Bytes(bytes) => write_member(out, member, sha256, &mut bytes.as_slice())?,
            Source::File { path: file, .. } => write_member(out, member, sha256, &mut open(file)?)?,
        };
        manifest.members.set_pieces(at, pieces);
    }
    out.write_all(&[0; 2 * BLOCK as usize]).map_err(|source| write_error("the end", source))?;
    let table = manifest.to_text();
    release.manifest = Digest::of(table.as_bytes());
    release.members.insert(TABLE.to_owned(), Sha256::of(table.as_bytes()));
    let text = release.to_string();
    out.seek(SeekFrom::Start(0)).map_err(seek)?;
    for (path, bytes) in [("RELEASE", text.as_bytes()), ("RELEASE.sig", &slot), (TABLE, table.as_bytes())] {
        let padded =
            [&header(path, bytes.len() as u64)?, bytes, &vec![0; padding(bytes.len() as u64) as usize]];
        out.write_all(&padded.concat()).map_err(|source| write_error(path, source))?;
    }
    Ok(Assembled { digest: Sha256::of(text.as_bytes()), size })
}

const TABLE: &str = "bundle.json";

/// How many bytes a member of this size takes in the file.
fn room(size: u64) -> u64 {
    BLOCK + size + padding(size)
}

/// Both tables, complete but for hashes, which do not change their size.
fn tables(spec: &Spec) -> Result<(Manifest, Release), BundleError> {
    let none = Sha256::of(b"");
    let mut release = Release {
        name: spec.name.clone(),
        platform: spec.platform.clone(),
        manifest: Digest::of(b""),
        members: BTreeMap::from([(TABLE.to_owned(), none)]),
    };
    let mut members = Vec::new();
    for (path, source) in &spec.members {
        let content = |why: &str| BundleError::Content { path: path.clone(), why: why.to_owned() };
        if !is_member_path(path) || ["RELEASE", "RELEASE.sig"].contains(&path.as_str()) {
            return Err(content("its path is not one that every tool understands"));
        }
        let (size, blake3, sha256) = match source {
            Source::Bytes(bytes) => (bytes.len() as u64, Digest::of(bytes), Sha256::of(bytes)),
            Source::File { size, blob, sha256, .. } => (*size, blob.digest(), *sha256),
        };
        if release.members.insert(path.clone(), sha256).is_some() {
            return Err(content("there are two of this name"));
        }
        let pieces = if size > PIECE { vec![blake3; size.div_ceil(PIECE) as usize] } else { Vec::new() };
        members.push(Member { path: path.clone(), size, blake3, pieces, location: "inline".to_owned() });
    }
    if let Some(path) = release.collision() {
        let why = "its path differs from another one only by case".to_owned();
        return Err(BundleError::Content { path: path.to_owned(), why });
    }
    let manifest = Manifest {
        format: 1,
        features: Features::default(),
        name: spec.name.clone(),
        platform: spec.platform.clone(),
        members: members.into(),
        objects: spec.objects.clone(),
    };
    Ok((manifest, release))
}

/// Writes the bundle to `path`. It has no name before it is complete, signed and synced, so that whatever
/// happens, nothing half-written stays.
pub fn assemble_to_path(
    spec: &Spec,
    path: &Path,
    sign: Option<&crate::SigningKey>,
) -> Result<Assembled, BundleError> {
    let mut file = Unnamed::beside(path)?;
    let mut buffered = std::io::BufWriter::with_capacity(1 << 20, &mut file.file);
    let assembled = assemble(spec, &mut buffered)?;
    buffered.flush().map_err(|source| write_error(&path.to_string_lossy(), source))?;
    drop(buffered);
    if let Some(key) = sign {
        crate::sign_bundle(&mut file.file, key)?;
    }
    file.publish(path)?;
    Ok(assembled)
}

fn open(path: &Path) -> Result<File, BundleError> {
    let opened = fs_err::File::open(path);
    opened.map(fs_err::File::into_file).map_err(|source| BundleError::Io {
        operation: "read",
        path: path.to_owned(),
        source,
    })
}

fn write_error(path: &str, source: std::io::Error) -> BundleError {
    BundleError::Io { operation: "write", path: path.into(), source }
}

/// Writes header, content and padding; gives the hashes of its pieces, where there are several. Both names of
/// the bytes are checked on the way: what is signed is never more than what was said.
fn write_member(
    out: &mut impl Write,
    member: &Member,
    sha256: Sha256,
    content: &mut dyn Read,
) -> Result<Vec<Digest>, BundleError> {
    let failed = |source| write_error(&member.path, source);
    let other = || BundleError::Source { path: member.path.clone() };
    out.write_all(&header(&member.path, member.size)?).map_err(failed)?;
    let mut whole = DualHasher::new();
    let mut pieces = Pieces::default();
    let mut buffer = vec![0; 256 << 10];
    let mut left = member.size;
    loop {
        let count = content.read(&mut buffer).map_err(failed)?;
        if count as u64 > left || (count == 0 && left > 0) {
            return Err(other());
        }
        if count == 0 {
            break;
        }
        left -= count as u64;
        whole.update(&buffer[..count]);
        if !member.pieces.is_empty() {
            pieces.update(&buffer[..count]);
        }
        out.write_all(&buffer[..count]).map_err(failed)?;
    }
    let whole = whole.finish();
    if (whole.blob.digest(), whole.sha256) != (member.blake3, sha256) {
        return Err(other());
    }
    out.write_all(&vec![0; padding(member.size) as usize]).map_err(failed)?;
    Ok(pieces.finish())
}

/// Hashes of pieces of 16 MiB.
#[derive(Default)]
struct Pieces {
    done: Vec<Digest>,
    open: blake3::Hasher,
}

impl Pieces {
    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min((PIECE - self.open.count()) as usize));
            self.open.update(now);
            if self.open.count() == PIECE {
                self.close();
            }
            bytes = later;
        }
    }

    fn close(&mut self) {
        let hasher = std::mem::take(&mut self.open);
        self.done.push(Digest::from_bytes(*hasher.finalize().as_bytes()));
    }

    fn finish(mut self) -> Vec<Digest> {
        if self.open.count() > 0 {
            self.close();
        }
        self.done
    }
}
