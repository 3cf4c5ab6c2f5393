//! Reads qcow2 as this crate writes it, and as `qemu-img` does without compression: no backing file, no encryption, no
//! snapshot, no feature that changes what bytes mean.

use crate::Target;
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

/// The most that a table of tables may have: 16 TiB in clusters of 64 KiB are 32 768 entries.
const MOST_TABLES: u32 = 1 << 20;
/// The offset of a cluster, without its flags.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
/// "It reads as zeros", of a second table's entry.
const ZERO: u64 = 1;

/// Why bytes are no image that can be read.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file cannot be read, or is shorter than it says.
    #[error("the image cannot be read")]
    Read(#[from] io::Error),
    /// Not qcow2, or of a kind that is not read here.
    #[error("the image {why}")]
    Format {
        /// What it is or has.
        why: &'static str,
    },
}

impl ImageError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(_) => "E1320",
            Self::Format { .. } => "E1321",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let text = "`qemu-img convert -O qcow2` makes an image without these";
        matches!(self, Self::Format { .. }).then(|| text.to_owned())
    }
}

/// An image in qcow2: what it holds, and where.
#[derive(Debug)]
pub struct Image<R> {
    file: R,
    size: u64,
    cluster: u64,
    /// Where the clusters that are not empty are in the file.
    places: BTreeMap<u64, u64>,
    at: u64,
}

impl<R: Read + Seek> Image<R> {
    /// Reads the tables.
    pub fn open(mut file: R) -> Result<Self, ImageError> {
        let mut header = [0; 104];
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(&mut header)?;
        let word = |at: usize| u32::from_be_bytes(std::array::from_fn(|index| header[at + index]));
        let long = |at: usize| u64::from_be_bytes(std::array::from_fn(|index| header[at + index]));
        let why = match () {
            () if &header[..4] != b"QFI\xfb" => "is no qcow2",
            () if word(4) != 3 => "is of another version than 3",
            () if long(8) != 0 => "has a backing file",
            () if !(9..=21).contains(&word(20)) => "has impossible clusters",
            () if word(32) != 0 => "is encrypted",
            () if word(60) != 0 => "has snapshots",
            () if long(72) != 0 => "has features that are not known here",
            () if word(36) > MOST_TABLES => "is larger than any disk",
            () => "",
        };
        if !why.is_empty() {
            return Err(ImageError::Format { why });
        }
        let mut image = Self { file, size: long(24), cluster: 1 << word(20), places: BTreeMap::new(), at: 0 };
        image.read_tables(long(40), word(36))?;
        Ok(image)
    }

    fn read_tables(&mut self, at: u64, count: u32) -> Result<(), ImageError> {
        let first = self.table(at, u64::from(count))?;
        let per_table = self.cluster / 8;
        for (table, place) in (0..).zip(first).map(|(table, entry)| (table, entry & OFFSET)) {
            if place == 0 {
                continue;
            }
            for (index, entry) in (0..).zip(self.table(place, per_table)?) {
                if entry & COMPRESSED != 0 {
                    return Err(ImageError::Format { why: "is compressed" });
                }
                if entry & OFFSET != 0 && entry & ZERO == 0 {
                    self.places.insert(table * per_table + index, entry & OFFSET);
                }
            }
        }
        Ok(())
    }

    fn table(&mut self, at: u64, count: u64) -> io::Result<Vec<u64>> {
        self.file.seek(SeekFrom::Start(at))?;
        let mut bytes = vec![0; count as usize * 8];
        self.file.read_exact(&mut bytes)?;
        let (entries, _) = bytes.as_chunks::<8>();
        Ok(entries.iter().map(|entry| u64::from_be_bytes(*entry)).collect())
    }

    /// The bytes of the disk.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Puts everything that is not empty into `target`, in the order of the disk.
    pub fn copy(mut self, target: &mut dyn Target) -> io::Result<()> {
        let mut bytes = vec![0; self.cluster as usize];
        for (cluster, place) in std::mem::take(&mut self.places) {
            let offset = cluster * self.cluster;
            let length = self.size.saturating_sub(offset).min(self.cluster) as usize;
            self.file.seek(SeekFrom::Start(place))?;
            self.file.read_exact(&mut bytes[..length])?;
            target.put(offset, &bytes[..length])?;
        }
        Ok(())
    }
}

/// The bytes of the disk, from its beginning to its end.
impl<R: Read + Seek> Read for Image<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let (cluster, within) = (self.at / self.cluster, self.at % self.cluster);
        let length = (self.cluster - within).min(self.size - self.at).min(bytes.len() as u64) as usize;
        let bytes = &mut bytes[..length];
        match self.places.get(&cluster) {
            Some(place) => {
                self.file.seek(SeekFrom::Start(place + within))?;
                self.file.read_exact(bytes)?;
            }
            None => bytes.fill(0),
        }
        self.at += length as u64;
        Ok(length)
    }
}
