//! The archive of images that K3s imports from `agent/images` (containerd's `images/archive`; OCI image
//! specification 1.1, `image-layout.md`).
//!
//! It is a plain tar: `oci-layout`, `index.json`, then the indexes and manifests, then the other blobs, each
//! once and in the order of their digests. `index.json` has one descriptor for each name that an image must
//! answer to, because containerd finds an image by the exact name alone:
//! `repo:tag`, `repo@sha256:…` of what the tag leads to, and where that is an index also
//! `repo@sha256:…` of the manifest of this machine.

use crate::reference::Reference;
use crate::{Descriptor, Index, Manifest, MediaType};
use gabion_digest::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Why images do not go into one archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The reference pins another digest than the documents have.
    #[error("`{image}` pins neither the index nor the manifest that is given for it")]
    Pin {
        /// The image.
        image: String,
    },
    /// The index does not name the manifest.
    #[error("the index of `{image}` does not name the manifest `{manifest}`")]
    Stranger {
        /// The image.
        image: String,
        /// The manifest.
        manifest: Sha256,
    },
    /// Two images with one name.
    #[error("`{name}` would be two images: `{one}` and `{other}`")]
    Name {
        /// The name.
        name: String,
        /// What it is.
        one: Sha256,
        /// What it is as well.
        other: Sha256,
    },
    /// Two manifests tell different sizes of one blob.
    #[error("`{digest}` has {one} bytes in one manifest and {other} in another")]
    Size {
        /// The blob.
        digest: Sha256,
        /// One size.
        one: u64,
        /// The other.
        other: u64,
    },
}

impl ArchiveError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Pin { .. } | Self::Stranger { .. } | Self::Size { .. } => "E0910",
            Self::Name { .. } => "E0911",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Name { .. } => Some("pin one digest for the tag in all recipes".to_owned()),
            Self::Pin { .. } | Self::Stranger { .. } | Self::Size { .. } => None,
        }
    }
}

/// An image for one machine: its name, the index that the name leads to if it does, and the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    reference: Reference,
    index: Option<Index>,
    manifest: Manifest,
}

impl Image {
    /// Checks that the parts belong together.
    pub fn new(reference: Reference, index: Option<Index>, manifest: Manifest) -> Result<Self, ArchiveError> {
        let named = |index: &Index| index.manifests().iter().any(|it| it.digest == manifest.digest());
        if index.as_ref().is_some_and(|index| !named(index)) {
            let manifest = manifest.digest();
            return Err(ArchiveError::Stranger { image: reference.to_string(), manifest });
        }
        let there = [index.as_ref().map(Index::digest), Some(manifest.digest())];
        if reference.digest().is_some_and(|pin| !there.contains(&Some(pin))) {
            return Err(ArchiveError::Pin { image: reference.to_string() });
        }
        Ok(Self { reference, index, manifest })
    }

    /// What the name leads to: the index, or else the manifest.
    fn target(&self) -> Entry {
        let index = self.index.as_ref();
        index.map_or_else(|| self.own(), |it| (it.digest(), it.media_type().clone(), it.bytes().len()))
    }

    /// The manifest.
    fn own(&self) -> Entry {
        (self.manifest.digest(), self.manifest.media_type().clone(), self.manifest.bytes().len())
    }

    /// Every name that the image must answer to.
    fn names(&self) -> Vec<(String, Entry)> {
        let (name, target) = (self.reference.name(), self.target());
        // K3s leaves images without a tag to the garbage collector.
        let tag = match self.reference.tag() {
            Some(tag) => tag.to_owned(),
            None => format!("gabion-{}", &target.0.hex()[..12]),
        };
        let tagged = (format!("{name}:{tag}"), target.clone());
        let pinned = [target, self.own()].map(|entry| (format!("{name}@{}", entry.0), entry));
        std::iter::once(tagged).chain(pinned).collect()
    }

    fn documents(&self) -> impl Iterator<Item = (Sha256, &[u8])> {
        let index = self.index.as_ref().map(|it| (it.digest(), it.bytes()));
        index.into_iter().chain([(self.manifest.digest(), self.manifest.bytes())])
    }
}

/// Images as one file, planned: its bytes are known but for the blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    names: Vec<String>,
    index: Vec<u8>,
    documents: BTreeMap<Sha256, Vec<u8>>,
    blobs: BTreeMap<Sha256, u64>,
}

/// The first member (OCI image specification 1.1, `image-layout.md`).
const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// What containerd takes the name of an image from; it wins over the next one.
const NAME: &str = "io.containerd.image.name";
/// What skopeo and podman find an image of a layout by (OCI image specification 1.1, `annotations.md`).
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The unit of a tar.
const BLOCK: u64 = 512;
/// Two empty blocks.
const END: [u8; 1024] = [0; 1024];
/// What the ID is derived under.
const CONTEXT: &str = "gabion 1 archive of images";

/// What a name leads to: its digest, what it is, how many bytes it has.
type Entry = (Sha256, MediaType, usize);

