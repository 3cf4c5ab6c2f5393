//! `data` to the end of the disk.

use super::DiskError;
use super::device::Device;
use super::parts::Parts;
use super::programs::{E2FSCK, RESIZE2FS};
use gabion_disk::MIB;
use gabion_disk::gpt::Partition;

/// Bytes of the ext4 in a partition (Linux' `ext4_super_block`); nothing where there is none.
pub(super) fn file_system(device: &Device, partition: &Partition) -> Result<Option<u64>, DiskError> {
    let mut block = vec![0; 1024];
    device.read(partition.offset() + 1024, &mut block)?;
    let number = |at: usize| u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
    if block[0x38..0x3A] != [0x53, 0xEF] {
        return Ok(None);
    }
    let is_64 = number(0x60) & 0x80 != 0;
    let high = if is_64 { u64::from(number(0x150)) << 32 } else { 0 };
    let size = 1024_u64.checked_shl(number(0x18)).unwrap_or_default();
    Ok(Some((high | u64::from(number(0x4))).saturating_mul(size)))
}

/// Whether the file system lacks a MiB or more of its partition.
pub(super) fn is_needed(device: &Device, partition: &Partition) -> Result<bool, DiskError> {
    Ok(file_system(device, partition)?.is_some_and(|it| it + MIB <= partition.size()))
}

/// Lets the file system of a partition have all of it, before anybody mounts it (`FORMAT.md`, "Growing").
pub(super) fn grow(parts: &mut Parts<'_>, partition: &Partition) -> Result<(), DiskError> {
    let device = parts.device(partition)?;
    let device = device.to_string_lossy();
    // 1: what was wrong is right now.
    E2FSCK.run(&["-f", "-y", &*device], 1)?;
    RESIZE2FS.run(&[&*device], 0).map(drop)
}
