//! What `/proc` tells of the machine, and what root could change of it there.

use super::root::{attach, clone_mount};
use crate::Step;
use crate::sys;
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
    let nothing = |path: &&str| cover(path, "/dev/null", OpenTreeFlags::empty(), sys::EMPTY);
    let itself = |path: &&str| cover(path, path, OpenTreeFlags::AT_RECURSIVE, sys::READ_ONLY);
    EMPTY.iter().try_for_each(nothing).and_then(|()| FIXED.iter().try_for_each(itself))
}

fn cover(path: &str, with: &str, flags: OpenTreeFlags, attributes: u64) -> Result<(), Failed> {
    let path = Path::new(path);
    if !path.exists() {
        return Ok(());
    }
    let put = || {
        let mount = clone_mount(Path::new(with), flags)?;
        sys::restrict(mount.as_fd(), attributes, true)?;
        attach(&mount, path)
    };
    put().map_err(|error: io::Error| Step::Mask.failed_on(&path.display())(error))
}
