//! The real ssh-agent.

use crate::{Server, program, run};
use std::path::{Path, PathBuf};

/// An agent that is gone with its owner.
#[derive(Debug)]
pub struct Agent {
    socket: PathBuf,
    _server: Server,
}

impl Agent {
    /// An agent that holds no key, with the socket `agent` in `folder`.
    #[track_caller]
    pub fn start(folder: &Path) -> Self {
        let socket = folder.join("agent");
        let server = Server::start(program("ssh-agent").arg("-D").arg("-a").arg(&socket), || socket.exists());
        Self { _server: server.unwrap_or_else(|said| panic!("{said}")), socket }
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Runs `ssh-add` there with `arguments`.
    #[track_caller]
    pub fn ssh_add(&self, folder: &Path, arguments: &[&str]) {
        let mut command = program("ssh-add");
        run(command.arg("-q").args(arguments).current_dir(folder).env("SSH_AUTH_SOCK", &self.socket));
    }
}
