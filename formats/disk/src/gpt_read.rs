//! Tables of partitions as others wrote them (UEFI 2.10, chapter 5).
//!
//! What a table says is taken as it is: foreign labels are empty, repeated or odd. Only sums and sizes are judged.

use crate::Uuid;
use crate::gpt::{GptError, Partition, SECTOR, Table};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

/// The most entries that are read; every table in use has 128.
const MOST_ENTRIES: u32 = 1024;

/// A table that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTable {
    /// The identifier of the disk.
    pub id: Uuid,
    /// Partitions by number, from 1. What lies in an entry whose end is before its start has no sectors.
    pub partitions: BTreeMap<u32, Partition>,
    /// Whether it is the one at the end of the disk, because the first one is damaged or missing.
    pub is_second: bool,
}

impl FoundTable {
    /// Reads the table of a disk of `size` bytes: the first one, or else the one in the last sector. `None` where there
    /// is none whose sums are right.
    pub fn read(disk: &mut (impl Read + Seek), size: u64) -> io::Result<Option<Self>> {
        let Some(last) = (size / SECTOR).checked_sub(1).filter(|last| *last > 1) else { return Ok(None) };
        match read_at(disk, 1, last)? {
            Some(found) => Ok(Some(found)),
            None => read_at(disk, last, last),
        }
    }

    /// The partition with this label, where exactly one has it.
    pub fn labelled(&self, label: &str) -> Option<&Partition> {
        let mut found = self.partitions.values().filter(|it| it.label == label);
        found.next().filter(|_| found.next().is_none())
    }

    /// The same partitions as a table of our own on a disk of `size` bytes: refused where they are not numbered from 1
    /// without a gap, or are no partitions that we would make.
    pub fn to_table(&self, size: u64) -> Result<Option<Table>, GptError> {
        if !self.partitions.keys().copied().eq((1..).take(self.partitions.len())) {
            return Ok(None);
        }
        Table::new(self.id, size / SECTOR, self.partitions.values().cloned().collect()).map(Some)
    }
}

fn number(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))
}

fn small(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |all, byte| all << 8 | u32::from(*byte))
}

/// Fills `bytes` from `sector` on; what lies past the end of the disk is no table.
fn fill(disk: &mut (impl Read + Seek), sector: u64, bytes: &mut [u8]) -> io::Result<bool> {
    let Some(offset) = sector.checked_mul(SECTOR) else { return Ok(false) };
    disk.seek(SeekFrom::Start(offset))?;
    match disk.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The table whose header stands in the sector `own`.
fn read_at(disk: &mut (impl Read + Seek), own: u64, last: u64) -> io::Result<Option<FoundTable>> {
    let mut header = [0; SECTOR as usize];
    if !fill(disk, own, &mut header)? || !header.starts_with(b"EFI PART") || number(&header, 24) != own {
        return Ok(None);
    }
    let (length, sum) = (small(&header, 12) as usize, small(&header, 16));
    let (at, count, size) = (number(&header, 72), small(&header, 80), small(&header, 84));
    let is_sane = (92..=header.len()).contains(&length)
        && (2..=last).contains(&at)
        && count <= MOST_ENTRIES
        && (128..=4096).contains(&size)
        && size % 128 == 0;
    if !is_sane {
        return Ok(None);
    }
    header[16..20].fill(0);
    let mut entries = vec![0; count as usize * size as usize];
    if crc32fast::hash(&header[..length]) != sum
        || !fill(disk, at, &mut entries)?
        || crc32fast::hash(&entries) != small(&header, 88)
    {
        return Ok(None);
    }
    let numbered = (1..).zip(entries.chunks_exact(size as usize));
    let partitions = numbered.filter_map(|(number, it)| Some((number, partition(it)?))).collect();
    Ok(Some(FoundTable { id: guid(&header[56..72]), partitions, is_second: own != 1 }))
}

fn guid(bytes: &[u8]) -> Uuid {
    let mut guid = [0; 16];
    guid.copy_from_slice(bytes);
    Uuid::from_guid(guid)
}

/// An entry in use (UEFI 2.10, table 5.6): its type is not zero.
fn partition(entry: &[u8]) -> Option<Partition> {
    if entry[..16].iter().all(|it| *it == 0) {
        return None;
    }
    let (first, last) = (number(entry, 32), number(entry, 40));
    let units = entry[56..128].chunks_exact(2).map(|it| u16::from_le_bytes([it[0], it[1]]));
    let label = char::decode_utf16(units.take_while(|it| *it != 0)).map(|it| it.unwrap_or('\u{FFFD}'));
    Some(Partition {
        label: label.collect(),
        kind: guid(&entry[..16]),
        id: guid(&entry[16..32]),
        first,
        sectors: last.checked_sub(first).map_or(0, |it| it.saturating_add(1)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layout, Raw, Sizes};
    use proptest::prelude::*;
    use std::io::Cursor;

    fn disk() -> (Layout, Vec<u8>) {
        let sizes = Sizes { root: 256 << 20, state: 256 << 20, data: 256 << 20, ..Sizes::default() };
        let layout = Layout::new(Uuid::from_u128(7), "vps", sizes).unwrap();
        let mut raw = Raw::new(Cursor::new(Vec::new()), layout.size());
        layout.table().write(&[7; 440], &mut raw).unwrap();
        (layout, raw.finish().unwrap().0.into_inner())
    }

    #[test]
    fn a_table_is_read_from_the_end_where_its_beginning_is_damaged() {
        let (layout, mut bytes) = disk();
        let size = layout.size();
        let read = |bytes: &[u8]| FoundTable::read(&mut Cursor::new(bytes), size).unwrap();
        let first = read(&bytes).unwrap();
        assert_eq!(first.to_table(size).unwrap().as_ref(), Some(layout.table()));
        assert_eq!(first.labelled("state"), Some(layout.partition(crate::Role::State)));
        bytes[2 * 512 + 60] ^= 1;
        assert_eq!(read(&bytes).unwrap(), FoundTable { is_second: true, ..first });
        let last = bytes.len() - 512;
        bytes[last] ^= 1;
        assert_eq!(read(&bytes), None);
    }

    #[test]
    fn what_is_too_small_has_no_table() {
        for size in [0, 1, 512, 1024, 4096] {
            assert_eq!(FoundTable::read(&mut Cursor::new(vec![0; size]), size as u64).unwrap(), None);
        }
    }

    proptest! {
        #[test]
        fn a_header_of_anything_is_no_panic(
            mut header in prop::collection::vec(any::<u8>(), 92),
            entries in prop::collection::vec(any::<u8>(), 0..4096),
            count in 0_u32..40,
        ) {
            header[..8].copy_from_slice(b"EFI PART");
            header[12..16].copy_from_slice(&92_u32.to_le_bytes());
            header[24..32].copy_from_slice(&1_u64.to_le_bytes());
            header[72..80].copy_from_slice(&2_u64.to_le_bytes());
            header[80..84].copy_from_slice(&count.to_le_bytes());
            header[84..88].copy_from_slice(&128_u32.to_le_bytes());
            let mut table = entries;
            table.resize(16384, 0);
            header[88..92].copy_from_slice(&crc32fast::hash(&table[..count as usize * 128]).to_le_bytes());
            header[16..20].fill(0);
            let sum = crc32fast::hash(&header);
            header[16..20].copy_from_slice(&sum.to_le_bytes());
            header.resize(512, 0);
            let disk = [vec![0; 512], header, table].concat();
            let size = disk.len() as u64;
            let found = FoundTable::read(&mut Cursor::new(disk), size).unwrap().unwrap();
            let _ = found.to_table(size);
        }
    }
}
