//! Servers of caches: nginx, and our own.

use gabion_testkit::{Server, free_address, program};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// nginx over a folder, with the methods of `WebDAV` that write.
pub(crate) struct Nginx {
    pub(crate) url: String,
    pub(crate) folder: PathBuf,
    _folder: tempfile::TempDir,
    _server: Server,
}

impl Nginx {
    pub(crate) fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name).display().to_string();
        let folder = place.path().join("data");
        for it in ["data", "body", "log"] {
            fs_err::create_dir(place.path().join(it)).unwrap();
        }
        let address = free_address();
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let config = format!(
            "{user} worker_processes 1; daemon off; pid {pid}; error_log {log}/error;\n\
             events {{}}\n\
             http {{\n\
               access_log off; client_max_body_size 0; client_body_temp_path {body};\n\
               proxy_temp_path {log}; fastcgi_temp_path {log}; uwsgi_temp_path {log}; scgi_temp_path {log};\n\
               server {{ listen {address}; root {data}; dav_methods PUT; create_full_put_path on; }}\n\
             }}\n",
            pid = path("pid"),
            log = path("log"),
            body = path("body"),
            data = path("data"),
        );
        fs_err::write(place.path().join("nginx.conf"), config).unwrap();
        let mut command = program("nginx");
        command.arg("-p").arg(place.path()).arg("-c").arg(place.path().join("nginx.conf"));
        let server = Server::start(&mut command, || TcpStream::connect(address).is_ok());
        let running = server.unwrap_or_else(|said| panic!("{said}"));
        Self { url: format!("http://{address}"), folder, _folder: place, _server: running }
    }
}

/// `gabion cache serve` over a folder.
pub(crate) struct Served {
    pub(crate) url: String,
    child: Child,
}

impl Served {
    pub(crate) fn start(folder: &Path, token_file: Option<&Path>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gabion"));
        command.env_clear().env("GABION_CONFIG", "/dev/null").args(["cache", "serve"]).arg(folder);
        command.args(["--listen", "127.0.0.1:0"]);
        if let Some(file) = token_file {
            command.arg("--token-file").arg(file);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { url: url.trim().to_owned(), child }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
