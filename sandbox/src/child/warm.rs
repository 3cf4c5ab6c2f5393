//! A process of this program that waits, and splits for each run: a program's start costs more than most scripts.
//!
//! It is started with the first run, and ends with the process that it belongs to. For each run it is handed three
//! descriptors, and its child becomes the *outer* process of that run.
//!
//! # Invariants
//! - It has one thread, and nothing of a run reaches it: what is to be done is read by the child.
//! - The life line of a run is open as long as its outer process lives, and nowhere else: where it ends, everything of the
//!   run is dead.

use super::{fail, leave, outer_of, start_as, take_control};
use crate::error::SandboxError;
use crate::sys::{self, Forked};
use crate::wire::Control;
use crate::{Step, Work};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use rustix::process::{WaitOptions, wait};
use std::io::{self, IoSlice, IoSliceMut, PipeReader, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

/// Name under which this program is started again.
pub(super) const NAME: &str = "gabion: sandboxes";

/// Descriptors that are handed over: what is said, the log, and the life line.
const HANDED: usize = 3;

/// The process that waits, once there is one.
static WAITING: Mutex<Option<Control>> = Mutex::new(None);

/// A run that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    /// What is said.
    pub(crate) control: Control,
    life: PipeReader,
}

impl Begun {
    /// Waits until everything of it is dead.
    pub(crate) fn wait(&mut self) {
        let _end = self.life.read(&mut [0]);
    }
}

/// Lets the process that waits become one more sandbox, whose log is `output`.
pub(crate) fn begin(output: &impl AsFd) -> Result<Begun, SandboxError> {
    let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(warm) = &*waiting
        && let Ok(begun) = hand_over(warm, output)
    {
        return Ok(begun);
    }
    let (child, control) = start_as(NAME, Stdio::null())?;
    // It ends with us; until then nobody waits for it.
    drop(child);
    let begun = hand_over(waiting.insert(control), output).map_err(SandboxError::Start);
    if begun.is_err() {
        *waiting = None;
    }
    begun
}

fn hand_over(warm: &Control, output: &impl AsFd) -> io::Result<Begun> {
    let (control, theirs) = Control::pair()?;
    let (life, their_life) = io::pipe()?;
    let handed = [theirs.as_fd(), output.as_fd(), their_life.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(HANDED))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&handed));
    loop {
        match sendmsg(warm.stream(), &[IoSlice::new(&[0])], &mut ancillary, SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            sent => return Ok(sent.map(|_| Begun { control, life })?),
        }
    }
}

/// Waits, and splits, until whom it belongs to is gone.
pub(super) fn main(workers: &[(&str, Work)]) -> i32 {
    let Ok(control) = take_control() else { return 1 };
    if leave().is_err() {
        return 1;
    }
    loop {
        let [job, output, life] = match receive(control.stream()) {
            Ok(Some(handed)) => handed,
            Ok(None) => return 0,
            Err(_) => return 1,
        };
        let job = Control::new(UnixStream::from(job));
        match sys::fork() {
            Ok(Forked::Child) => {
                drop(control);
                return match rustix::stdio::dup2_stdout(output) {
                    Ok(()) => outer_of(&job, Some(life), workers),
                    Err(error) => fail(&job, Step::Leave.failed()(error)),
                };
            }
            Ok(Forked::Parent(_)) => {}
            Err(error) => drop(fail(&job, Step::Fork.failed()(error))),
        }
        // Who asked learns from the life line how a run ends; here it must not stay in the table of processes.
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}

/// The descriptors of the next run; nothing at the end.
fn receive(from: &UnixStream) -> io::Result<Option<[OwnedFd; HANDED]>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(HANDED))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let received = loop {
        match recvmsg(from, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            received => break received?,
        }
    };
    if received.bytes == 0 {
        return Ok(None);
    }
    let handed: Vec<OwnedFd> = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    let whole = !received.flags.contains(ReturnFlags::CTRUNC);
    handed.try_into().ok().filter(|_| whole).map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
}
