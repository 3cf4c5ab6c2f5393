//! Artifacts of the bundle in force, handed to Flux: one connection that systemd accepted is standard input and output
//! (`host/FORMAT.md`, "Artifacts").
//!
//! # Invariants
//! - It changes nothing, keeps nothing and opens no connection.
//! - Only the blobs of artifacts are handed out, and no image, file or document of a bundle. What is asked for is compared
//!   with names, and names no path.
//! - Signatures are judged as they were when the bundle was accepted, and each piece is checked before its first byte is
//!   handed out. What is damaged is an error or an answer that ends too early, and never a good one.
//!
//! # What this module does not do
//! It takes nothing in, asks nobody who he is, and speaks no TLS: the object that Flux follows names the digest, and the
//! bundle that brings that object is signed.

mod http;

use crate::error::{HostError, chain};
use crate::live::{Change, Generation};
use crate::root::Root;
use crate::spool;
use gabion_bundle::{Object, Opened, PIECE};
use gabion_digest::Sha256;
use gabion_oci::{DOCUMENT_LIMIT, Document, Manifest};
use http::{Asked, Reply, Request};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};

pub use crate::unit::ENDPOINT;

/// The tag of each artifact: what the lock of the bundle pins.
pub const TAG: &str = "locked";

/// What kind of bytes a blob has is said by whoever names it.
const BLOB: &str = "application/octet-stream";

type Pack = Opened<BufReader<File>>;

/// Answers the one question that comes over `input`. The error is what the host's own records or packs have; whoever asks
/// learns only that there is one.
pub fn serve(root: &Root, mut input: impl Read, mut output: impl Write) -> Result<(), HostError> {
    let out = &mut output;
    let answered = match http::read(&mut input) {
        // Nobody asks, or whoever did is not there any more.
        Ok(None) | Err(_) => Ok(Ok(())),
        Ok(Some(Err(refusal))) => Ok(Reply::refused(refusal).head(out, false)),
        Ok(Some(Ok(request))) => answer(root, &request, out),
    };
    match answered {
        // That nobody listens to the end is his affair.
        Ok(_written) => Ok(()),
        Err(error) => {
            let _written = Reply::failed().head(out, false);
            Err(error)
        }
    }
}

/// The inner error is of the connection; once bytes were handed out there is none but that.
fn answer(root: &Root, request: &Request, out: &mut impl Write) -> Result<io::Result<()>, HostError> {
    let Request { asked, head } = request;
    let (name, wanted) = match asked {
        Asked::Api => return Ok(Reply::api().head(out, *head)),
        Asked::Manifest { name, reference } => (name, reference.as_str()),
        Asked::Blob { name, digest } => (name, digest.as_str()),
    };
    let is_manifest = matches!(asked, Asked::Manifest { .. });
    for generation in served(root)? {
        let file = BufReader::with_capacity(256 << 10, spool::open(root, &generation.bundle)?);
        let mut pack = generation.accepted.open(file, &generation.bundle)?;
        for sha256 in artifacts(&pack, name) {
            let manifest = manifest(&mut pack, &sha256)?;
            let found = if is_manifest {
                let asked = wanted == TAG || wanted == sha256.to_string();
                asked.then(|| (sha256, manifest.media_type().to_string()))
            } else {
                let blob = manifest.blobs().map(|it| it.digest).find(|it| wanted == it.to_string());
                blob.map(|it| (it, BLOB.to_owned()))
            };
            if let Some((digest, media_type)) = found {
                return hand_out(&mut pack, &digest, &media_type, *head, out);
            }
        }
    }
    Ok(Reply::missing(is_manifest).head(out, *head))
}

/// Whose artifacts are there: that of the change under way, which is not in force before Flux is healthy with it; then that
/// in force.
fn served(root: &Root) -> Result<Vec<Generation>, HostError> {
    let current = Generation::current(root)?;
    let to = match Change::load(root)? {
        Some(change) => Generation::load(root, change.to)?,
        None => None,
    };
    let mut all: Vec<Generation> = to.into_iter().chain(current).collect();
    all.dedup_by_key(|it| it.bundle);
    Ok(all)
}

fn artifacts(pack: &Pack, asked: &str) -> Vec<Sha256> {
    let of = |it: &Object| match it {
        Object::Artifact { name, manifest } if name == asked => Some(*manifest),
        _ => None,
    };
    pack.manifest().objects.iter().filter_map(of).collect()
}

fn manifest(pack: &mut Pack, sha256: &Sha256) -> Result<Manifest, HostError> {
    let member = Object::blob_member(sha256);
    let wrong = |why: &str| HostError::Unsupported(format!("its artifact `{sha256}` {why}"));
    if pack.manifest().member(&member).is_none_or(|it| it.size > DOCUMENT_LIMIT) {
        return Err(wrong("has no manifest that could be one"));
    }
    let mut bytes = Vec::new();
    pack.copy_member(&member, &mut bytes).map_err(|source| HostError::content(&member, source))?;
    match Document::reopen(bytes).map_err(|error| wrong(&chain(&error)))? {
        Document::Manifest(it) if it.digest() == *sha256 => Ok(it),
        Document::Manifest(_) => Err(wrong("is another one")),
        Document::Index(_) => Err(wrong("is a list of others")),
    }
}

/// A blob, a checked piece at a time. The first one is checked before anything is said.
fn hand_out(
    pack: &mut Pack,
    digest: &Sha256,
    media_type: &str,
    head: bool,
    out: &mut impl Write,
) -> Result<io::Result<()>, HostError> {
    let member = Object::blob_member(digest);
    let members = &pack.manifest().members;
    let missing = || HostError::Unsupported(format!("it has no `{member}`"));
    let place = members.position(&member).ok_or_else(missing)?;
    let size = members[place].size;
    let damaged = |source| HostError::content(&member, source);
    let mut piece = Vec::new();
    pack.read_piece(place, 0, &mut piece).map_err(damaged)?;
    let reply = Reply::good(media_type, size).digest(digest);
    if let Err(error) = reply.head(out, head) {
        return Ok(Err(error));
    }
    if head {
        return Ok(Ok(()));
    }
    for index in 0..size.div_ceil(PIECE).max(1) as usize {
        if index > 0 && pack.read_piece(place, index, &mut piece).is_err() {
            // An answer that is too short: whoever asked knows how long it must be.
            return Ok(Err(io::ErrorKind::InvalidData.into()));
        }
        if let Err(error) = out.write_all(&piece) {
            return Ok(Err(error));
        }
    }
    Ok(out.flush())
}
