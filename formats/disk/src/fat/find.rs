//! Where a file of a FAT32 lies, so that it can be read and written in place, as GRUB does with its environment.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// Entries of a directory that are read at most.
const MOST_ENTRIES: usize = 1 << 16;
/// Clusters of one directory or file that are followed at most: a chain that goes round ends there.
const MOST_CLUSTERS: usize = 1 << 16;
const RECORD: usize = 32;
const DIRECTORY: u8 = 0x10;
/// A volume's label or a piece of a long name.
const NO_FILE: u8 = 0x08;

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Its bytes.
    pub size: u64,
    /// Where they lie, in order, as offsets within the volume.
    pub ranges: Vec<Range<u64>>,
}

/// What of the first sector says where things are (FAT specification 1.03, "BPB").
struct Volume<D> {
    disk: D,
    sector: u64,
    cluster: u64,
    table: u64,
    data: u64,
    root: u32,
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the FAT32 is damaged: {what}"))
}

/// Finds a file by the short names of its path (`GRUB/GRUBENV`), in whatever case they are given. `disk` begins with the
/// volume. `None` where no file has that name.
pub fn locate(disk: impl Read + Seek, path: &str) -> io::Result<Option<Located>> {
    let mut volume = Volume::open(disk)?;
    let mut at = volume.root;
    let mut parts = path.split('/').peekable();
    while let Some(name) = parts.next() {
        let Some(record) = volume.entry(at, &short(name))? else { return Ok(None) };
        let is_directory = record[11] & DIRECTORY != 0;
        let half = |at: usize| u32::from(u16::from_le_bytes([record[at], record[at + 1]]));
        at = half(20) << 16 | half(26);
        if parts.peek().is_some() != is_directory {
            return Ok(None);
        }
        if !is_directory {
            let size = u64::from(u32::from_le_bytes([record[28], record[29], record[30], record[31]]));
            return volume.file(at, size).map(Some);
        }
    }
    Ok(None)
}

/// A name as entries have it, padded with spaces.
fn short(name: &str) -> [u8; 11] {
    let upper = name.to_ascii_uppercase();
    let (stem, end) = upper.rsplit_once('.').unwrap_or((&upper, ""));
    let mut short = [b' '; 11];
    for (place, byte) in short[..8].iter_mut().zip(stem.bytes()) {
        *place = byte;
    }
    for (place, byte) in short[8..].iter_mut().zip(end.bytes()) {
        *place = byte;
    }
    short
}

impl<D: Read + Seek> Volume<D> {
    fn open(mut disk: D) -> io::Result<Self> {
        let mut boot = [0; 512];
        disk.seek(SeekFrom::Start(0))?;
        disk.read_exact(&mut boot)?;
        let half = |at: usize| u64::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
        let whole = |at: usize| u32::from_le_bytes([boot[at], boot[at + 1], boot[at + 2], boot[at + 3]]);
        let (sector, per_cluster, reserved, tables) =
            (half(11), u64::from(boot[13]), half(14), u64::from(boot[16]));
        let is_sane = boot[510..] == [0x55, 0xAA]
            && matches!(sector, 512 | 1024 | 2048 | 4096)
            && per_cluster.is_power_of_two()
            && reserved > 0
            && (1..=4).contains(&tables)
            // FAT12 and FAT16 say the size of their table here.
            && half(22) == 0;
        if !is_sane {
            return Err(damaged("its first sector is none"));
        }
        let (table, size) = (reserved * sector, u64::from(whole(36)) * sector);
        let (cluster, data) = (per_cluster * sector, table + tables * size);
        Ok(Self { disk, sector, cluster, table, data, root: whole(44) })
    }

    fn offset(&self, cluster: u32) -> io::Result<u64> {
        let index = u64::from(cluster).checked_sub(2).ok_or_else(|| damaged("a cluster is none"))?;
        Ok(self.data + index * self.cluster)
    }

    /// The cluster behind `cluster`.
    fn next(&mut self, cluster: u32) -> io::Result<Option<u32>> {
        let at = self.table + u64::from(cluster) * 4;
        if at + 4 > self.data || self.sector == 0 {
            return Err(damaged("a cluster lies outside of its table"));
        }
        let mut entry = [0; 4];
        self.disk.seek(SeekFrom::Start(at))?;
        self.disk.read_exact(&mut entry)?;
        let next = u32::from_le_bytes(entry) & 0x0FFF_FFFF;
        Ok((next < 0x0FFF_FFF8).then_some(next))
    }

