//! One program in a root of its own.
//!
//! # Invariants
//! - [`run`] returns only when every process of the run is dead: the end of the process namespace is waited for.
//! - Nothing of the caller reaches the program but what the [`Spec`] says.
//! - The caller may have threads: the namespaces are made in this program, started a second time.

use crate::child;
use crate::error::SandboxError;
use crate::spec::{End, Log, Outcome, Spec};
use crate::tier::{Policy, Tier, Walls};
use crate::wire::{Control, Job, Said};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Instant;

/// Runs a program to its end. `Ok` says how it ended, well or not; `Err`, why it did not run.
pub fn run(spec: &Spec) -> Result<Outcome, SandboxError> {
    spec.check()?;
    let walls: &[Walls] = match spec.policy {
        Policy::Require => &[Walls::Namespaces],
        Policy::BestEffort => &[Walls::Namespaces, Walls::Rules],
        Policy::Off => &[Walls::Nothing],
    };
    let mut denied = SandboxError::Lost;
    for walls in walls {
        match run_within(spec, *walls, false) {
            Err(error @ SandboxError::Denied(_)) => denied = error,
            result => return result,
        }
    }
    Err(denied)
}

/// Runs a program within these walls and no others; `dry`, only up to its start.
pub(crate) fn run_within(spec: &Spec, walls: Walls, dry: bool) -> Result<Outcome, SandboxError> {
    if walls != Walls::Namespaces {
        spec.check_without_namespaces()?;
    }
    let deadline = spec.time_out.map(|limit| Instant::now() + limit);
    let (keep, output) = match &spec.log {
        Log::Keep(bytes) => (*bytes, Stdio::piped()),
        Log::File(file) => (0, file.try_clone().map_err(SandboxError::Log)?.into()),
    };
    let (child, control) = child::start(output).map_err(SandboxError::Start)?;
    let mut running = Running { child, control };
    let output = running.child.stdout.take();
    // Where it cannot be told what to do, it says why, or is lost.
    let _lost = running.control.send(&Job::<_, ()>::Run { spec, walls, dry });
    std::thread::scope(|scope| {
        let log = scope.spawn(|| tail(output, keep));
        let ended = running.wait(deadline);
        let log = log.join().unwrap_or_else(|_| Err(io::Error::other("the reader panicked")));
        let ((end, tier), (log, cut)) = (ended?, log.map_err(SandboxError::Log)?);
        Ok(Outcome { end, tier, log, cut })
    })
}

/// A run; everything below it is dead when the value is gone.
struct Running {
    child: Child,
    control: Control,
}

impl Running {
    /// Waits until every process is dead; from the deadline on by ending them.
    fn wait(&mut self, mut deadline: Option<Instant>) -> Result<(End, Tier), SandboxError> {
        let mut said = Said::default();
        let mut timed_out = false;
        loop {
            if !self.control.wait(deadline).map_err(SandboxError::Start)? {
                self.control.cut();
                (deadline, timed_out) = (None, true);
                continue;
            }
            match self.control.receive().map_err(SandboxError::Start)? {
                Some(message) => said.hear(message),
                None => break,
            }
        }
        let _ended = self.child.wait();
        // What took too long may not even have begun.
        let tier = said.tier().unwrap_or(Tier::S0);
        if timed_out { Ok((End::TimedOut, tier)) } else { said.end().map(|(end, _)| (end, tier)) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.control.cut();
        let _ended = self.child.wait();
    }
}

/// The last `keep` bytes, and whether there were more. Reads on to the end, so that nobody has to wait.
fn tail(output: Option<ChildStdout>, keep: usize) -> io::Result<(Vec<u8>, bool)> {
    let Some(mut output) = output else { return Ok((Vec::new(), false)) };
    let (mut last, mut cut, mut buffer) = (VecDeque::new(), false, [0; 8 << 10]);
    loop {
        let count = match output.read(&mut buffer) {
            Ok(0) => return Ok((last.into(), cut)),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        last.extend(&buffer[..count]);
        let over = last.len().saturating_sub(keep);
        cut |= over > 0;
        last.drain(..over);
    }
}
