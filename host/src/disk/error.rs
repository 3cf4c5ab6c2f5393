//! Why a disk is not written.

use std::io;

/// Why a disk is not written. Nothing was, unless the variant says so.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// Something about this machine cannot be read.
    #[error("could not read `{path}`")]
    Facts {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// No disk is what was asked for.
    #[error("no disk is `{wanted}`")]
    NoDisk {
        /// What was asked for.
        wanted: String,
        /// The disks that there are, one a line.
        there: String,
    },
    /// Several are.
    #[error("several disks are `{wanted}`")]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// Those disks, one a line.
        found: String,
    },
    /// A name that another start may give to another disk, and nothing besides.
    #[error("`{name}` may be another disk after the next start")]
    NameAlone {
        /// The name.
        name: String,
        /// What it is.
        disk: String,
        /// What could be said of it.
        say: String,
    },
    /// The disk is not what was said of it.
    #[error("`{disk}` is not `{said}`: it is `{found}`")]
    OtherDisk {
        /// The disk.
        disk: String,
        /// What was said.
        said: String,
        /// What it is.
        found: String,
    },
    /// The running system lies on it.
    #[error("the running system lies on `{disk}`")]
    Running {
        /// The disk.
        disk: String,
    },
    /// It is mounted or used otherwise.
    #[error("`{disk}` is in use: {by}")]
    InUse {
        /// The disk.
        disk: String,
        /// Where it is mounted, or what uses it.
        by: String,
    },
    /// It cannot be written.
    #[error("`{disk}` can only be read")]
    ReadOnly {
        /// The disk.
        disk: String,
    },
    /// Its sectors are not those of the image.
    #[error("`{disk}` has sectors of {sector} bytes, and the image has 512")]
    Sectors {
        /// The disk.
        disk: String,
        /// Bytes of a sector.
        sector: u64,
    },
    /// It is too small.
    #[error("`{disk}` has {missing} bytes less than the {needed} of the image")]
    Small {
        /// The disk.
        disk: String,
        /// What is missing.
        missing: u64,
        /// What is needed.
        needed: u64,
    },
    /// The image is for another machine.
    #[error("the image is for `{image}`, and this machine is `{machine}`")]
    Architecture {
        /// The image's.
        image: String,
        /// The machine's.
        machine: String,
    },
    /// Something is on the disk, and nobody said that it may go.
    #[error("`{disk}` is not empty")]
    NotEmpty {
        /// The disk.
        disk: String,
        /// What is on it.
        content: String,
        /// What must be said.
        say: String,
    },
    /// The image is not one of two slots.
    #[error("the image is no disk of two slots: {0}")]
    Image(String),
    /// The image cannot be had. What was written so far is compared by the next run and not written again.
    #[error("the image cannot be read to its end")]
    Source(#[source] io::Error),
    /// The disk cannot be read or written.
    #[error("could not {what} `{disk}` at byte {offset}")]
    Device {
        /// What was tried.
        what: &'static str,
        /// The disk.
        disk: String,
        /// Where.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// What was read back is not what was written.
    #[error("`{disk}` gives back other bytes than were written, in the {length} bytes at {offset}")]
    ReadBack {
        /// The disk.
        disk: String,
        /// Where the piece begins.
        offset: u64,
        /// How long it is.
        length: u64,
    },
    /// GRUB's environment is not there or damaged.
    #[error("`{disk}` has no environment of GRUB that can be written: {message}")]
    Environment {
        /// The disk.
        disk: String,
        /// What is wrong.
        message: String,
    },
    /// A program of the rescue system is missing.
    #[error("`{program}` is not installed here")]
    Program {
        /// The program.
        program: &'static str,
        /// The package that has it.
        package: &'static str,
    },
    /// A program of the rescue system failed.
    #[error("`{command}` failed: {message}")]
    Failed {
        /// The command.
        command: String,
        /// What it said.
        message: String,
    },
    /// The kernel does not show a partition.
    #[error("the kernel does not show the partition `{label}` of `{disk}`")]
    Partition {
        /// The disk.
        disk: String,
        /// The partition.
        label: String,
    },
    /// Something cannot be mounted, or not unmounted.
    #[error("could not {what} `{at}`")]
    Mount {
        /// What was tried.
        what: &'static str,
        /// Where.
        at: String,
        /// Why.
        source: io::Error,
    },
    /// No way to the outside was found.
    #[error("no network interface of this machine has a default route")]
    NoRoute,
    /// A file of the network that is none.
    #[error("`{path}` is no file of systemd-networkd: {message}")]
    Network {
        /// The file.
        path: String,
        /// Why.
        message: String,
    },
}

impl DiskError {
    /// An error of a device.
    pub(crate) fn device(what: &'static str, disk: &str, offset: u64, source: io::Error) -> Self {
        Self::Device { what, disk: disk.to_owned(), offset, source }
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Facts { .. } => "E0650",
            Self::NoDisk { .. } | Self::Ambiguous { .. } | Self::NameAlone { .. } => "E0651",
            Self::OtherDisk { .. } => "E0652",
            Self::Running { .. } => "E0653",
            Self::InUse { .. } => "E0654",
            Self::ReadOnly { .. } | Self::Sectors { .. } => "E0655",
            Self::Small { .. } => "E0656",
            Self::Architecture { .. } => "E0657",
            Self::NotEmpty { .. } => "E0658",
            Self::Image(_) => "E0659",
            Self::Source(_) => "E0660",
            Self::Device { .. } => "E0661",
            Self::ReadBack { .. } => "E0662",
            Self::Environment { .. } => "E0663",
            Self::Program { .. } => "E0664",
            Self::Failed { .. } => "E0665",
            Self::Partition { .. } => "E0666",
            Self::Mount { .. } => "E0667",
            Self::NoRoute => "E0668",
            Self::Network { .. } => "E0669",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NoDisk { there, .. } => format!("there are\n{there}"),
            Self::Ambiguous { found, .. } => {
                format!("name one by `/dev/disk/by-id/…` or `serial:…`; found were\n{found}")
            }
            Self::NameAlone { disk, say, .. } => {
                format!("it is {disk}; if that is the one, add `--must {say}`")
            }
            Self::OtherDisk { .. } => "nothing was written; look at the disks with `host facts`".to_owned(),
            Self::Running { .. } => {
                "start a rescue system, and install from there; a running host is updated in place".to_owned()
            }
            Self::InUse { .. } => {
                "unmount it or stop what uses it, and run the same command again".to_owned()
            }
            Self::Small { .. } => {
                "nothing was written; take a larger disk, or a recipe with smaller partitions".to_owned()
            }
            Self::NotEmpty { content, say, .. } => {
                format!("it has {content}; if all of that may go, add `--erase {say}`")
            }
            Self::Source(_) | Self::Failed { .. } => {
                "run the same command again: it goes on where this one ended".to_owned()
            }
            Self::Device { .. } | Self::ReadBack { .. } => {
                "the disk may be failing; the same command, run again, compares everything once more"
                    .to_owned()
            }
            Self::Environment { .. } => "install the whole disk anew, with `--erase`".to_owned(),
            Self::Program { package, .. } => {
                format!("install the package `{package}` here, and run the same command again")
            }
            Self::Partition { .. } => {
                "start the rescue system again, and run the same command again".to_owned()
            }
            Self::NoRoute => "give the file of the network with `--network FILE`".to_owned(),
            Self::Facts { .. }
            | Self::ReadOnly { .. }
            | Self::Sectors { .. }
            | Self::Architecture { .. }
            | Self::Image(_)
            | Self::Mount { .. }
            | Self::Network { .. } => return None,
        })
    }

    /// Whether bytes were not what they must be, rather than the machine failing.
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::ReadBack { .. } => true,
            Self::Source(source) => {
                matches!(source.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
            }
            _ => false,
        }
    }
}
