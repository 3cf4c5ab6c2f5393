//! This program, started again: three processes between the caller and what runs.
//!
//! *Outer* makes the namespaces; *init* is the first process of the new process namespace: it sets up what is
//! to be seen, reaps, and takes everything with it when it ends; *inner* is the function or the program. Without
//! namespaces outer and init are one.

mod confine;
mod filter;
mod init;
mod masks;
mod program;
mod root;
mod warm;
mod work;

pub(crate) use warm::{Begun, begin as begin_run};
pub(crate) use work::{IDS_WORK, TRY_IDS};

use crate::error::SandboxError;
use crate::spec::{Identity, Spec};
use crate::sys::{self, Forked};
use crate::tier::Walls;
use crate::wire::{Control, Failed, Job, Message};
use crate::{Step, ids};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, getegid, geteuid, setsid, waitpid};
use rustix::thread::UnshareFlags;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

/// Name under which this program is started again. Nobody gains anything by using it: it takes no right that the
/// user does not have.
const NAME: &str = "gabion: sandbox";

/// A function that a [`crate::Worker`] can run: takes its input, writes its output, refuses in words.
pub type Work = fn(input: &[u8], output: &mut dyn Write) -> Result<(), String>;

/// Whether [`dispatch`] was called: a program that does not would begin anew instead of becoming a sandbox.
static DISPATCHES: AtomicBool = AtomicBool::new(false);

/// Takes the process over if it is one of a sandbox, and then does not return. The first call of `main`, before there
/// is a second thread; `workers` are all functions that a [`crate::Worker`] may run, by name.
pub fn dispatch(workers: &[(&str, Work)]) {
    DISPATCHES.store(true, Ordering::Relaxed);
    match std::env::args_os().next() {
        Some(name) if name == NAME => std::process::exit(outer(workers)),
        Some(name) if name == warm::NAME => std::process::exit(warm::main(workers)),
        _ => {}
    }
}

/// Starts this program again, as one of a sandbox.
pub(crate) fn start(output: Stdio) -> Result<(Child, Control), SandboxError> {
    start_as(NAME, output)
}

fn start_as(name: &str, output: Stdio) -> Result<(Child, Control), SandboxError> {
    if DISPATCHES.load(Ordering::Relaxed) {
        start_again(name, output).map_err(SandboxError::Start)
    } else {
        Err(SandboxError::NoDispatch)
    }
}

fn start_again(name: &str, output: Stdio) -> io::Result<(Child, Control)> {
    let (control, theirs) = Control::pair()?;
    let child = Command::new("/proc/self/exe")
        .arg0(name)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(output)
        .stderr(Stdio::null())
        .spawn()?;
    Ok((child, control))
}

/// Takes the socket from standard input; nothing else that the caller had open is left.
fn take_control() -> io::Result<Control> {
    sys::close_inherited()?;
    Ok(Control::new(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?)))
}

/// Leaves the caller's terminal, signals and working directory.
fn leave() -> io::Result<()> {
    sys::default_signals();
    let null = fs_err::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    setsid()?;
    Ok(rustix::process::chdir("/")?)
}

fn outer(workers: &[(&str, Work)]) -> i32 {
    take_control().map_or(1, |control| outer_of(&control, None, workers))
}

/// Becomes the outer process of a job; `life` is open as long as it lives, and it ends when everything of it is dead.
fn outer_of(control: &Control, life: Option<OwnedFd>, workers: &[(&str, Work)]) -> i32 {
    let job = match begin(control) {
        Ok(job) => job,
        Err(failed) => return fail(control, failed),
    };
    if !init::has_namespaces(&job) {
        // There is no process namespace to be the first one in. What it starts loses the life line by `exec`.
        return init::main(&job, control, workers);
    }
    match sys::fork() {
        Err(error) => fail(control, Step::Fork.failed()(error)),
        Ok(Forked::Child) => {
            drop(life);
            init::main(&job, control, workers)
        }
        Ok(Forked::Parent(init)) => {
            wait_for(init);
            drop(life);
            0
        }
    }
}

/// Hears what is to be done, and makes the namespaces for it.
fn begin(control: &Control) -> Result<Job, Failed> {
    leave().map_err(Step::Leave.failed())?;
    let job = receive(control)?;
    separate(&job, control)?;
    Ok(job)
}

fn fail(control: &Control, failed: Failed) -> i32 {
    control.fail(failed);
    1
}

fn receive<T: serde::de::DeserializeOwned>(control: &Control) -> Result<T, Failed> {
    let lost = || Step::Input.failed()(io::Error::from(Errno::PIPE));
    control.receive().map_err(Step::Input.failed())?.ok_or_else(lost)
}

/// Waits until a process, and with an init everything below it, is dead.
fn wait_for(process: Pid) {
    while let Err(Errno::INTR) = waitpid(Some(process), WaitOptions::empty()) {}
}

/// Makes the namespaces; from the next `fork` on processes are in them.
fn separate(job: &Job, control: &Control) -> Result<(), Failed> {
    match job {
        Job::Work { mapped: true, .. } => {
            sys::unshare(UnshareFlags::NEWUSER).map_err(Step::UserNamespace.failed())?;
            control.send(&Message::Unshared).map_err(Step::Ids.failed())?;
            receive::<()>(control)?;
        }
        Job::Run { walls: Walls::Rules | Walls::Nothing, .. } => return Ok(()),
        Job::Run { spec, .. } if spec.identity == Identity::Single => map_single()?,
        Job::Work { .. } | Job::Run { .. } => {}
    }
    let all = UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    sys::unshare(all).map_err(Step::Namespaces.failed())
}

/// A user namespace with one user and one group (`user_namespaces(7)`: whoever makes it may map its own ids, and must
/// give up setgroups(2) before).
fn map_single() -> Result<(), Failed> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    // Only root can give its groups up; those of others are seen inside, as nobody's.
    let _kept = rustix::thread::set_thread_groups(&[]);
    sys::unshare(UnshareFlags::NEWUSER).map_err(Step::UserNamespace.failed())?;
    let maps = [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{} {uid} 1", Spec::UID)),
        ("gid_map", format!("{} {gid} 1", Spec::GID)),
    ];
    maps.into_iter().try_for_each(|(name, text)| {
        let written = fs_err::write(format!("/proc/self/{name}"), text);
        written.map_err(Step::Ids.failed_on(name))
    })
}

/// Takes the ids of root in a namespace with many.
fn become_root() -> io::Result<()> {
    use rustix::process::{Gid, Uid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
    set_thread_groups(&[])?;
    set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT)?;
    set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)?;
    Ok(())
}

const _: () = assert!(ids::COUNT > Spec::UID);

#[cfg(test)]
mod tests {
    use crate::{Identity, Root, SandboxError, Spec, run};

    /// The harness of these tests calls no `dispatch`: were it started again, it would run all tests again, and so on.
    #[test]
    fn a_program_that_does_not_dispatch_is_not_started_again() {
        let spec = Spec::new(Root::Tree { path: "/tmp".into() }, Identity::Single, "/bin/true");
        assert!(matches!(run(&spec), Err(SandboxError::NoDispatch)));
    }
}
