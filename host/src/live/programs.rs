//! The programs of a host that the steps run: K3s, systemd, the boot loader's environment, dpkg.

use super::error::LiveError;
use crate::power::step;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// More than the longest list of a cluster of one node.
const OUTPUT_LIMIT: u64 = 256 << 20;
/// What is shown of what a program says when it fails.
const SHOWN: usize = 2000;

/// A program of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// K3s, and with it `kubectl` and `ctr`.
    K3s,
    /// systemd's.
    Systemctl,
    /// Runs a command later.
    SystemdRun,
    /// Which system starts (`rootfs/harden/scripts/slot`).
    Slot,
}

impl Program {
    fn path(self) -> &'static str {
        match self {
            Self::K3s => "usr/local/bin/k3s",
            Self::Systemctl => "usr/bin/systemctl",
            Self::SystemdRun => "usr/bin/systemd-run",
            Self::Slot => "usr/lib/gabion/slot",
        }
    }
}

/// Where the programs are: below `/` of a running host.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

/// What a program printed.
#[derive(Debug, Clone)]
pub struct Said {
    /// Standard output.
    pub out: Vec<u8>,
    /// Standard error.
    pub err: String,
    /// Whether it ended with 0.
    pub good: bool,
    /// How it ended, in words.
    pub end: String,
}

impl Said {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

impl Programs {
    /// The programs of the running host, or of a folder that stands for it.
    pub fn below(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Whether the host has it.
    pub fn has(&self, program: Program) -> bool {
        self.folder.join(program.path()).exists()
    }

    /// Runs a program that changes something; it must end well in time.
    pub fn run(
        &self,
        program: Program,
        arguments: &[&str],
        input: Option<&[u8]>,
        limit: Duration,
    ) -> Result<Said, LiveError> {
        step().map_err(|error| Self::failed(program, arguments, std::io::Error::from(error)))?;
        let said = self.ask(program, arguments, input, limit)?;
        if said.good {
            return Ok(said);
        }
        let mut shown = said.err.trim().to_owned();
        if let Some((at, _)) = shown.char_indices().nth(SHOWN) {
            shown.truncate(at);
        }
        Err(LiveError::Program { program: Self::shown(program, arguments), end: said.end, said: shown })
    }

    /// Runs a program that only answers; it may say no.
    pub fn ask(
        &self,
        program: Program,
        arguments: &[&str],
        input: Option<&[u8]>,
        limit: Duration,
    ) -> Result<Said, LiveError> {
        let failed = |source| Self::failed(program, arguments, source);
        let mut command = Command::new(self.folder.join(program.path()));
        command.args(arguments).env_clear().envs(environment()).current_dir("/");
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        std::thread::scope(|scope| {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                // Who reads no more says why on standard error.
                scope.spawn(move || stdin.write_all(input));
            }
            let out = scope.spawn(move || drain(stdout));
            let err = scope.spawn(move || drain(stderr));
            let ended = wait(&mut child, limit).map_err(failed)?;
            if !ended {
                child.kill().and_then(|()| child.wait()).map_err(failed)?;
                return Err(LiveError::Deadline {
                    what: format!("`{}`", Self::shown(program, arguments)),
                    seconds: limit.as_secs(),
                    last: String::new(),
                });
            }
            let status = child.wait().map_err(failed)?;
            let read = |it: std::thread::ScopedJoinHandle<'_, std::io::Result<Vec<u8>>>| {
                it.join().unwrap_or_else(|_| Err(std::io::Error::other("the reader ended"))).map_err(failed)
            };
            Ok(Said {
                out: read(out)?,
                err: String::from_utf8_lossy(&read(err)?).into_owned(),
                good: status.success(),
                end: status.to_string(),
            })
        })
    }

    fn shown(program: Program, arguments: &[&str]) -> String {
        let name = program.path().rsplit('/').next().unwrap_or_default();
        format!("{name} {}", arguments.join(" "))
    }

    fn failed(program: Program, arguments: &[&str], source: std::io::Error) -> LiveError {
        LiveError::Start { program: Self::shown(program, arguments), source }
    }
}

/// What programs of the host see: no variable of who called, so that no proxy, locale or kubeconfig of his counts.
const fn environment() -> [(&'static str, &'static str); 3] {
    [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("LC_ALL", "C.UTF-8"),
        ("HOME", "/root"),
    ]
}

fn drain(from: Option<impl Read>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(OUTPUT_LIMIT).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Whether a child ended in time.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<bool> {
    let begin = Instant::now();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
    let Some(pid) = pid else { return Ok(true) };
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    loop {
        let left = limit.saturating_sub(begin.elapsed());
        let time = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&time)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(script: &str) -> (tempfile::TempDir, Programs) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(Program::K3s.path());
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, script).unwrap();
        fs_err::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let programs = Programs::below(folder.path());
        (folder, programs)
    }

    #[test]
    fn what_fails_says_what_it_said() {
        let (_folder, programs) = programs("#!/bin/sh\ncat >&2; exit 3\n");
        let error = programs
            .run(Program::K3s, &["kubectl", "apply"], Some(b"no\n"), Duration::from_secs(60))
            .unwrap_err();
        assert_eq!(error.to_string(), "`k3s kubectl apply` failed (exit status: 3): no");
    }

    #[test]
    fn what_does_not_end_is_ended() {
        let (_folder, programs) = programs("#!/bin/sh\nexec sleep 600\n");
        let error = programs.run(Program::K3s, &[], None, Duration::from_millis(50)).unwrap_err();
        assert!(matches!(error, LiveError::Deadline { .. }), "{error}");
    }

    #[test]
    fn a_program_sees_nothing_of_who_called() {
        let (_folder, programs) = programs("#!/bin/sh\nenv | cut -d= -f1 | sort | tr '\\n' ' '\n");
        let said = programs.run(Program::K3s, &[], None, Duration::from_secs(60)).unwrap();
        let names = said.text();
        let names: Vec<&str> =
            names.split_whitespace().filter(|it| !matches!(*it, "PWD" | "_" | "OLDPWD" | "SHLVL")).collect();
        assert_eq!(names, ["HOME", "LC_ALL", "PATH"]);
    }
}
