//! GRUB: which slot a host starts from, and what its images are made of.
//!
//! Both firmwares read one configuration and one environment on the EFI system partition. The environment says which
//! slot is confirmed and which one is to be tried once; the configuration forgets the trial on the disk *before* it
//! starts it, so that a host which loses its power in between comes back with the confirmed slot.
//!
//! It runs no program: the images are made elsewhere, by `grub-mkimage` with [`Platform::arguments`].

mod config;
mod environment;

pub use config::{Config, ConfigError, DEFAULT_PARAMETERS};
pub use environment::{Environment, EnvironmentError};

/// The folder of configuration and environment on the EFI system partition.
pub const FOLDER: &str = "grub";
/// The configuration, as a path on the EFI system partition.
pub const CONFIG_PATH: &str = "grub/grub.cfg";
/// The environment, as a path on the EFI system partition.
pub const ENVIRONMENT_PATH: &str = "grub/grubenv";
/// What UEFI starts where no boot entry says otherwise (UEFI 2.10, 3.5.1.1), as a path there.
pub const EFI_PATH: &str = "EFI/BOOT/BOOTX64.EFI";

/// What GRUB is started by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// A BIOS.
    Bios,
    /// UEFI on x86-64.
    Efi,
}

/// What the configuration uses, on both platforms. No module is loaded from a disk: the images hold all.
const MODULES: [&str; 17] = [
    "configfile",
    "echo",
    "ext2",
    "fat",
    "halt",
    "linux",
    "loadenv",
    "minicmd",
    "normal",
    "part_gpt",
    "reboot",
    "regexp",
    "search",
    "serial",
    "sleep",
    "terminal",
    "test",
];

impl Platform {
    /// Its name at GRUB: the folder of its modules, and the format of `grub-mkimage`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bios => "i386-pc",
            Self::Efi => "x86_64-efi",
        }
    }

    /// The modules that the image needs. `linuxefi` exists in Ubuntu's and Debian's GRUB, whose `linux` loads it;
    /// GRUB itself has none, so it is taken only where `has` finds it in the folder.
    pub fn modules(self, has: impl Fn(&str) -> bool) -> Vec<&'static str> {
        let own: &[&str] = match self {
            Self::Bios => &["biosdisk", "vga_text"],
            Self::Efi => &["all_video", "efi_gop", "linuxefi"],
        };
        let own = own.iter().filter(|name| **name != "linuxefi" || has(name));
        let mut modules: Vec<&str> = MODULES.iter().chain(own).copied().collect();
        modules.sort_unstable();
        modules
    }

    /// What `grub-mkimage` is called with to make the image `output` of the modules in `folder`. The prefix begins
    /// with a comma: the disk is the one that GRUB was started from (GRUB's `kern/main.c`, `grub_set_prefix_and_root`).
    pub fn arguments(self, folder: &str, output: &str, has: impl Fn(&str) -> bool) -> Vec<String> {
        let prefix = format!("(,gpt{})/{FOLDER}", crate::Role::Esp.number());
        let fixed =
            ["--format", self.as_str(), "--directory", folder, "--prefix", &prefix, "--output", output];
        fixed.into_iter().chain(self.modules(has)).map(str::to_owned).collect()
    }
}
