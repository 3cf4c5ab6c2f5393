//! A function of this program in namespaces of its own, as their root.
//!
//! # Invariants
//! - The worker dies with its parent, and everything below it with the worker: it is the end of a socket and a
//!   process namespace that say so, not a signal that can come too late.
//! - What it mounts is seen by nobody else; it has no network, no variable of the caller's, and umask 022.
//! - It sees the files of the machine as they are: what it may touch is its own code's concern.

use crate::child;
use crate::error::SandboxError;
use crate::ids::Ids;
use crate::spec::End;
use crate::wire::{Control, Job, Message, Said};
use rustix::process::Pid;
use std::io::{self, Read};
use std::process::{Child, ChildStdout, Stdio};

/// A running worker. Dropping it ends it and everything below.
#[derive(Debug)]
pub struct Worker {
    name: String,
    child: Child,
    control: Control,
    output: Option<ChildStdout>,
}

impl Worker {
    /// Starts the function that [`crate::dispatch`] knows as `name`, with `input`, as root of new namespaces (user unless
    /// the caller is root, mount, process, network, IPC, host name). Returns when they are there and it has its input.
    pub fn spawn(name: &str, input: &[u8], ids: &Ids) -> Result<Self, SandboxError> {
        let (mut child, control) = child::start(Stdio::piped())?;
        let output = child.stdout.take();
        let worker = Self { name: name.to_owned(), child, control, output };
        worker.tell(&Job::<(), _>::Work { name, mapped: ids.mapped() })?;
        if ids.mapped() {
            worker.await_message(|message| matches!(message, Message::Unshared))?;
            ids.map(Pid::from_child(&worker.child))?;
            worker.tell(&())?;
        }
        worker.await_message(|message| matches!(message, Message::Ready))?;
        // Where it dies before it has read everything, `finish` tells how.
        let _died = worker.control.send_bytes(input);
        Ok(worker)
    }

    /// What the function writes, while it writes it. At its end [`Worker::finish`] tells whether that was all.
    pub fn output(&mut self) -> impl Read + '_ {
        Output(self.output.as_mut())
    }

    /// Waits for the end: an error where the function refused, panicked or was killed.
    pub fn finish(mut self) -> Result<(), SandboxError> {
        drop(self.output.take());
        match self.hear_out()? {
            (End::Exited(0), _) => Ok(()),
            (_, Some(message)) => Err(SandboxError::Refused { name: self.name.clone(), message }),
            (end, None) => Err(SandboxError::Died { name: self.name.clone(), end }),
        }
    }

    fn tell(&self, value: &impl serde::Serialize) -> Result<(), SandboxError> {
        match self.control.send(value) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.hear_out().and(Err(SandboxError::Lost))
            }
            Err(error) => Err(SandboxError::Start(error)),
        }
    }

    /// Waits for one message; where it does not come, tells why.
    fn await_message(&self, wanted: impl Fn(&Message) -> bool) -> Result<(), SandboxError> {
        let mut said = Said::default();
        while let Some(message) = self.control.receive().map_err(SandboxError::Start)? {
            if wanted(&message) {
                return Ok(());
            }
            said.hear(message);
        }
        said.end().and(Err(SandboxError::Lost))
    }

    fn hear_out(&self) -> Result<(End, Option<String>), SandboxError> {
        let mut said = Said::default();
        while let Some(message) = self.control.receive().map_err(SandboxError::Start)? {
            said.hear(message);
        }
        said.end()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.control.cut();
        // A reader that is gone ends a writer; a process namespace that ends takes everything with it.
        drop(self.output.take());
        let _ended = self.child.wait();
    }
}

/// Output of a worker; nothing once it is taken away.
struct Output<'a>(Option<&'a mut ChildStdout>);

impl Read for Output<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(0), |output| output.read(buffer))
    }
}
