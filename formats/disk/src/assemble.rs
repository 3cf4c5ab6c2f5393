//! The whole disk.

use crate::ext4::{self, Ext4Error};
use crate::target::{Target, Window};
use crate::{Bios, FatError, Layout, Role, Slot, fat};
use std::collections::BTreeMap;
use std::io::{self, Read};

/// How much of a finished image is moved at once.
const PIECE: u64 = 1 << 20;

/// Why there is no disk.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// A part could not be written: the disk that the image is written to is full, or broken.
    #[error("`{part}` could not be written")]
    Write {
        /// The partition, or `partition table`.
        part: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A slot of another size than its partition.
    #[error("the slot has {image} bytes, and its partition {partition}")]
    Slot {
        /// The image's bytes.
        image: u64,
        /// The partition's.
        partition: u64,
    },
    /// The image of the slot could not be read.
    #[error("the image of the slot could not be read")]
    Read(#[source] io::Error),
    /// Something about a file system.
    #[error("`{part}` could not be made")]
    Ext4 {
        /// The partition.
        part: &'static str,
        /// Why.
        source: Ext4Error,
    },
    /// Something about the EFI system partition.
    #[error("`esp` could not be made")]
    Fat(#[from] FatError),
}

impl AssembleError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Write { .. } | Self::Read(_) => "E1318",
            Self::Slot { .. } => "E1319",
            Self::Ext4 { source, .. } => source.code(),
            Self::Fat(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some space, or write the image elsewhere".to_owned())
            }
            Self::Write { .. } | Self::Read(_) | Self::Slot { .. } => None,
            Self::Ext4 { source, .. } => source.help(),
            Self::Fat(error) => error.help(),
        }
    }
}

/// What goes onto a disk besides the slot.
#[derive(Debug)]
pub struct Disk<'d> {
    /// The partitions.
    pub layout: &'d Layout,
    /// What a BIOS starts.
    pub bios: &'d Bios,
    /// The files of the EFI system partition, by their paths: the loader, GRUB's configuration and environment.
    pub esp: BTreeMap<String, Vec<u8>>,
    /// The time of everything, in seconds since 1970.
    pub time: u32,
}

/// What a slot is made of.
pub trait Root {
    /// How many bytes it has.
    fn size(&self) -> u64;

    /// Writes it.
    fn write(self, part: &'static str, target: &mut dyn Target) -> Result<(), AssembleError>;
}

impl Disk<'_> {
    /// Writes the disk with `root` in the slot `a`, in the order of the disk; the slot `b` stays empty until something
    /// is installed there. Nothing is read twice, and zeros are not written.
    pub fn write(mut self, root: impl Root, target: &mut dyn Target) -> Result<(), AssembleError> {
        let part = self.layout.partition(Slot::A.into());
        if root.size() != part.size() {
            return Err(AssembleError::Slot { image: root.size(), partition: part.size() });
        }
        let (esp, state, data) = (self.esp()?, self.empty(Role::State)?, self.empty(Role::Data)?);
        let table = |source| AssembleError::Write { part: "partition table", source };
        self.layout.table().write(self.bios.code(), target).map_err(table)?;
        let write = |role: Role| move |source| AssembleError::Write { part: role.label(), source };
        let mut bios = self.window(Role::BiosBoot, target);
        bios.put(0, self.bios.core()).map_err(write(Role::BiosBoot))?;
        esp.write(&mut self.window(Role::Esp, target)).map_err(write(Role::Esp))?;
        root.write(Role::RootA.label(), &mut self.window(Role::RootA, target))?;
        for (role, image) in [(Role::State, state), (Role::Data, data)] {
            Tree { image: &image, content: |_: &[u8]| Ok(io::empty()) }
                .write(role.label(), &mut self.window(role, target))?;
        }
        Ok(())
    }

    fn window<'t>(&self, role: Role, target: &'t mut dyn Target) -> Window<'t> {
        let part = self.layout.partition(role);
        Window::new(target, part.offset(), part.size())
    }

    fn esp(&mut self) -> Result<fat::Volume, FatError> {
        let part = self.layout.partition(Role::Esp);
        let uuid = self.layout.file_system(Role::Esp);
        let [a, b, c, d, ..] = *uuid.as_bytes();
        let options = fat::Options {
            size: part.size(),
            id: u32::from_be_bytes([a, b, c, d]),
            label: "ESP".to_owned(),
            time: u64::from(self.time),
            first_sector: part.first,
        };
        fat::Volume::new(options, std::mem::take(&mut self.esp))
    }

    /// A file system for what a host will write there.
    fn empty(&self, role: Role) -> Result<ext4::Image, AssembleError> {
        let (label, size) = (role.label(), self.layout.partition(role).size());
        let options = ext4::Options::new(size, self.layout.file_system(role), label, self.time);
        ext4::Image::empty(&options).map_err(|source| AssembleError::Ext4 { part: label, source })
    }
}

/// A slot out of files: `content` opens the file at a path.
#[derive(Debug)]
pub struct Tree<'i, C> {
    /// The plan.
    pub image: &'i ext4::Image,
    /// Called once for every file that has bytes, in the order of the plan.
    pub content: C,
}

impl<C: FnMut(&[u8]) -> io::Result<R>, R: Read> Root for Tree<'_, C> {
    fn size(&self) -> u64 {
        self.image.size()
    }

    fn write(self, part: &'static str, target: &mut dyn Target) -> Result<(), AssembleError> {
        self.image.write(target, self.content).map_err(|error| match error {
            Ext4Error::Write(source) => AssembleError::Write { part, source },
            source => AssembleError::Ext4 { part, source },
        })
    }
}

/// A slot whose image is there already.
#[derive(Debug)]
pub struct Finished<R> {
    /// The image's bytes.
    pub size: u64,
    /// The image.
    pub image: R,
}

impl<R: Read> Root for Finished<R> {
    fn size(&self) -> u64 {
        self.size
    }

    fn write(mut self, part: &'static str, target: &mut dyn Target) -> Result<(), AssembleError> {
        let mut piece = vec![0; PIECE as usize];
        let mut at = 0;
        while at < self.size {
            let length = (self.size - at).min(PIECE) as usize;
            self.image.read_exact(&mut piece[..length]).map_err(AssembleError::Read)?;
            target.put(at, &piece[..length]).map_err(|source| AssembleError::Write { part, source })?;
            at += length as u64;
        }
        Ok(())
    }
}
