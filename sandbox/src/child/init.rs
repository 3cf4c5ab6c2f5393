//! The first process of a process namespace: when it ends, the kernel kills every other one.

use super::{fail, program, root, work};
use crate::spec::End;
use crate::sys::{self, Forked};
use crate::tier::Walls;
use crate::wire::{Control, Failed, Job, Message};
use crate::{Step, Work};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, pidfd_open, wait};

/// Sets up, starts the inner process, and stays until it or the parent is gone.
pub(super) fn main(job: &Job, control: &Control, workers: &[(&str, Work)]) -> i32 {
    let started = set_up(job).and_then(|()| {
        let forked = sys::fork().map_err(Step::Fork.failed())?;
        let Forked::Parent(inner) = forked else { std::process::exit(inner(job, control, workers)) };
        let watch = pidfd_open(inner, PidfdFlags::empty()).map_err(Step::Fork.failed())?;
        Ok((inner, watch))
    });
    let end = match started {
        Err(failed) => return fail(control, failed),
        Ok((inner, watch)) => stay(inner, &watch, control),
    };
    if !has_namespaces(job) {
        bury();
    }
    if let Some(end) = end {
        let _gone = control.send(&Message::Ended(end));
    }
    0
}

pub(super) fn has_namespaces(job: &Job) -> bool {
    !matches!(job, Job::Run { walls: Walls::Rules | Walls::Nothing, .. })
}

fn inner(job: &Job, control: &Control, workers: &[(&str, Work)]) -> i32 {
    match job {
        Job::Work { name, .. } => work::main(name, control, workers),
        Job::Run { spec, walls, dry } => program::main(spec, *walls, *dry, control),
    }
}

fn set_up(job: &Job) -> Result<(), Failed> {
    // Should the outer process be killed from outside, nothing below it is left.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(Step::Fork.failed())?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    if !has_namespaces(job) {
        // What is left behind comes to us, and `bury` finds it.
        return rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .map_err(Step::Fork.failed());
    }
    rustix::system::sethostname(b"localhost").map_err(Step::HostName.failed())?;
    rustix::system::setdomainname(b"(none)").map_err(Step::HostName.failed())?;
    sys::loopback_up().map_err(Step::Loopback.failed())?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(Step::Mounts.failed())?;
    match job {
        Job::Work { .. } => work::set_up(),
        Job::Run { spec, .. } => root::set_up(spec),
    }
}

/// Kills everything below, which a process namespace would do by ending: children, then what becomes a child by that.
fn bury() {
    loop {
        let children = fs_err::read_to_string("/proc/thread-self/children").unwrap_or_default();
        for child in children.split(' ').filter_map(|pid| Pid::from_raw(pid.parse().ok()?)) {
            let _dead = rustix::process::kill_process(child, Signal::KILL);
        }
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// Reaps until the inner process has ended; nothing where the parent goes first.
fn stay(inner: Pid, watch: &OwnedFd, control: &Control) -> Option<End> {
    loop {
        let line = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        let mut both = [PollFd::new(watch, PollFlags::IN), PollFd::new(control.stream(), line)];
        // Orphans that ended meanwhile are reaped once a second.
        let second = Timespec { tv_sec: 1, tv_nsec: 0 };
        match poll(&mut both, Some(&second)) {
            Err(Errno::INTR) => continue,
            Err(_) => return None,
            Ok(_) => {}
        }
        if both[1].revents().intersects(line) {
            return None;
        }
        if let Some(end) = reap(inner) {
            return Some(end);
        }
    }
}

/// Reaps every process that has ended; tells how the inner one did.
fn reap(inner: Pid) -> Option<End> {
    while let Ok(Some((process, status))) = wait(WaitOptions::NOHANG) {
        if process == inner {
            return Some(end(status));
        }
    }
    None
}

fn end(status: WaitStatus) -> End {
    let signal = || End::Signalled(status.terminating_signal().unwrap_or_default());
    status.exit_status().map_or_else(signal, End::Exited)
}
