//! The disk of a host, decided: six partitions, one of them twice.
//!
//! | # | Label | For |
//! |---|---|---|
//! | 1 | `bios-boot` | GRUB's core image, where a BIOS starts |
//! | 2 | `esp` | what UEFI starts; GRUB's configuration and environment for both |
//! | 3 | `root-a` | a slot |
//! | 4 | `root-b` | the other slot |
//! | 5 | `state` | what must never be crowded out: etcd, journal, identity of the host |
//! | 6 | `data` | the rest; last, so that it grows with the disk |

use crate::gpt::{GptError, Partition, SECTOR, Table};
use crate::{Slot, Uuid};

/// 2²⁰ bytes.
pub const MIB: u64 = 1 << 20;

/// What a partition is for; the order is the order on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// GRUB's core image.
    BiosBoot,
    /// The EFI system partition.
    Esp,
    /// The slot `a`.
    RootA,
    /// The slot `b`.
    RootB,
    /// State of the host.
    State,
    /// Everything else.
    Data,
}

impl Role {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [Self::BiosBoot, Self::Esp, Self::RootA, Self::RootB, Self::State, Self::Data];

    /// The label of the partition.
    pub fn label(self) -> &'static str {
        match self {
            Self::BiosBoot => "bios-boot",
            Self::Esp => "esp",
            Self::RootA => "root-a",
            Self::RootB => "root-b",
            Self::State => "state",
            Self::Data => "data",
        }
    }

    /// The number of the partition, from 1: GRUB's `gpt1`, Linux' `vda1`.
    pub fn number(self) -> usize {
        self as usize + 1
    }

    /// The type. Everything that is not for booting is plain Linux data: the types that say "root" make systemd
    /// choose a root by itself, and a slot is chosen by GRUB alone.
    fn kind(self) -> Uuid {
        Uuid::from_u128(match self {
            // "Hah!IdontNeedEFI" (GRUB's manual, "BIOS installation").
            Self::BiosBoot => 0x21686148_6449_6E6F_744E_656564454649,
            // UEFI 2.10, table 5.7.
            Self::Esp => 0xC12A7328_F81F_11D2_BA4B_00A0C93EC93B,
            // Linux file system data (UAPI group's discoverable partitions).
            _ => 0x0FC63DAF_8483_4772_8E79_3D69D8477DE4,
        })
    }

    /// The least that the partition can be.
    fn least(self) -> u64 {
        match self {
            Self::BiosBoot => MIB,
            // FAT32 has at least 65 525 clusters.
            Self::Esp => 34 * MIB,
            // Four times the journal of an ext4 of ours.
            _ => 256 * MIB,
        }
    }
}

impl From<Slot> for Role {
    fn from(slot: Slot) -> Self {
        match slot {
            Slot::A => Self::RootA,
            Slot::B => Self::RootB,
        }
    }
}

/// How many bytes each partition has: whole MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// GRUB's core image: 1 MiB holds five of it, and is what GRUB's manual asks for.
    pub bios_boot: u64,
    /// 106 MiB, as Ubuntu's cloud images have it: two loaders of a MiB each, and room for whatever a later one brings.
    pub esp: u64,
    /// Each of both slots.
    pub root: u64,
    /// State.
    pub state: u64,
    /// What `data` has within the image; on a host it grows to the end of the disk.
    pub data: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { bios_boot: MIB, esp: 106 * MIB, root: 3072 * MIB, state: 4096 * MIB, data: 512 * MIB }
    }
}

impl Sizes {
    fn of(&self, role: Role) -> u64 {
        match role {
            Role::BiosBoot => self.bios_boot,
            Role::Esp => self.esp,
            Role::RootA | Role::RootB => self.root,
            Role::State => self.state,
            Role::Data => self.data,
        }
    }
}

/// The most that a partition can be: ext4 without 64-bit block numbers ends at twice as much.
const MOST: u64 = 8 << 40;

/// Why there is no such disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A name that would not be the same everywhere.
    #[error("`{name}` is no name of a disk")]
    Name {
        /// The name.
        name: String,
    },
    /// A size that is not in whole MiB.
    #[error("`{label}` has {size} bytes, which are no whole MiB")]
    Uneven {
        /// The partition.
        label: &'static str,
        /// Its size.
        size: u64,
    },
    /// A partition that could not hold what it is for.
    #[error("`{label}` has {size} bytes, and it needs {least}")]
    Small {
        /// The partition.
        label: &'static str,
        /// Its size.
        size: u64,
        /// The least.
        least: u64,
    },
    /// A partition that its file system could not cover.
    #[error("`{label}` has {size} bytes, and {MOST} are the most")]
    Large {
        /// The partition.
        label: &'static str,
        /// Its size.
        size: u64,
    },
    /// The partitions make no table.
    #[error("the partitions make no table")]
    Table(#[from] GptError),
}

impl LayoutError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "E1303",
            Self::Uneven { .. } | Self::Small { .. } | Self::Large { .. } => "E1304",
            Self::Table(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Name { .. } => {
                Some("a name has 1 to 64 lowercase letters, digits, `.`, `-` and `_`".to_owned())
            }
            Self::Table(error) => error.help(),
            _ => None,
        }
    }
}

/// The partitions of a disk: the same name and sizes are the same bytes everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    table: Table,
}

impl Layout {
    /// The disk `name`. Identifiers are of version 5 in `namespace`, so that a `PARTUUID` is known before anything is
    /// built: of the name for the disk, of the name, `/` and the label for a partition.
    pub fn new(namespace: Uuid, name: &str, sizes: Sizes) -> Result<Self, LayoutError> {
        let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b".-_".contains(&it);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            return Err(LayoutError::Name { name: name.to_owned() });
        }
        let (mut at, mut partitions) = (MIB, Vec::new());
        for role in Role::ALL {
            let size = check(role, sizes.of(role))?;
            let label = role.label().to_owned();
            let id = Uuid::v5(namespace, &format!("{name}/{label}"));
            let (first, sectors) = (at / SECTOR, size / SECTOR);
            partitions.push(Partition { label, kind: role.kind(), id, first, sectors });
            at += size;
        }
        // The table at the end gets a MiB as well, so that every disk is one of whole MiB.
        let table = Table::new(Uuid::v5(namespace, name), (at + MIB) / SECTOR, partitions)?;
        Ok(Self { table })
    }

    /// The partition for something.
    pub fn partition(&self, role: Role) -> &Partition {
        &self.table.partitions()[role as usize]
    }

    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Bytes of the disk.
    pub fn size(&self) -> u64 {
        self.table.size()
    }

    /// The identifier of the file system in a partition. It differs from the partition's, so that neither can be
    /// taken for the other.
    pub fn file_system(&self, role: Role) -> Uuid {
        Uuid::v5(self.partition(role).id, "file system")
    }
}

fn check(role: Role, size: u64) -> Result<u64, LayoutError> {
    let (label, least) = (role.label(), role.least());
    if size < least {
        return Err(LayoutError::Small { label, size, least });
    }
    if size > MOST {
        return Err(LayoutError::Large { label, size });
    }
    if !size.is_multiple_of(MIB) {
        return Err(LayoutError::Uneven { label, size });
    }
    Ok(size)
}
