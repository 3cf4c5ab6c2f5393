//! The table of partitions and the master boot record that protects it (UEFI 2.10, chapter 5).
//!
//! The table stands twice: behind the first sector and at the very end. Sectors have 512 bytes.

use crate::Uuid;
use crate::target::Target;
use std::io;

/// Bytes of a sector.
pub const SECTOR: u64 = 512;
/// Entries of the table, used or not (the specification's least is 16 KiB of them).
const ENTRIES: usize = 128;
const ENTRY_SIZE: usize = 128;
/// Bytes of the header that count.
const HEADER: usize = 92;
/// Sectors of all entries.
const ENTRY_SECTORS: u64 = (ENTRIES * ENTRY_SIZE) as u64 / SECTOR;
/// The first sector behind boot record, header and entries.
pub(crate) const FIRST_USABLE: u64 = 2 + ENTRY_SECTORS;
/// Characters of a label.
const LABEL: usize = 36;

/// Why partitions make no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GptError {
    /// A label that is empty, too long or not plain.
    #[error("`{label}` is no label of a partition")]
    Label {
        /// The label.
        label: String,
    },
    /// Two partitions with one label or one identifier.
    #[error("two partitions are `{label}`")]
    Twice {
        /// The label.
        label: String,
    },
    /// A partition without a sector.
    #[error("the partition `{label}` is empty")]
    Empty {
        /// The label.
        label: String,
    },
    /// Two partitions on the same sectors.
    #[error("the partitions `{one}` and `{other}` overlap")]
    Overlap {
        /// One.
        one: String,
        /// The other.
        other: String,
    },
    /// A partition on the table itself or past the end of the disk.
    #[error("the partition `{label}` does not lie between the sectors {first} and {last}")]
    Outside {
        /// The label.
        label: String,
        /// The first usable sector.
        first: u64,
        /// The last usable sector.
        last: u64,
    },
    /// More partitions than the table has entries.
    #[error("{count} partitions are more than the {ENTRIES} of a table")]
    Many {
        /// How many.
        count: usize,
    },
    /// A disk that the two tables fill.
    #[error("a disk of {sectors} sectors has no room for a table at both ends")]
    Small {
        /// Its sectors.
        sectors: u64,
    },
}

impl GptError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Label { .. } | Self::Twice { .. } => "E1301",
            _ => "E1302",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Label { .. } => Some(format!("a label has 1 to {LABEL} printable characters of ASCII")),
            Self::Outside { .. } | Self::Small { .. } => Some("make the disk larger".to_owned()),
            _ => None,
        }
    }
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its name, which Linux shows below `/dev/disk/by-partlabel`.
    pub label: String,
    /// What it is for.
    pub kind: Uuid,
    /// Its identifier: Linux' `PARTUUID`.
    pub id: Uuid,
    /// Its first sector.
    pub first: u64,
    /// Its sectors.
    pub sectors: u64,
}

impl Partition {
    /// Where it begins, in bytes.
    pub fn offset(&self) -> u64 {
        self.first * SECTOR
    }

    /// Its bytes.
    pub fn size(&self) -> u64 {
        self.sectors * SECTOR
    }

    /// The last sector; of an absurd partition, the last of all.
    fn last(&self) -> u64 {
        self.first.saturating_add(self.sectors).saturating_sub(1)
    }

    /// The entry (UEFI 2.10, table 5.6).
    fn entry(&self) -> [u8; ENTRY_SIZE] {
        let mut entry = [0; ENTRY_SIZE];
        entry[..16].copy_from_slice(&self.kind.to_guid());
        entry[16..32].copy_from_slice(&self.id.to_guid());
        entry[32..40].copy_from_slice(&self.first.to_le_bytes());
        entry[40..48].copy_from_slice(&self.last().to_le_bytes());
        for (unit, place) in self.label.encode_utf16().zip(entry[56..].chunks_exact_mut(2)) {
            place.copy_from_slice(&unit.to_le_bytes());
        }
        entry
    }
}

/// Partitions that fit onto one disk; the first has number 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    id: Uuid,
    sectors: u64,
    partitions: Vec<Partition>,
}

