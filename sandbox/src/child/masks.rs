//! What `/proc` tells of the machine, and what root could change of it there.

use super::root::{attach, clone_mount};
use crate::Step;
use crate::sys::{READ_ONLY, restrict};
use crate::wire::Failed;
use rustix::fd::AsFd;
use rustix::mount::OpenTreeFlags;
use std::io;
use std::path::Path;

/// Read as empty: they tell machines apart, or give away what is the kernel's.
const EMPTY: [&str; 12] = [
    "/proc/cpuinfo",
    "/proc/version",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/keys",
    "/proc/key-users",
    "/proc/kmsg",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
    "/proc/cmdline",
];
/// Cannot be written: they belong to the machine's root, and so to a root without a user namespace.
const FIXED: [&str; 6] = ["/proc/acpi", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/scsi", "/proc/sys"];

/// Covers both kinds. A kernel need not have all of them.
pub(super) fn hide() -> Result<(), Failed> {
    EMPTY.iter().try_for_each(|path| cover(path, Path::new("/dev/null"), OpenTreeFlags::empty()))?;
    FIXED.iter().try_for_each(|path| cover(path, Path::new(path), OpenTreeFlags::AT_RECURSIVE))
}

fn cover(path: &str, with: &Path, flags: OpenTreeFlags) -> Result<(), Failed> {
    if !Path::new(path).exists() {
        return Ok(());
    }
    let put = || {
        let mount = clone_mount(with, flags)?;
        restrict(mount.as_fd(), READ_ONLY, true)?;
        attach(&mount, Path::new(path))
    };
    put().map_err(|error: io::Error| Step::Mask.failed_on(path)(error))
}
