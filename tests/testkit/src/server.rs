//! Programs that serve until the test is over.

use std::io::{Read, Seek};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// No server of a test takes longer to come up.
const DEADLINE: Duration = Duration::from_secs(20);

/// A process that serves until it is dropped.
#[derive(Debug)]
pub struct Server(Child);

impl Server {
    /// Starts `command` and waits until `is_up`. What it said is the error where it ends before, or after 20 s.
    pub fn start(command: &mut Command, is_up: impl Fn() -> bool) -> Result<Self, String> {
        let mut log = tempfile::tempfile().map_err(|error| error.to_string())?;
        let said = log.try_clone().map_err(|error| error.to_string())?;
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn();
        let mut it = Self(child.map_err(|error| format!("{command:?}: {error}"))?);
        let begin = Instant::now();
        while !it.has_ended() && begin.elapsed() < DEADLINE {
            if is_up() {
                return Ok(it);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut text = String::new();
        let _read = log.rewind().and_then(|()| log.read_to_string(&mut text));
        Err(format!("{command:?} does not come up: {text}"))
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// An address on loopback that nobody listens at now.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap_or_else(|error| panic!("{error}"));
    listener.local_addr().unwrap_or_else(|error| panic!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program;

    #[test]
    fn what_ends_before_it_serves_is_told_with_its_words() {
        let error = Server::start(program("sh").args(["-c", "echo no room >&2"]), || false).unwrap_err();
        assert!(error.contains("does not come up: no room"), "{error}");
        assert!(Server::start(&mut program("a-program-that-nobody-wrote"), || true).is_err());
    }

    #[test]
    fn what_serves_is_gone_with_its_value() {
        let server = Server::start(program("sleep").arg("600"), || true).unwrap();
        let process = format!("/proc/{}", server.0.id());
        assert!(std::path::Path::new(&process).exists());
        drop(server);
        assert!(!std::path::Path::new(&process).exists());
    }
}