impl Archive {
    /// Plans the archive of `images`; their order does not matter, and an image may be given twice.
    pub fn new<'a>(images: impl IntoIterator<Item = &'a Image>) -> Result<Self, ArchiveError> {
        let mut names: BTreeMap<String, Entry> = BTreeMap::new();
        let mut archive =
            Self { names: Vec::new(), index: Vec::new(), documents: BTreeMap::new(), blobs: BTreeMap::new() };
        for image in images {
            for (name, entry) in image.names() {
                add_name(&mut names, name, entry)?;
            }
            archive.documents.extend(image.documents().map(|(digest, bytes)| (digest, bytes.to_vec())));
            image.manifest.blobs().try_for_each(|blob| archive.add_blob(blob))?;
        }
        // A document may be the blob of another manifest; it stands once.
        let Self { documents, blobs, .. } = &mut archive;
        blobs.retain(|digest, _| !documents.contains_key(digest));
        archive.index = index(&names);
        archive.names = names.into_keys().collect();
        Ok(archive)
    }

    fn add_blob(&mut self, blob: &Descriptor) -> Result<(), ArchiveError> {
        match self.blobs.insert(blob.digest, blob.size) {
            Some(one) if one != blob.size => {
                Err(ArchiveError::Size { digest: blob.digest, one, other: blob.size })
            }
            _ => Ok(()),
        }
    }

    /// What the images are called where the archive is imported, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Configurations and layers with their sizes: what [`Archive::write`] asks for, in its order.
    pub fn blobs(&self) -> impl Iterator<Item = (Sha256, u64)> {
        self.blobs.iter().map(|(digest, size)| (*digest, *size))
    }

    /// Paths and sizes of all members, in order.
    fn members(&self) -> impl Iterator<Item = (String, u64)> {
        let path = |digest: &Sha256| format!("blobs/sha256/{}", digest.hex());
        let documents = self.documents.iter().map(move |(digest, bytes)| (path(digest), bytes.len() as u64));
        let blobs = self.blobs.iter().map(move |(digest, size)| (path(digest), *size));
        [("oci-layout".to_owned(), LAYOUT.len() as u64), ("index.json".to_owned(), self.index.len() as u64)]
            .into_iter()
            .chain(documents)
            .chain(blobs)
    }

    /// How many bytes the file has.
    pub fn size(&self) -> u64 {
        let member = |(_, size): (String, u64)| BLOCK + size.next_multiple_of(BLOCK);
        self.members().map(member).sum::<u64>() + END.len() as u64
    }

    /// What distinguishes this archive from every other one, known without reading a blob: the digest of
    /// `index.json` and of the names and sizes of all members. Blobs are named by their digest, so two archives
    /// with one ID are the same bytes. It belongs into the name of the file: K3s looks at nothing else when
    /// it decides whether to import a file again.
    pub fn id(&self) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&self.index);
        for (path, size) in self.members() {
            hasher.update(format!("\n{path} {size}").as_bytes());
        }
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }

    /// Writes the file. `blob` writes the bytes of a configuration or layer; that they are the right ones is for
    /// whoever keeps them to know, how many they are is checked here.
    pub fn write(
        &self,
        out: &mut dyn Write,
        blob: &mut dyn FnMut(&Sha256, &mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let known = [LAYOUT, &self.index].into_iter().chain(self.documents.values().map(Vec::as_slice));
        let mut members = self.members();
        for (bytes, (path, size)) in known.zip(&mut members) {
            member(out, &path, size, |out| out.write_all(bytes))?;
        }
        for (digest, (path, size)) in self.blobs.keys().zip(members) {
            member(out, &path, size, |out| blob(digest, out))?;
        }
        out.write_all(&END)
    }
}

fn add_name(names: &mut BTreeMap<String, Entry>, name: String, entry: Entry) -> Result<(), ArchiveError> {
    let other = entry.0;
    match names.get(&name) {
        Some((one, ..)) if *one != other => Err(ArchiveError::Name { name, one: *one, other }),
        _ => {
            names.insert(name, entry);
            Ok(())
        }
    }
}

/// `index.json`: one descriptor for each name. Names and media types hold nothing that JSON would escape.
fn index(names: &BTreeMap<String, Entry>) -> Vec<u8> {
    let one = |(name, (digest, media_type, size)): (&String, &Entry)| {
        format!(
            r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size},"annotations":{{"{NAME}":"{name}","{REF_NAME}":"{name}"}}}}"#
        )
    };
    let list: Vec<String> = names.iter().map(one).collect();
    let kind = MediaType::OCI_INDEX;
    format!(r#"{{"schemaVersion":2,"mediaType":"{kind}","manifests":[{}]}}"#, list.join(",")).into_bytes()
}

/// One member: header, bytes, zeros to the next block.
fn member(
    out: &mut dyn Write,
    path: &str,
    size: u64,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    out.write_all(&header(path, size)?)?;
    let mut counted = Counted { out, left: size };
    write(&mut counted)?;
    if counted.left > 0 {
        return Err(io::Error::other(format!("`{path}` ends {} bytes too early", counted.left)));
    }
    let padding = size.wrapping_neg() % BLOCK;
    out.write_all(&END[..padding as usize])
}

/// Owner 0, time 0, mode 0644, no names (POSIX.1-2017, pax, "ustar").
fn header(path: &str, size: u64) -> io::Result<[u8; 512]> {
    let mut header = tar::Header::new_ustar();
    header.set_path(path)?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(*header.as_bytes())
}

/// Lets so many bytes through and no more.
struct Counted<'o> {
    out: &'o mut dyn Write,
    left: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            return Err(io::Error::other("a blob has more bytes than its descriptor says"));
        }
        let count = self.out.write(bytes)?;
        self.left -= count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
