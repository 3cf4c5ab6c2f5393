//! A disk that is open, and nobody else's.

use super::DiskError;
use super::facts::Disk;
use rustix::fs::{Advice, FallocateFlags, FileType, FlockOperation, Mode, OFlags};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A disk, or a file that stands for one.
#[derive(Debug)]
pub(super) struct Device {
    file: File,
    pub(super) path: String,
    pub(super) size: u64,
    is_block: bool,
}

/// Keeps udev from looking at a disk while it is changed (systemd.io, "Locking Block Device Access"), and another
/// installer from changing it.
#[derive(Debug)]
pub(super) struct DiskLock {
    _file: File,
}

impl DiskLock {
    pub(super) fn take(disk: &Disk) -> Result<Self, DiskError> {
        let file = open(&disk.path, OFlags::RDONLY)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(DiskError::InUse {
                disk: disk.path.clone(),
                by: "another program has locked it".to_owned(),
            }),
            Err(error) => Err(DiskError::device("lock", &disk.path, 0, error.into())),
        }
    }
}

fn open(path: &str, flags: OFlags) -> Result<File, DiskError> {
    let opened = rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty());
    opened.map(File::from).map_err(|error| match error {
        rustix::io::Errno::BUSY => DiskError::InUse {
            disk: path.to_owned(),
            by: "the kernel says that something uses it".to_owned(),
        },
        rustix::io::Errno::ROFS | rustix::io::Errno::ACCESS => DiskError::ReadOnly { disk: path.to_owned() },
        _ => DiskError::device("open", path, 0, error.into()),
    })
}

impl Device {
    /// Opens a disk, for reading alone or for writing too: then the kernel refuses it where any of it is mounted.
    pub(super) fn open(disk: &Disk, write: bool) -> Result<Self, DiskError> {
        let file = open(&disk.path, OFlags::RDONLY)?;
        let stat =
            rustix::fs::fstat(&file).map_err(|it| DiskError::device("open", &disk.path, 0, it.into()))?;
        let is_block = FileType::from_raw_mode(stat.st_mode).is_block_device();
        let file = match (write, is_block) {
            (false, _) => file,
            // Without a file to make, it means "by nobody else" (`open(2)`).
            (true, true) => open(&disk.path, OFlags::RDWR | OFlags::EXCL)?,
            (true, false) => open(&disk.path, OFlags::RDWR)?,
        };
        Ok(Self { file, path: disk.path.clone(), size: disk.size, is_block })
    }

    /// Opens a partition of `size` bytes for writing, where nobody has it mounted.
    pub(super) fn open_part(path: &Path, size: u64) -> Result<Self, DiskError> {
        let path = path.to_string_lossy().into_owned();
        let file = open(&path, OFlags::RDWR | OFlags::EXCL)?;
        Ok(Self { file, path, size, is_block: true })
    }

    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DiskError> {
        let read = self.file.read_exact_at(bytes, offset);
        read.map_err(|source| DiskError::device("read", &self.path, offset, source))
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let written = self.file.write_all_at(bytes, offset);
        written.map_err(|source| DiskError::device("write", &self.path, offset, source))
    }

    /// Whether these bytes stand there already.
    pub(super) fn has(&self, offset: u64, bytes: &[u8]) -> Result<bool, DiskError> {
        let mut there = vec![0; bytes.len()];
        self.read(offset, &mut there)?;
        Ok(there == bytes)
    }

    /// Makes a range zeros: without sending them where the disk can do that, and as holes in a file.
    pub(super) fn zero(&self, offset: u64, length: u64) -> Result<(), DiskError> {
        let flags = if self.is_block {
            FallocateFlags::ZERO_RANGE | FallocateFlags::KEEP_SIZE
        } else {
            FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE
        };
        if length == 0 || rustix::fs::fallocate(&self.file, flags, offset, length).is_ok() {
            return Ok(());
        }
        // Not every disk and file system knows how; one that is broken says so here.
        let zeros = vec![0; 1 << 20];
        let mut at = 0;
        while at < length {
            let size = usize::try_from(length - at).map_or(zeros.len(), |it| it.min(zeros.len()));
            self.write(offset + at, &zeros[..size])?;
            at += size as u64;
        }
        Ok(())
    }

    /// Until this is done nothing is known to be on the disk. What is read from here on comes from the disk.
    pub(super) fn sync(&self) -> Result<(), DiskError> {
        self.file.sync_all().map_err(|source| DiskError::device("sync", &self.path, 0, source))?;
        // Best effort: what stays in memory is compared there.
        let _kept = rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed);
        Ok(())
    }

    /// A part of the disk as a file of its own.
    pub(super) fn part(&self, offset: u64, size: u64) -> Part<'_> {
        Part { device: self, offset, size, at: 0 }
    }
}

/// Reads what is on the disk, not what memory keeps of it (`O_DIRECT`, open(2)); where a file system cannot do that, what was
/// told to be forgotten.
#[derive(Debug)]
pub(super) struct ReadBack<'d> {
    device: &'d Device,
    direct: Option<File>,
    buffer: Vec<u8>,
}

impl<'d> ReadBack<'d> {
    /// What `O_DIRECT` asks of the place in memory, at most.
    const ALIGNMENT: usize = 4096;

    pub(super) fn new(device: &'d Device) -> Self {
        let direct = open(&device.path, OFlags::RDONLY | OFlags::DIRECT).ok();
        Self { device, direct, buffer: Vec::new() }
    }

    /// So many bytes from this offset on.
    pub(super) fn read(&mut self, offset: u64, length: usize) -> Result<&[u8], DiskError> {
        let needed = length + Self::ALIGNMENT;
        if self.buffer.len() < needed {
            self.buffer = vec![0; needed];
        }
        let start = self.buffer.as_ptr().align_offset(Self::ALIGNMENT);
        let bytes = &mut self.buffer[start..start + length];
        let is_read = self.direct.as_ref().is_some_and(|it| it.read_exact_at(bytes, offset).is_ok());
        // A disk that fails says so here.
        if !is_read {
            self.device.read(offset, bytes)?;
        }
        Ok(bytes)
    }
}

/// Reads a part of a disk.
#[derive(Debug)]
pub(super) struct Part<'d> {
    device: &'d Device,
    offset: u64,
    size: u64,
    at: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(self.at);
        let length = usize::try_from(left).map_or(bytes.len(), |it| it.min(bytes.len()));
        let count = self.device.file.read_at(&mut bytes[..length], self.offset + self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Part<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
