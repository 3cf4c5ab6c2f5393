//! The calls of Linux that `rustix` does not offer as safe functions. The only module with `unsafe`.
//!
//! # Invariants
//! - Everything here runs in a process that [`crate::dispatch`] took over, before it has a second thread.
//! - No function keeps a pointer longer than its call.

use rustix::fd::{AsFd, AsRawFd, BorrowedFd};
use rustix::io::Errno;
use rustix::process::Pid;
use rustix::thread::UnshareFlags;
use std::io;

/// Which process one is after [`fork`].
#[derive(Debug)]
pub(crate) enum Forked {
    /// The new one.
    Child,
    /// The old one, and who the new one is.
    Parent(Pid),
}

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Splits this process (fork(2)).
#[expect(unsafe_code, reason = "the process has one thread, so no lock is left held in the child")]
pub(crate) fn fork() -> io::Result<Forked> {
    // SAFETY: `dispatch` runs first in `main`: there is no other thread whose state the child would miss.
    let pid = check(libc::c_long::from(unsafe { libc::fork() }))?;
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    Ok(pid.map_or(Forked::Child, Forked::Parent))
}

/// Leaves namespaces of the parent (unshare(2)).
#[expect(
    unsafe_code,
    reason = "`CLONE_FILES` would pull descriptors from under other threads: there are none"
)]
pub(crate) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: no caller passes `CLONE_FILES`, and the process has one thread.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(Into::into)
}

/// Closes every descriptor but the three standard ones (`close_range(2)`).
#[expect(unsafe_code, reason = "it closes descriptors by number")]
pub(crate) fn close_inherited() -> io::Result<()> {
    // SAFETY: this is the first act of the process: nothing in it owns a descriptor above 2 yet.
    check(unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) }).map(drop)
}

/// Gives every signal its default action: a program sees nothing of the caller's. SIGPIPE is left as the standard
/// library has it, ignored here and back at its default on `exec`.
#[expect(unsafe_code, reason = "signal(2) of the C library leaves its own two signals as they are: ignored")]
pub(crate) fn default_signals() {
    // What the kernel takes as `SIG_DFL`, without flags, with an empty mask.
    let default = [0_u64; 4];
    for signal in (1..=64).filter(|signal| *signal != libc::SIGPIPE) {
        // SAFETY: the kernel reads no more than its `struct sigaction`, 32 bytes at most. For SIGKILL and SIGSTOP the
        // call fails and changes nothing.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), 0_usize, 8_usize) };
    }
}

/// Lays programs out at the same addresses in every run (personality(2)).
#[expect(unsafe_code, reason = "personality(2) is not in rustix")]
pub(crate) fn fixed_addresses() -> io::Result<()> {
    // SAFETY: the call takes a number and changes how later programs are laid out.
    check(libc::c_long::from(unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) }))
        .map(drop)
}

/// What a mount forbids.
pub(crate) const QUIET: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
/// What a mount of `/dev/null` over a file forbids: not to open it, which is what reads as empty.
pub(crate) const EMPTY: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC | libc::MOUNT_ATTR_RDONLY;
/// As [`QUIET`], and writing.
pub(crate) const READ_ONLY: u64 = QUIET | libc::MOUNT_ATTR_RDONLY;

/// Sets attributes of a mount, and of all below it where `recursive` (`mount_setattr(2)`, Linux 5.12).
#[expect(unsafe_code, reason = "mount_setattr(2) is not in rustix")]
pub(crate) fn restrict(mount: BorrowedFd<'_>, attributes: u64, recursive: bool) -> io::Result<()> {
    let attr = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    let fd = mount.as_raw_fd();
    // SAFETY: the path is a constant, and `attr` lives longer than the call and is as long as is said.
    let done = unsafe {
        libc::syscall(libc::SYS_mount_setattr, fd, c"".as_ptr(), flags, &raw const attr, size_of_val(&attr))
    };
    check(done).map(drop)
}

/// Switches the interface `lo` of this network namespace on (netdevice(7)).
#[expect(unsafe_code, reason = "ioctl with a structure")]
pub(crate) fn loopback_up() -> io::Result<()> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
    // SAFETY: all zero bytes are a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: `SIOCSIFFLAGS` reads one `ifreq`, which lives longer than the call.
    let done =
        unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) };
    check(libc::c_long::from(done)).map(drop)
}

/// The error number of a failure.
pub(crate) fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(Errno::IO.raw_os_error())
}