impl Table {
    /// The table of a disk of `sectors` sectors.
    pub fn new(id: Uuid, sectors: u64, partitions: Vec<Partition>) -> Result<Self, GptError> {
        let table = Self { id, sectors, partitions };
        if sectors < FIRST_USABLE + ENTRY_SECTORS + 2 {
            return Err(GptError::Small { sectors });
        }
        if table.partitions.len() > ENTRIES {
            return Err(GptError::Many { count: table.partitions.len() });
        }
        for (at, partition) in table.partitions.iter().enumerate() {
            table.check(partition)?;
            table.partitions[..at].iter().try_for_each(|other| apart(other, partition))?;
        }
        Ok(table)
    }

    fn check(&self, partition: &Partition) -> Result<(), GptError> {
        let Partition { label, first, .. } = partition;
        let plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if label.is_empty() || label.len() > LABEL || !label.bytes().all(plain) {
            return Err(GptError::Label { label: label.clone() });
        }
        if partition.sectors == 0 {
            return Err(GptError::Empty { label: label.clone() });
        }
        if *first < FIRST_USABLE || partition.last() > self.last_usable() {
            let last = self.last_usable();
            return Err(GptError::Outside { label: label.clone(), first: FIRST_USABLE, last });
        }
        Ok(())
    }

    /// The identifier of the disk.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The partitions in the order of their numbers.
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// Bytes of the disk.
    pub fn size(&self) -> u64 {
        self.sectors * SECTOR
    }

    fn last_usable(&self) -> u64 {
        self.sectors - ENTRY_SECTORS - 2
    }

    /// Writes boot record and both tables; `code` is what a BIOS starts.
    pub fn write(&self, code: &[u8; 440], target: &mut dyn Target) -> io::Result<()> {
        let entries = self.entries();
        let last = self.sectors - 1;
        target.put(0, &self.boot_record(code))?;
        target.put(SECTOR, &self.header(&entries, 1, last, 2))?;
        target.put(2 * SECTOR, &entries)?;
        let second = last - ENTRY_SECTORS;
        target.put(second * SECTOR, &entries)?;
        target.put(last * SECTOR, &self.header(&entries, last, 1, second))
    }

    /// The protective record (UEFI 2.10, 5.2.3): one partition of type 0xEE over the whole disk.
    fn boot_record(&self, code: &[u8; 440]) -> [u8; 512] {
        let mut sector = [0; 512];
        sector[..440].copy_from_slice(code);
        let covered = u32::try_from(self.sectors - 1).unwrap_or(u32::MAX);
        // Not bootable; from the second sector to the last that cylinders, heads and sectors can name.
        sector[446..454].copy_from_slice(&[0, 0, 2, 0, 0xEE, 0xFF, 0xFF, 0xFF]);
        sector[454..458].copy_from_slice(&1_u32.to_le_bytes());
        sector[458..462].copy_from_slice(&covered.to_le_bytes());
        sector[510..].copy_from_slice(&[0x55, 0xAA]);
        sector
    }

    fn entries(&self) -> Vec<u8> {
        let mut entries: Vec<u8> = self.partitions.iter().flat_map(Partition::entry).collect();
        entries.resize(ENTRIES * ENTRY_SIZE, 0);
        entries
    }

    /// The header (UEFI 2.10, table 5.5) at sector `own`, whose twin stands at `other`.
    fn header(&self, entries: &[u8], own: u64, other: u64, entries_at: u64) -> [u8; 512] {
        let small = |numbers: &[u32]| numbers.iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>();
        let large = |numbers: &[u64]| numbers.iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>();
        let fields = [
            b"EFI PART".to_vec(),
            // Revision, bytes of the header, its sum, nothing.
            small(&[0x0001_0000, HEADER as u32, 0, 0]),
            large(&[own, other, FIRST_USABLE, self.last_usable()]),
            self.id.to_guid().to_vec(),
            large(&[entries_at]),
            small(&[ENTRIES as u32, ENTRY_SIZE as u32, crc32fast::hash(entries)]),
        ];
        let mut sector = [0; 512];
        sector[..HEADER].copy_from_slice(&fields.concat());
        let sum = crc32fast::hash(&sector[..HEADER]);
        sector[16..20].copy_from_slice(&sum.to_le_bytes());
        sector
    }
}

/// Refuses two partitions that are one by name or lie on each other.
fn apart(one: &Partition, other: &Partition) -> Result<(), GptError> {
    if one.label == other.label || one.id == other.id {
        return Err(GptError::Twice { label: other.label.clone() });
    }
    if one.first <= other.last() && other.first <= one.last() {
        return Err(GptError::Overlap { one: one.label.clone(), other: other.label.clone() });
    }
    Ok(())
}