    /// The clusters from `first` on.
    fn chain(&mut self, first: u32) -> io::Result<Vec<u64>> {
        let (mut clusters, mut at) = (Vec::new(), Some(first));
        while let Some(cluster) = at {
            if clusters.len() == MOST_CLUSTERS {
                return Err(damaged("a chain of clusters has no end"));
            }
            clusters.push(self.offset(cluster)?);
            at = self.next(cluster)?;
        }
        Ok(clusters)
    }

    fn entry(&mut self, directory: u32, name: &[u8; 11]) -> io::Result<Option<[u8; RECORD]>> {
        let mut left = MOST_ENTRIES;
        for offset in self.chain(directory)? {
            let mut bytes = vec![0; self.cluster as usize];
            self.disk.seek(SeekFrom::Start(offset))?;
            self.disk.read_exact(&mut bytes)?;
            let (records, _) = bytes.as_chunks::<RECORD>();
            for record in records {
                left = left.checked_sub(1).ok_or_else(|| damaged("a directory has no end"))?;
                if record[0] == 0 {
                    return Ok(None);
                }
                if record[11] & NO_FILE == 0 && record[..11] == *name {
                    return Ok(Some(*record));
                }
            }
        }
        Ok(None)
    }

    fn file(&mut self, first: u32, size: u64) -> io::Result<Located> {
        let clusters = if size == 0 { Vec::new() } else { self.chain(first)? };
        let mut left = size;
        let mut ranges = Vec::new();
        for offset in clusters {
            let length = left.min(self.cluster);
            if length > 0 {
                ranges.push(offset..offset + length);
            }
            left -= length;
        }
        if left > 0 {
            return Err(damaged("a file is longer than its clusters"));
        }
        Ok(Located { size, ranges })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fat::{Options, Volume as Writer};
    use crate::{MIB, Raw};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::io::Cursor;

    fn volume(size: u64) -> Vec<u8> {
        let files = [("grub/grubenv", 1024), ("grub/grub.cfg", 3000), ("EFI/BOOT/BOOTX64.EFI", 70_000)];
        let files: BTreeMap<String, Vec<u8>> = files
            .iter()
            .map(|(path, size)| ((*path).to_owned(), path.bytes().cycle().take(*size).collect()))
            .collect();
        let options = Options { size, id: 1, label: "ESP".to_owned(), time: 1_700_000_000, first_sector: 0 };
        let mut raw = Raw::new(Cursor::new(Vec::new()), size);
        Writer::new(options, files).unwrap().write(&mut raw).unwrap();
        raw.finish().unwrap().0.into_inner()
    }

    #[test]
    fn a_file_of_our_own_is_found_with_its_bytes() {
        for size in [34 * MIB, 300 * MIB] {
            let bytes = volume(size);
            for (path, size) in
                [("grub/grubenv", 1024), ("GRUB/GRUB.CFG", 3000), ("efi/boot/bootx64.efi", 70_000)]
            {
                let found = locate(Cursor::new(&bytes), path).unwrap().unwrap();
                let ranges = found.ranges.iter().map(|it| &bytes[it.start as usize..it.end as usize]);
                let content: Vec<u8> = ranges.flatten().copied().collect();
                assert_eq!((found.size, content.len()), (size, size as usize));
                assert!(
                    content.to_ascii_lowercase().starts_with(path.to_ascii_lowercase().as_bytes()),
                    "{path}"
                );
            }
            for none in ["grub", "grub/none", "none/grubenv", "grub/grubenv/x"] {
                assert_eq!(locate(Cursor::new(&bytes), none).unwrap(), None, "{none}");
            }
        }
    }

    #[test]
    fn a_chain_that_goes_round_ends() {
        let mut bytes = volume(34 * MIB);
        let root = 32 * 512 + 2 * 4;
        bytes[root..root + 4].copy_from_slice(&2_u32.to_le_bytes());
        assert!(locate(Cursor::new(&bytes), "none").is_err());
    }

    proptest! {
        #[test]
        fn whatever_stands_there_is_no_panic(changes in prop::collection::vec((0_usize..80_000, any::<u8>()), 1..60)) {
            static VOLUME: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
            // Boot record, the beginning of the table and of the clusters behind both.
            let mut bytes = VOLUME.get_or_init(|| volume(34 * MIB))[..1 << 20].to_vec();
            for (at, byte) in changes {
                bytes[at] = byte;
            }
            let _ = locate(Cursor::new(&bytes), "grub/grubenv");
        }
    }
}
