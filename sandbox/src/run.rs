//! One program in a root of its own.
//!
//! # Invariants
//! - [`run`] returns only when every process of the run is dead: the end of the process namespace is waited for.
//! - Nothing of the caller reaches the program but what the [`Spec`] says.
//! - The caller may have threads: the namespaces are made in this program, started a second time.

use crate::child::{self, Begun};
use crate::error::SandboxError;
use crate::spec::{End, Log, Outcome, Spec};
use crate::tier::{Policy, Tier, Walls};
use crate::wire::{Control, Job, Message, Said};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io::{self, PipeReader, Read};
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
    let (keep, begun, output) = match &spec.log {
        Log::Keep(bytes) => {
            let (output, theirs) = io::pipe().map_err(SandboxError::Log)?;
            (*bytes, child::begin_run(&theirs)?, Some(output))
        }
        Log::File(file) => (0, child::begin_run(file)?, None),
    };
    let mut running = Running { begun, output, tail: Tail::new(keep) };
    // Where it cannot be told what to do, it says why, or is lost.
    let _lost = running.begun.control.send(&Job::<_, ()>::Run { spec, walls, dry });
    let (end, tier) = running.wait(deadline)?;
    let Tail { last, cut, .. } = std::mem::replace(&mut running.tail, Tail::new(0));
    Ok(Outcome { end, tier, log: last.into(), cut })
}

/// A run; everything below it is dead when the value is gone.
struct Running {
    begun: Begun,
    output: Option<PipeReader>,
    tail: Tail,
}

impl Running {
    /// Waits until every process is dead; from the deadline on by ending them.
    fn wait(&mut self, mut deadline: Option<Instant>) -> Result<(End, Tier), SandboxError> {
        let mut said = Said::default();
        let mut timed_out = false;
        loop {
            match self.next(deadline)? {
                Next::Message(message) => said.hear(message),
                Next::Log => {}
                Next::TimeIsUp => {
                    self.begun.control.cut();
                    (deadline, timed_out) = (None, true);
                }
                Next::Over => break,
            }
        }
        self.begun.wait();
        // What took too long may not even have begun.
        let tier = said.tier().unwrap_or(Tier::S0);
        if timed_out { Ok((End::TimedOut, tier)) } else { said.end().map(|(end, _)| (end, tier)) }
    }

    /// The next thing that happens. The log is read first, so that it is whole when the run is over.
    fn next(&mut self, deadline: Option<Instant>) -> Result<Next, SandboxError> {
        let [log, control] =
            ready(self.output.as_ref(), &self.begun.control, deadline).map_err(SandboxError::Start)?;
        if let (true, Some(output)) = (log, self.output.as_mut()) {
            if !self.tail.take_in(output).map_err(SandboxError::Log)? {
                self.output = None;
            }
            return Ok(Next::Log);
        }
        if !control {
            return Ok(Next::TimeIsUp);
        }
        let message = self.begun.control.receive().map_err(SandboxError::Start)?;
        Ok(message.map_or(Next::Over, Next::Message))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.begun.control.cut();
        self.begun.wait();
    }
}

/// What happens while a run goes on.
enum Next {
    Message(Message),
    Log,
    TimeIsUp,
    Over,
}

/// Waits until there is something to read in the log or from the child; neither where the time is up.
fn ready(output: Option<&PipeReader>, control: &Control, deadline: Option<Instant>) -> io::Result<[bool; 2]> {
    let mut watched: Vec<PollFd<'_>> = vec![PollFd::new(control.stream(), PollFlags::IN)];
    watched.extend(output.map(|output| PollFd::new(output, PollFlags::IN)));
    loop {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let left = left.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        match poll(&mut watched, left.as_ref()) {
            Err(Errno::INTR) => {}
            result => {
                result?;
                let ready = |at: usize| watched.get(at).is_some_and(|it| !it.revents().is_empty());
                return Ok([ready(1), ready(0)]);
            }
        }
    }
}

/// The last bytes of a log.
struct Tail {
    keep: usize,
    last: VecDeque<u8>,
    cut: bool,
}

impl Tail {
    const fn new(keep: usize) -> Self {
        Self { keep, last: VecDeque::new(), cut: false }
    }

    /// Takes in what is there; says whether more may come.
    fn take_in(&mut self, output: &mut PipeReader) -> io::Result<bool> {
        let mut buffer = [0; 8 << 10];
        let count = match output.read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            Err(error) => return Err(error),
        };
        self.last.extend(&buffer[..count]);
        let over = self.last.len().saturating_sub(self.keep);
        self.cut |= over > 0;
        self.last.drain(..over);
        Ok(true)
    }
}
