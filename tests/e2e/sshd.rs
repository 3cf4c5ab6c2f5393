//! A real sshd on loopback, behind a door that counts who comes and lets in whom it was told to.

use fs_err as fs;
use gabion_testkit::{Server, free_address, has, program, run, text};
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::thread;

/// Who came so far, and whose turn it is to be refused.
#[derive(Debug, Default)]
struct Door {
    came: usize,
    refused: Range<usize>,
}

/// An sshd that lets this user in, and how to reach it.
pub(crate) struct Sshd {
    /// The words of `gabion host` that name it.
    pub(crate) options: String,
    door: Arc<Mutex<Door>>,
    _server: Server,
    _folder: tempfile::TempDir,
}

/// `None` where OpenSSH is not here.
pub(crate) fn sshd() -> Option<Sshd> {
    if !has(&["sshd", "ssh", "ssh-keygen"]) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["host", "user"] {
        run(program("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &path(name)]));
    }
    if rustix::process::geteuid().is_root() {
        // Debian's units make it.
        fs::create_dir_all("/run/sshd").unwrap();
    }
    let inside = free_address();
    let config = format!(
        "Port {}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
         PidFile none\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n",
        inside.port(),
        path("host"),
        path("user.pub")
    );
    fs::write(path("config"), config).unwrap();
    // sshd starts itself again and wants to know where it is.
    let mut sshd = program("/usr/sbin/sshd");
    sshd.args(["-D", "-e", "-f", &path("config")]);
    let server = Server::start(&mut sshd, || TcpStream::connect(inside).is_ok()).unwrap();
    let door = Arc::<Mutex<Door>>::default();
    let port = open_door(Arc::clone(&door), inside).port();
    let host_key = fs::read_to_string(path("host.pub")).unwrap();
    fs::write(path("known"), format!("[127.0.0.1]:{port} {host_key}")).unwrap();
    let user = text(program("id").arg("-un")).trim_end().to_owned();
    let options = format!(
        "--target {user}@127.0.0.1 --ssh-option Port={port} --ssh-option IdentityFile={} --ssh-option IdentitiesOnly=yes \
         --ssh-option IdentityAgent=none --ssh-option UserKnownHostsFile={} --ssh-option StrictHostKeyChecking=yes",
        path("user"),
        path("known")
    );
    Some(Sshd { options, door, _server: server, _folder: folder })
}

impl Sshd {
    /// How many connections came since the last time.
    pub(crate) fn came(&self) -> usize {
        let mut door = self.door.lock().unwrap();
        door.refused = 0..0;
        std::mem::take(&mut door.came)
    }

    /// Lets nobody in whose number, counted from now and from 0 on, is one of these.
    pub(crate) fn refuse(&self, which: Range<usize>) {
        *self.door.lock().unwrap() = Door { came: 0, refused: which };
    }
}

/// Where whoever is to come to `inside` knocks.
fn open_door(door: Arc<Mutex<Door>>, inside: SocketAddr) -> SocketAddr {
    let outside = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = outside.local_addr().unwrap();
    // It stays open until the tests are over.
    thread::spawn(move || {
        for stream in outside.incoming() {
            let stream = stream.unwrap();
            let mut door = door.lock().unwrap();
            let number = door.came;
            door.came += 1;
            if !door.refused.contains(&number) {
                thread::spawn(move || pass(&stream, inside));
            }
        }
    });
    address
}

/// Carries what either side says to the other, until both are done.
fn pass(outside: &TcpStream, inside: SocketAddr) {
    let Ok(inside) = TcpStream::connect(inside) else { return };
    let carry = |mut from: &TcpStream, mut to: &TcpStream| {
        let _carried = io::copy(&mut from, &mut to);
        let _done = to.shutdown(Shutdown::Write);
    };
    thread::scope(|scope| {
        scope.spawn(|| carry(outside, &inside));
        carry(&inside, outside);
    });
}
