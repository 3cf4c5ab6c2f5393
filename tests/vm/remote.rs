//! A machine of the image that is reached over its network, as an operator reaches a host.

use crate::image::Project;
use gabion_testkit::{Firmware, Running, Vm, free_address, program};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

/// A start takes half a minute on a quiet machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(600);
/// What an SSH server says first (RFC 4253, 4.2).
const GREETING: &str = "SSH-2.0-";

/// A machine, how it is reached, and by what it is known.
#[derive(Clone)]
pub(crate) struct Remote {
    vm: Vm,
    address: SocketAddr,
    key: PathBuf,
    known: PathBuf,
}

impl Remote {
    /// With `disk`, in QEMU's own format. Host keys are remembered in `folder`: one that changes later is refused.
    pub(crate) fn new(project: &Project, firmware: Firmware, disk: &Path, folder: &Path) -> Self {
        let address = free_address();
        let vm = Vm::new(firmware, disk).qcow2().memory(1024).forward(address, 22);
        Self { vm, address, key: project.key(), known: folder.join("known_hosts") }
    }

    /// The same machine, changed.
    pub(crate) fn with(self, change: impl FnOnce(Vm) -> Vm) -> Self {
        Self { vm: change(self.vm), ..self }
    }

    /// Starts it and waits for its SSH server.
    pub(crate) fn start(&self) -> Running {
        let machine = self.vm.start();
        machine.wait_for(" login: ", DEADLINE);
        self.wait(&machine);
        machine
    }

    /// Waits for its SSH server. The console is no witness of it: systemd says less on one that is slow.
    pub(crate) fn wait(&self, machine: &Running) {
        machine.wait_to_hear(self.address, GREETING, DEADLINE);
    }

    /// `ssh user@machine`, with options in front and a command behind.
    pub(crate) fn ssh(&self, user: &str, options: &[&str], command: &str) -> Output {
        let known = format!("UserKnownHostsFile={}", self.known.display());
        let mut ssh = program("ssh");
        ssh.args([
            "-F",
            "none",
            "-o",
            "StrictHostKeyChecking=accept-new",
            "-o",
            &known,
            "-o",
            "IdentitiesOnly=yes",
        ]);
        ssh.args(["-o", "ConnectTimeout=120", "-o", "LogLevel=info"]).args(options).arg("-i").arg(&self.key);
        ssh.args(["-p", &self.address.port().to_string(), &format!("{user}@{}", self.address.ip()), command]);
        ssh.output().unwrap()
    }

    /// How `ssh` comes in, as options of its own.
    pub(crate) fn options(&self) -> Vec<String> {
        vec![
            format!("UserKnownHostsFile={}", self.known.display()),
            format!("IdentityFile={}", self.key.display()),
            format!("Port={}", self.address.port()),
            "StrictHostKeyChecking=accept-new".to_owned(),
            "IdentitiesOnly=yes".to_owned(),
            "ServerAliveInterval=15".to_owned(),
            // A machine that is emulated takes its time.
            "ConnectTimeout=120".to_owned(),
        ]
    }

    /// Who is called there.
    pub(crate) fn target(&self) -> String {
        format!("ops@{}", self.address.ip())
    }

    /// Runs a command as `ops`, which must succeed; gives what it prints.
    #[track_caller]
    pub(crate) fn run(&self, command: &str) -> String {
        let out = self.ssh("ops", &["-o", "BatchMode=yes"], command);
        assert!(out.status.success(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    /// The host key that was seen.
    pub(crate) fn host_key(&self) -> String {
        let text = fs_err::read_to_string(&self.known).unwrap();
        let keys: Vec<&str> = text.lines().filter_map(|line| line.split_once(' ')).map(|it| it.1).collect();
        assert_eq!(keys.len(), 1, "{text}");
        keys[0].to_owned()
    }
}
