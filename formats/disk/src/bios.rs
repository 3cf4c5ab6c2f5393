//! What a BIOS starts: GRUB's boot sector and core image, told where on the disk they lie
//! (GRUB's `util/setup.c`, `grub-core/boot/i386/pc/{boot,diskboot}.S`).

use crate::gpt::{Partition, SECTOR};

/// Where the boot sector keeps the sector of the core image (`GRUB_BOOT_MACHINE_KERNEL_SECTOR`).
const KERNEL_SECTOR: usize = 0x5C;
/// Where it keeps the drive to read from (`GRUB_BOOT_MACHINE_BOOT_DRIVE`).
const BOOT_DRIVE: usize = 0x64;
/// The jump that trusts the BIOS with the drive's number (`GRUB_BOOT_MACHINE_DRIVE_CHECK`).
const DRIVE_CHECK: usize = 0x66;
/// Where the first sector of the core image keeps the list of the rest: sector, count, segment.
const BLOCK_LIST: usize = 500;
/// The segment that the rest is read to (`GRUB_BOOT_MACHINE_KERNEL_SEG` and one sector); `grub-mkimage` writes it.
const SEGMENT: [u8; 2] = 0x0820_u16.to_le_bytes();

/// Why a BIOS could not start this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BiosError {
    /// A boot sector that is none.
    #[error("the boot sector has {size} bytes, and it needs 512 that end in 55 AA")]
    BootSector {
        /// Its bytes.
        size: usize,
    },
    /// A core image for something else.
    #[error("the core image with {size} bytes is none for `i386-pc`")]
    Core {
        /// Its bytes.
        size: usize,
    },
    /// A core image that is larger than its partition.
    #[error("the core image has {size} bytes, and the partition has {room}")]
    Room {
        /// Its bytes.
        size: usize,
        /// The partition's.
        room: u64,
    },
}

impl BiosError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BootSector { .. } | Self::Core { .. } => "E1305",
            Self::Room { .. } => "E1306",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::BootSector { .. } => "take `boot.img` of GRUB's folder `i386-pc`".to_owned(),
            Self::Core { .. } => "make it by `grub-mkimage -O i386-pc`".to_owned(),
            Self::Room { .. } => "leave modules out, or make `bios-boot` larger".to_owned(),
        })
    }
}

/// What a BIOS needs, placed on a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bios {
    code: [u8; 440],
    core: Vec<u8>,
}

impl Bios {
    /// `boot` is `boot.img`, `core` what `grub-mkimage` made for `i386-pc`, `partition` where the latter goes.
    pub fn new(boot: &[u8], core: &[u8], partition: &Partition) -> Result<Self, BiosError> {
        Ok(Self { code: code(boot, partition.first)?, core: placed(core, partition)? })
    }

    /// The first 440 bytes of the disk; the signature of disks behind them stays zero.
    pub fn code(&self) -> &[u8; 440] {
        &self.code
    }

    /// The bytes of the partition, in whole sectors.
    pub fn core(&self) -> &[u8] {
        &self.core
    }
}

fn code(boot: &[u8], core_sector: u64) -> Result<[u8; 440], BiosError> {
    if boot.len() != 512 || boot[510..] != [0x55, 0xAA] {
        return Err(BiosError::BootSector { size: boot.len() });
    }
    let mut code = [0; 440];
    code.copy_from_slice(&boot[..440]);
    code[KERNEL_SECTOR..KERNEL_SECTOR + 8].copy_from_slice(&core_sector.to_le_bytes());
    // The drive that the BIOS names; two no-ops where GRUB itself puts them for a hard disk.
    code[BOOT_DRIVE] = 0xFF;
    code[DRIVE_CHECK..DRIVE_CHECK + 2].fill(0x90);
    Ok(code)
}

fn placed(core: &[u8], partition: &Partition) -> Result<Vec<u8>, BiosError> {
    let size = core.len();
    let sector = SECTOR as usize;
    if size <= sector || core[BLOCK_LIST + 10..BLOCK_LIST + 12] != SEGMENT {
        return Err(BiosError::Core { size });
    }
    let rest = size.div_ceil(sector) - 1;
    let too_large = || BiosError::Room { size, room: partition.size() };
    let count = u16::try_from(rest).map_err(|_| too_large())?;
    if rest as u64 >= partition.sectors {
        return Err(too_large());
    }
    let mut core = core.to_vec();
    core.resize((rest + 1) * sector, 0);
    core[BLOCK_LIST..BLOCK_LIST + 8].copy_from_slice(&(partition.first + 1).to_le_bytes());
    core[BLOCK_LIST + 8..BLOCK_LIST + 10].copy_from_slice(&count.to_le_bytes());
    Ok(core)
}
