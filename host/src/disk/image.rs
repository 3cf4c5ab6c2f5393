//! What the image says of itself: its table of partitions, and what a BIOS starts.

use super::DiskError;
use super::facts::Disk;
use super::stream::{Produce, stream};
use gabion_disk::gpt::{Partition, SECTOR, Table};
use gabion_disk::{FoundTable, MIB, Role};
use std::io::Cursor;

/// The most that `data` grows to: what our ext4 can be.
const MOST: u64 = 8 << 40;

/// An image of two slots.
#[derive(Debug)]
pub(super) struct Image {
    /// Its bytes.
    pub(super) size: u64,
    /// Its first MiB.
    pub(super) head: Vec<u8>,
    table: Table,
}

impl Image {
    /// Reads the first MiB of the image.
    pub(super) fn peek(produce: &mut Produce<'_>, size: u64) -> Result<Self, DiskError> {
        let wrong = |what: &str| DiskError::Image(what.to_owned());
        if size <= 2 * MIB || !size.is_multiple_of(MIB) {
            return Err(wrong("its size is none"));
        }
        let mut head = Vec::new();
        stream(produce, size, 0..MIB, |_, piece| {
            head.extend_from_slice(piece);
            Ok(())
        })?;
        let found = FoundTable::read(&mut Cursor::new(&head), size).map_err(DiskError::Source)?;
        let found = found.filter(|it| !it.is_second).ok_or_else(|| wrong("it has no table of partitions"))?;
        let table = found.to_table(size).map_err(|error| DiskError::Image(error.to_string()))?;
        let table = table.ok_or_else(|| wrong("its partitions are not numbered"))?;
        let labels = table.partitions().iter().map(|it| it.label.as_str());
        if !labels.eq(Role::ALL.map(Role::label)) {
            return Err(wrong("its partitions are others"));
        }
        let is_whole = |it: &Partition| it.offset().is_multiple_of(MIB) && it.size().is_multiple_of(MIB);
        let it = Self { size, head, table };
        if !it.table.partitions().iter().all(is_whole)
            || it.part(Role::RootA).size() != it.part(Role::RootB).size()
        {
            return Err(wrong("its partitions have no whole MiB, or its slots two sizes"));
        }
        Ok(it)
    }

    pub(super) fn part(&self, role: Role) -> &Partition {
        &self.table.partitions()[role as usize]
    }

    /// Whether `found` is the table of this image on another disk: the same partitions by identifier at the same places,
    /// and only `data` larger.
    pub(super) fn is_table(&self, found: &FoundTable) -> bool {
        let same = |(it, other): (&Partition, &Partition)| {
            let grown = it.label == Role::Data.label() && other.sectors > it.sectors;
            *it == Partition { sectors: if grown { it.sectors } else { other.sectors }, ..other.clone() }
        };
        let ours = self.table.partitions();
        found.id == self.table.id()
            && found.partitions.len() == ours.len()
            && ours.iter().zip(found.partitions.values()).all(same)
    }

    /// The table for `disk`, where `data` reaches to its end; never smaller than it is in `now`.
    pub(super) fn table_for(&self, disk: &Disk, now: Option<&FoundTable>) -> Result<Table, DiskError> {
        let mut partitions = self.table.partitions().to_vec();
        if let Some(data) = partitions.last_mut() {
            // The last MiB is the second table's, as in the image.
            let end = (disk.size - MIB) / MIB * MIB;
            let room = end.saturating_sub(data.offset()).min(MOST) / SECTOR;
            let now = now.and_then(|it| it.partitions.values().last()).map_or(0, |it| it.sectors);
            // What the host itself grew may reach a little further, to the last sector before the table.
            data.sectors = if room >= now + MIB / SECTOR || now == 0 { data.sectors.max(room) } else { now };
        }
        let table = Table::new(self.table.id(), disk.size / SECTOR, partitions);
        table.map_err(|error| DiskError::Image(error.to_string()))
    }

    /// What a BIOS starts.
    pub(super) fn code(&self) -> [u8; 440] {
        let mut code = [0; 440];
        code.copy_from_slice(&self.head[..440]);
        code
    }
}
