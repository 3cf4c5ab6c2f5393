//! What a program sees as `/`.
//!
//! What lies outside is taken first, as mounts without a place (`open_tree(2)`, `fsmount(2)`); then the root is
//! changed; only then, and so inside it, mounts get their places. A link is no place: a tree whose `/dev` leads elsewhere
//! is refused.

use super::masks;
use crate::spec::{Bind, Root, Spec};
use crate::sys::{self, QUIET, READ_ONLY};
use crate::wire::Failed;
use crate::{Step, sys::restrict};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_string, fsmount, fsopen, move_mount, open_tree, unmount,
};
use rustix::process::{chdir, fchdir, pivot_root};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

/// The devices that a program may know: none of them tells machines apart.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Links of `/dev` (the same that udev makes).
const LINKS: [(&str, &str); 4] =
    [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")];
/// Where the new root is put together: the one folder that is surely there, and no more needed.
const STAGE: &str = "/proc";

/// What is taken from outside.
struct Taken {
    proc: OwnedFd,
    devices: Vec<(PathBuf, OwnedFd)>,
    binds: Vec<(PathBuf, OwnedFd)>,
}

pub(super) fn set_up(spec: &Spec) -> Result<(), Failed> {
    let taken = take(&spec.root)?;
    enter(&spec.root)?;
    furnish(&spec.root, &taken)?;
    masks::hide()
}

/// Takes what is needed from outside the root.
fn take(root: &Root) -> Result<Taken, Failed> {
    let device = |name: &&str| {
        let path = Path::new("/dev").join(name);
        let mount =
            clone_mount(&path, OpenTreeFlags::empty()).map_err(Step::Device.failed_on(&path.display()))?;
        Ok((path, mount))
    };
    let binds = match root {
        Root::Tree { .. } => Vec::new(),
        Root::Inputs { binds, out, .. } => {
            let inputs = binds.iter().map(|it| bind(it, READ_ONLY));
            inputs.chain([bind(out, QUIET)]).collect::<Result<_, _>>()?
        }
    };
    Ok(Taken {
        devices: DEVICES.iter().map(device).collect::<Result<_, _>>()?,
        binds,
        proc: new_proc().map_err(Step::Proc.failed())?,
    })
}

/// A new `/proc` of this process namespace. Refused where the old one is covered in parts (`mount_too_revealing` of
/// Linux' fs/namespace.c), so it is taken while that is still to be seen.
fn new_proc() -> io::Result<OwnedFd> {
    let proc = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&proc)?;
    let quiet = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    Ok(fsmount(&proc, FsMountFlags::FSMOUNT_CLOEXEC, quiet)?)
}

pub(super) fn clone_mount(path: &Path, extra: OpenTreeFlags) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | extra;
    Ok(open_tree(CWD, path, flags)?)
}

fn bind(bind: &Bind, attributes: u64) -> Result<(PathBuf, OwnedFd), Failed> {
    let take = || {
        let mount = clone_mount(&bind.source, OpenTreeFlags::AT_RECURSIVE)?;
        restrict(mount.as_fd(), attributes, true)?;
        Ok::<_, io::Error>((bind.target.clone(), mount))
    };
    take().map_err(Step::Bind.failed_on(&bind.source.display()))
}

/// Makes the root and changes to it; nothing of the old one is left.
fn enter(root: &Root) -> Result<(), Failed> {
    let stage = stage(root)?;
    let change = || {
        fchdir(&stage)?;
        // The old root lies over the new one now, and comes off.
        pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        chdir("/")
    };
    change().map_err(Step::Pivot.failed())
}

/// The new root, mounted.
fn stage(root: &Root) -> Result<OwnedFd, Failed> {
    match root {
        Root::Tree { path } => {
            let place = || {
                let tree = clone_mount(path, OpenTreeFlags::empty())?;
                restrict(tree.as_fd(), QUIET, false)?;
                attach(&tree, Path::new(STAGE))
            };
            place().map_err(Step::Root.failed_on(&path.display()))?;
        }
        Root::Inputs { .. } => tmpfs(STAGE, "0755", "16m").map_err(Step::Root.failed())?,
    }
    rustix::fs::open(STAGE, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(Step::Root.failed())
}

pub(super) fn attach(mount: &OwnedFd, place: &Path) -> io::Result<()> {
    Ok(move_mount(mount, "", CWD, place, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// A new tmpfs; a link is no place for it.
fn tmpfs(place: &str, mode: &str, size: &str) -> io::Result<()> {
    let tmpfs = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in [("mode", mode), ("size", size)] {
        fsconfig_set_string(&tmpfs, key, value)?;
    }
    fsconfig_create(&tmpfs)?;
    let quiet = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    attach(&fsmount(&tmpfs, FsMountFlags::FSMOUNT_CLOEXEC, quiet)?, Path::new(place))
}

/// Puts everything at its place.
fn furnish(root: &Root, taken: &Taken) -> Result<(), Failed> {
    if let Root::Inputs { links, .. } = root {
        for folder in ["/proc", "/dev", "/run", "/tmp", "/build"] {
            folders(Path::new(folder)).map_err(Step::Root.failed_on(folder))?;
        }
        for (link, to) in links {
            parents(link).and_then(|()| symlink(to, link)).map_err(Step::Root.failed_on(&link.display()))?;
        }
    }
    attach(&taken.proc, Path::new("/proc")).map_err(Step::Mount.failed_on("/proc"))?;
    for (place, mode, size) in [("/dev", "0755", "64m"), ("/run", "0755", "64m"), ("/tmp", "1777", "50%")] {
        tmpfs(place, mode, size).map_err(Step::Mount.failed_on(place))?;
    }
    devices(&taken.devices)?;
    if let Root::Inputs { .. } = root {
        inputs(&taken.binds)?;
    }
    Ok(())
}

fn devices(devices: &[(PathBuf, OwnedFd)]) -> Result<(), Failed> {
    for (path, device) in devices {
        let put = || fs_err::File::create(path).and_then(|_| attach(device, path));
        put().map_err(Step::Device.failed_on(&path.display()))?;
    }
    for (name, to) in LINKS {
        symlink(to, Path::new("/dev").join(name)).map_err(Step::Device.failed_on(name))?;
    }
    // Shared memory of shm_overview(7), for all.
    let shared = || {
        fs_err::create_dir("/dev/shm")?;
        Ok::<_, io::Error>(rustix::fs::chmod("/dev/shm", Mode::from_raw_mode(0o1777))?)
    };
    shared().map_err(Step::Device.failed_on("/dev/shm"))
}

/// The inputs and the output; then the root itself is closed.
fn inputs(binds: &[(PathBuf, OwnedFd)]) -> Result<(), Failed> {
    tmpfs("/build", "0755", "50%").map_err(Step::Mount.failed_on("/build"))?;
    for (target, mount) in binds {
        let put = || place_for(mount, target).and_then(|()| attach(mount, target));
        put().map_err(Step::Bind.failed_on(&target.display()))?;
    }
    let root =
        rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(Step::Root.failed())?;
    sys::restrict(root.as_fd(), READ_ONLY, false).map_err(Step::Root.failed())
}

/// A file or folder of the kind of what is mounted there.
fn place_for(mount: &OwnedFd, target: &Path) -> io::Result<()> {
    let kind = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(mount)?.st_mode);
    if kind.is_dir() {
        return folders(target);
    }
    parents(target)?;
    fs_err::OpenOptions::new().create(true).append(true).open(target).map(drop)
}

fn parents(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), folders)
}

fn folders(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(path)
}
