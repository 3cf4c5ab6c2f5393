//! One connection of the system's `ssh` for everything that a command does on another machine.
//!
//! Firewalls count connections: UFW's `limit` refuses the sixth within half a minute. So a command opens one, and what
//! it runs there goes through that one (`ControlMaster` in `ssh_config(5)`).
//!
//! # Where
//! A socket and what `ssh` said lie in a folder of the process's own, which goes with it.
//!
//! # Invariants
//! - A connection is never shared with another process, nor with what the user's own configuration of `ssh` shares: a new
//!   [`Link`] is a new connection.
//! - It is closed with its value. Where the process is killed, `ssh` closes it a minute after it was used last.
//! - It holds none of the process's own pipes open.
//! - What is refused is tried again only within the patience that is given, and only where the other side did not answer at
//!   all: never a key that is wrong or unknown.

use super::push::plain;
use super::remote::PushError;
use super::ui::Ui;
use fs_err::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long an unused connection stays where nobody closes it.
const PERSIST: &str = "ControlPersist=60";
/// How long `ssh` may take to reach the other side, unless the user says otherwise.
const REACH: &str = "ConnectTimeout=20";
/// The path of a socket is short (unix(7): 108 bytes), and `ssh` adds 17 bytes of its own while it makes one.
const LONGEST: usize = 80;
/// More is not shown of what `ssh` says.
const SAID: u64 = 16 << 10;
/// The first pause before it is tried again; each is twice as long as the one before, up to the last.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(8)];

/// A connection that is open, or that nobody needs.
#[derive(Debug)]
pub(super) struct Link {
    /// Where its socket is; `None` where the user's own options say how connections are shared.
    folder: Option<tempfile::TempDir>,
    target: String,
    options: Vec<String>,
}

impl Link {
    /// Opens a connection, and waits up to `patience` for a machine that does not answer.
    pub(super) fn open(
        ui: &Ui,
        target: &str,
        options: &[String],
        patience: Duration,
    ) -> Result<Self, PushError> {
        let mut link = Self { folder: None, target: target.to_owned(), options: options.to_vec() };
        if options.iter().any(|it| shares(it)) {
            return Ok(link);
        }
        let folder = folder().map_err(PushError::Ssh)?;
        let (socket, said) = (socket(&folder), folder.path().join("said"));
        let (until, mut pause) = (Instant::now() + patience, PAUSES[0]);
        loop {
            let log = File::create(&said).map_err(PushError::Ssh)?;
            let mut command = link.ssh(&socket);
            command.args(["-o", "ControlMaster=yes", "-o", PERSIST]);
            command.arg("--").arg(target).arg("true").stdout(Stdio::null()).stderr(log.into_file());
            let status = command.status().map_err(PushError::Ssh)?;
            let words = read(&said).map_err(PushError::Ssh)?;
            if status.success() {
                tell(ui, &words);
                link.folder = Some(folder);
                return Ok(link);
            }
            let absent = is_absent(&words);
            if !absent || Instant::now() + pause > until {
                tell(ui, &words);
                let target = target.to_owned();
                return Err(if absent {
                    PushError::Refused { target }
                } else {
                    PushError::Ended { target, status, doing: "open a connection" }
                });
            }
            let left = until.saturating_duration_since(Instant::now()).as_secs();
            ui.note(format!("`{target}` does not let us in yet; trying again for {left} s"));
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSES[1]);
        }
    }

    /// `ssh` through this connection, up to the name of the machine.
    pub(super) fn command(&self) -> Command {
        match &self.folder {
            Some(folder) => {
                let mut command = self.ssh(&socket(folder));
                command.args(["-o", "ControlMaster=no"]);
                command
            }
            None => ssh(&self.options),
        }
    }

    fn ssh(&self, socket: &Path) -> Command {
        let mut command = ssh(&self.options);
        command.args(["-o", &format!("ControlPath={}", socket.display())]).stdin(Stdio::null());
        command
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let Some(folder) = &self.folder else { return };
        let mut command = self.ssh(&socket(folder));
        command.args(["-O", "exit", "--"]).arg(&self.target);
        // Where it is gone already there is nothing to close.
        let _closed = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// `ssh` with the user's options, which asks nobody anything.
pub(super) fn ssh(options: &[String]) -> Command {
    let mut command = Command::new("ssh");
    command.args(["-T", "-o", "BatchMode=yes"]);
    for option in options {
        command.args(["-o", option]);
    }
    // The first value counts: the user's own comes before.
    command.args(["-o", REACH]);
    command
}

/// Whether an option says how connections are shared.
pub(super) fn shares(option: &str) -> bool {
    option.trim_start().to_ascii_lowercase().starts_with("control")
}

fn socket(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("s")
}

/// A folder for a socket: where temporary files are, or in `/tmp` where its path would be too long.
fn folder() -> std::io::Result<tempfile::TempDir> {
    let make = |at: &Path| tempfile::Builder::new().prefix("gabion-").tempdir_in(at);
    let usual = std::env::temp_dir();
    if usual.as_os_str().len() + "/gabion-XXXXXX/s".len() <= LONGEST {
        make(&usual)
    } else {
        make(Path::new("/tmp"))
    }
}

fn read(said: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    File::open(said)?.take(SAID).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What `ssh` said: a banner, a warning, why it failed.
fn tell(ui: &Ui, words: &str) {
    if !words.trim().is_empty() {
        ui.note(plain(words.trim_end()));
    }
}

/// Whether nobody answered: a machine that starts, a firewall that counts. `ssh` has one exit code for everything that
/// fails before a program runs, so its words tell (OpenSSH, `sshconnect.c`, `kex.c`, `packet.c`; strerror(3) in the locale
/// `C`, which `ssh` keeps).
fn is_absent(words: &str) -> bool {
    const WORDS: [&str; 8] = [
        "Connection refused",
        "Connection timed out",
        "Connection reset",
        "Connection closed",
        "No route to host",
        "Network is unreachable",
        "kex_exchange_identification",
        "banner exchange",
    ];
    WORDS.iter().any(|it| words.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_answer_is_not_who_refuses() {
        for absent in [
            "ssh: connect to host 192.0.2.7 port 22: Connection refused\r\n",
            "ssh: connect to host 192.0.2.7 port 22: Connection timed out\r\n",
            "kex_exchange_identification: read: Connection reset by peer\r\n",
            "Connection closed by 192.0.2.7 port 22\r\n",
            "Connection timed out during banner exchange\r\n",
        ] {
            assert!(is_absent(absent), "{absent}");
        }
        for refused in [
            "ops@192.0.2.7: Permission denied (publickey).\r\n",
            "Host key verification failed.\r\n",
            "ssh: Could not resolve hostname nowhere: Name or service not known\r\n",
            "",
        ] {
            assert!(!is_absent(refused), "{refused}");
        }
    }
}
