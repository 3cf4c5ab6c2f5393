//! Why there is no disk.

use gabion_disk::grub::{ConfigError, EnvironmentError};
use gabion_disk::{AssembleError, BiosError, Ext4Error, LayoutError};

/// Why there is no disk.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The partitions do not fit.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// GRUB's images do not fit.
    #[error(transparent)]
    Bios(#[from] BiosError),
    /// GRUB cannot be told what it needs.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// GRUB's environment cannot be written.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The files do not fit into a slot.
    #[error("the slot cannot be made")]
    Slot(#[from] Ext4Error),
    /// The disk could not be written.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// A system that does not start.
    #[error("the system has no `/{path}`")]
    Missing {
        /// What is not there.
        path: String,
        /// The package that brings it.
        package: &'static str,
    },
}

impl DiskError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Layout(error) => error.code(),
            Self::Bios(error) => error.code(),
            Self::Config(error) => error.code(),
            Self::Environment(error) => error.code(),
            Self::Slot(error) => error.code(),
            Self::Assemble(error) => error.code(),
            Self::Missing { .. } => "E1106",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Layout(error) => error.help(),
            Self::Bios(error) => error.help(),
            Self::Config(error) => error.help(),
            Self::Environment(error) => error.help(),
            Self::Slot(error) => error.help(),
            Self::Assemble(error) => error.help(),
            Self::Missing { package, .. } => Some(format!("add `{package}` to the packages of the system")),
        }
    }
}
