//! Writes a bundle.

use crate::BundleError;
use crate::header::{BLOCK, header, is_member_path, padding};
use crate::manifest::{Features, Manifest, Member, Object, PIECE};
use crate::release::Release;
use crate::slot::Slot;
use gabion_digest::{BlobId, Digest, Sha256};
use std::fs::File;
use std::io::{Read, Write};
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
/// Members over 16 MiB are read twice: `bundle.json` stands before them and needs the hashes of their
/// pieces. What is written is checked against what was hashed.
pub fn assemble(spec: &Spec, out: &mut impl Write) -> Result<Assembled, BundleError> {
    let mut members = Vec::new();
    let mut release = Release {
        name: spec.name.clone(),
        platform: spec.platform.clone(),
        manifest: Digest::of(b""),
        members: std::collections::BTreeMap::new(),
    };
    for (path, source) in &spec.members {
        let content = |why: &str| BundleError::Content { path: path.clone(), why: why.to_owned() };
        if !is_member_path(path) || ["RELEASE", "RELEASE.sig", "bundle.json"].contains(&path.as_str()) {
            return Err(content("its path is not one that every tool understands"));
        }
        let (member, sha256) = describe(path, source)?;
        if release.members.insert(path.clone(), sha256).is_some() {
            return Err(content("there are two of this name"));
        }
        members.push(member);
    }
    let manifest = Manifest {
        format: 1,
        features: Features::default(),
        name: spec.name.clone(),
        platform: spec.platform.clone(),
        members,
        objects: spec.objects.clone(),
    };
    let table = manifest.to_text();
    release.manifest = Digest::of(table.as_bytes());
    release.members.insert("bundle.json".to_owned(), Sha256::of(table.as_bytes()));
    let text = release.to_string();
    let mut size = 2 * BLOCK;
    for (path, bytes) in [
        ("RELEASE", text.as_bytes()),
        ("RELEASE.sig", &Slot::default().to_bytes()?),
        ("bundle.json", table.as_bytes()),
    ] {
        size += write_member(out, path, bytes.len() as u64, &mut &*bytes, None)?;
    }
    for ((path, source), member) in spec.members.iter().zip(&manifest.members) {
        size += match source {
            Source::Bytes(bytes) => write_member(out, path, member.size, &mut bytes.as_slice(), None)?,
            Source::File { path: file, .. } => {
                let mut file = open(file)?;
                write_member(out, path, member.size, &mut file, Some(member.blake3))?
            }
        };
    }
    out.write_all(&[0; 2 * BLOCK as usize]).map_err(|source| write_error("the end", source))?;
    Ok(Assembled { digest: Sha256::of(text.as_bytes()), size })
}

/// Writes the bundle to `path`: beside it first, synced, then renamed.
pub fn assemble_to_path(
    spec: &Spec,
    path: &Path,
    sign: Option<&crate::SigningKey>,
) -> Result<Assembled, BundleError> {
    use std::os::unix::fs::PermissionsExt;
    let failed =
        |operation, path: &Path, source| BundleError::Io { operation, path: path.to_owned(), source };
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    let written = (|| {
        let mut options = fs_err::OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(true).open(&part);
        let mut file = opened.map_err(|error| failed("create", &part, error))?;
        let mut buffered = std::io::BufWriter::with_capacity(1 << 20, &mut file);
        let assembled = assemble(spec, &mut buffered)?;
        buffered.flush().map_err(|error| failed("write", &part, error))?;
        drop(buffered);
        if let Some(key) = sign {
            crate::sign_bundle(&mut file, key)?;
        }
        let mode = std::fs::Permissions::from_mode(0o644);
        fs_err::set_permissions(&part, mode).map_err(|error| failed("write", &part, error))?;
        file.sync_all().map_err(|error| failed("sync", &part, error))?;
        fs_err::rename(&part, path).map_err(|error| failed("write", path, error))?;
        Ok(assembled)
    })();
    if written.is_err() {
        let _gone = fs_err::remove_file(&part);
    }
    written
}

fn open(path: &Path) -> Result<File, BundleError> {
    let opened = fs_err::File::open(path);
    opened.map(fs_err::File::into_file).map_err(|source| BundleError::Io {
        operation: "read",
        path: path.to_owned(),
        source,
    })
}

fn describe(path: &str, source: &Source) -> Result<(Member, Sha256), BundleError> {
    let (size, blake3, sha256) = match source {
        Source::Bytes(bytes) => (bytes.len() as u64, Digest::of(bytes), Sha256::of(bytes)),
        Source::File { size, blob, sha256, .. } => (*size, blob.digest(), *sha256),
    };
    let pieces = match source {
        _ if size <= PIECE => Vec::new(),
        Source::Bytes(bytes) => bytes.chunks(PIECE as usize).map(Digest::of).collect(),
        Source::File { path, .. } => {
            pieces(&mut open(path)?).map_err(|source| write_error(&path.to_string_lossy(), source))?
        }
    };
    Ok((Member { path: path.to_owned(), size, blake3, pieces, location: "inline".to_owned() }, sha256))
}

fn pieces(file: &mut impl Read) -> std::io::Result<Vec<Digest>> {
    let mut out = Vec::new();
    loop {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(file.by_ref().take(PIECE))?;
        if hasher.count() == 0 {
            return Ok(out);
        }
        out.push(Digest::from_bytes(*hasher.finalize().as_bytes()));
    }
}

fn write_error(path: &str, source: std::io::Error) -> BundleError {
    BundleError::Io { operation: "write", path: path.into(), source }
}

/// Writes header, content and padding; gives how many bytes that were.
fn write_member(
    out: &mut impl Write,
    path: &str,
    size: u64,
    content: &mut dyn Read,
    expect: Option<Digest>,
) -> Result<u64, BundleError> {
    let failed = |source| write_error(path, source);
    out.write_all(&header(path, size)?).map_err(failed)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 256 << 10];
    let mut left = size;
    loop {
        let count = content.read(&mut buffer).map_err(failed)?;
        if count as u64 > left || (count == 0 && left > 0) {
            let why = "its size changed while it was read".to_owned();
            return Err(BundleError::Content { path: path.to_owned(), why });
        }
        if count == 0 {
            break;
        }
        left -= count as u64;
        hasher.update(&buffer[..count]);
        out.write_all(&buffer[..count]).map_err(failed)?;
    }
    if expect.is_some_and(|expect| expect.as_bytes() != hasher.finalize().as_bytes()) {
        let why = "its bytes changed while it was read".to_owned();
        return Err(BundleError::Content { path: path.to_owned(), why });
    }
    out.write_all(&vec![0; padding(size) as usize]).map_err(failed)?;
    Ok(BLOCK + size + padding(size))
}
