//! The inner process of a run: gives up what is not needed, and becomes the program.

use super::{confine, filter};
use crate::Step;
use crate::spec::{Identity, Root, Spec};
use crate::sys;
use crate::tier::{Tier, Walls};
use crate::wire::{Control, Failed, Message};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CpuSet};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// What root of a worker keeps: what unpacking and configuring a system takes, and nothing that reaches the machine.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::AUDIT_WRITE)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT);

/// Becomes the program; returns only where that fails, or where it is not to be started.
pub(super) fn main(spec: &Spec, walls: Walls, dry: bool, control: &Control) -> i32 {
    match prepare(spec, walls, control).and_then(|()| if dry { Ok(()) } else { exec(spec) }) {
        Ok(()) => 0,
        Err(failed) => {
            control.fail(failed);
            127
        }
    }
}

fn prepare(spec: &Spec, walls: Walls, control: &Control) -> Result<(), Failed> {
    limit(spec)?;
    let tier = give_up(spec, walls)?;
    control.send(&Message::Walled(tier)).map_err(Step::Exec.failed())
}

/// Limits that do not differ from machine to machine.
fn limit(spec: &Spec) -> Result<(), Failed> {
    let set = || {
        rustix::process::setsid()?;
        sys::fixed_addresses()?;
        at_most(Resource::Core, 0, 0)?;
        at_most(Resource::Nofile, 1024, 4096)?;
        at_most(Resource::Stack, 8 << 20, u64::MAX)?;
        if spec.one_cpu { one_cpu() } else { Ok(()) }
    };
    set().map_err(Step::Limits.failed())
}

/// Sets a limit as far as the caller's own lets us.
fn at_most(resource: Resource, current: u64, maximum: u64) -> io::Result<()> {
    let maximum = getrlimit(resource).maximum.map_or(maximum, |ours| ours.min(maximum));
    let maximum = (maximum < u64::MAX).then_some(maximum);
    let current = maximum.map_or(current, |maximum| current.min(maximum));
    Ok(setrlimit(resource, Rlimit { current: Some(current), maximum })?)
}

/// Stays on the processor where the kernel has put us.
fn one_cpu() -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(rustix::thread::sched_getcpu());
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// Gives up what is not needed, for ever; tells how far the program is walled in by that.
fn give_up(spec: &Spec, walls: Walls) -> Result<Tier, Failed> {
    let kept = if spec.identity == Identity::Inherit { KEPT } else { CapabilitySet::empty() };
    if walls != Walls::Nothing {
        drop_capabilities(kept).map_err(Step::Privileges.failed())?;
    }
    let landlock = Step::Landlock.failed();
    let tier = match (walls, &spec.root) {
        (Walls::Nothing, _) => return Ok(Tier::S0),
        (Walls::Rules, Root::Inputs { binds, out, .. }) => {
            confine::to_declared(binds, out).map_err(landlock).map(|()| Tier::S1)?
        }
        (Walls::Namespaces, Root::Inputs { out, .. }) if spec.identity == Identity::Single => {
            if confine::to_output(&out.target).map_err(landlock)? {
                Tier::S3
            } else {
                Tier::S2
            }
        }
        (Walls::Namespaces | Walls::Rules, _) => Tier::S3,
    };
    filter::install(spec.identity, tier == Tier::S1).map_err(Step::Filter.failed())?;
    if spec.no_sync {
        filter::skip_syncs().map_err(Step::Filter.failed())?;
    }
    Ok(tier)
}

/// Gives up all other capabilities for ever (capabilities(7)): no program can bring one back.
fn drop_capabilities(kept: CapabilitySet) -> io::Result<()> {
    rustix::thread::clear_ambient_capability_set()?;
    for capability in (0..63).map(|bit| CapabilitySet::from_bits_retain(1 << bit)) {
        if kept.contains(capability) {
            continue;
        }
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            // The kernel knows no capability of this number, nor of a higher one.
            Err(rustix::io::Errno::INVAL) => break,
            done => done?,
        }
    }
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// Becomes the program.
fn exec(spec: &Spec) -> Result<(), Failed> {
    let output = || io::stdout().as_fd().try_clone_to_owned().map_err(Step::Exec.failed());
    let error = Command::new(&spec.program)
        .args(&spec.args)
        .env_clear()
        .envs(&spec.env)
        .current_dir(&spec.cwd)
        .stdin(Stdio::null())
        .stdout(output()?)
        .stderr(output()?)
        .exec();
    Err(Step::Exec.failed_on(&spec.program.display())(error))
}
