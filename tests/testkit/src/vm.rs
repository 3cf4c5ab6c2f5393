//! Virtual machines that start from a disk, as their firmware does it, and are heard over their serial line.

use crate::{has, program, skip};
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// UEFI for virtual machines: its code, and an empty store of its variables.
const OVMF: [(&str, &str); 2] = [
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
];

/// What starts a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    /// A BIOS.
    Bios,
    /// UEFI.
    Uefi,
}

/// A machine that is not running: two processors, a disk on virtio, a source of randomness, no hardware help.
#[derive(Debug, Clone)]
pub struct Vm {
    firmware: Firmware,
    disk: PathBuf,
    format: &'static str,
    keeps: bool,
    memory: u32,
    reboots: bool,
    forwards: Vec<(SocketAddr, u16)>,
    second: Option<PathBuf>,
    kept: Option<(PathBuf, String)>,
    serial_number: Option<String>,
}

impl Vm {
    /// A machine with 512 MiB that starts from `disk`, forgets what it writes, has no network, and ends where it would
    /// start again.
    pub fn new(firmware: Firmware, disk: &Path) -> Self {
        let disk = disk.to_owned();
        Self {
            firmware,
            disk,
            format: "raw",
            keeps: false,
            memory: 512,
            reboots: false,
            forwards: Vec::new(),
            second: None,
            kept: None,
            serial_number: None,
        }
    }

    /// Whether machines can run here; says what is missing.
    #[track_caller]
    pub fn is_possible(firmware: Firmware) -> bool {
        let found = firmware == Firmware::Bios || ovmf().is_some();
        if !found {
            skip("OVMF is not installed");
        }
        found && has(&["qemu-system-x86_64"])
    }

    /// The same machine with another firmware.
    #[must_use]
    pub fn under(self, firmware: Firmware) -> Self {
        Self { firmware, ..self }
    }

    /// The disk is in QEMU's own format.
    #[must_use]
    pub fn qcow2(mut self) -> Self {
        self.format = "qcow2";
        self
    }

    /// What the machine writes stays on the disk.
    #[must_use]
    pub fn keeping_writes(mut self) -> Self {
        self.keeps = true;
        self
    }

    /// With so many MiB.
    #[must_use]
    pub fn memory(mut self, mib: u32) -> Self {
        self.memory = mib;
        self
    }

    /// The machine may start again by itself.
    #[must_use]
    pub fn rebooting(mut self) -> Self {
        self.reboots = true;
        self
    }

    /// With a network of its own; what reaches `host` here goes to `port` there.
    #[must_use]
    pub fn forward(mut self, host: SocketAddr, port: u16) -> Self {
        self.forwards.push((host, port));
        self
    }

    /// With a second disk, raw, on which nothing stays.
    #[must_use]
    pub fn second_disk(mut self, disk: &Path) -> Self {
        self.second = Some(disk.to_owned());
        self
    }

    /// With another disk, in QEMU's own format, that has a serial number, and on which stays what is written. The machine
    /// sees it before the [`Vm::second_disk`].
    #[must_use]
    pub fn kept_disk(mut self, disk: &Path, serial: &str) -> Self {
        self.kept = Some((disk.to_owned(), serial.to_owned()));
        self
    }

    /// With this serial number of the whole machine (SMBIOS 3.7, 7.2), by which a system can tell what it is for.
    #[must_use]
    pub fn serial_number(mut self, number: &str) -> Self {
        self.serial_number = Some(number.to_owned());
        self
    }

    /// Starts it.
    #[track_caller]
    pub fn start(&self) -> Running {
        let mut command = program("qemu-system-x86_64");
        command.args(self.arguments()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let line = Arc::new(Line::default());
        if let Some(serial) = child.stdout.take() {
            let line = Arc::clone(&line);
            std::thread::spawn(move || line.listen(serial));
        }
        Running { child, line }
    }

    fn arguments(&self) -> Vec<String> {
        let snapshot = if self.keeps { "off" } else { "on" };
        let disk = format!(
            "if=none,id=disk,format={},cache=unsafe,snapshot={snapshot},file={}",
            self.format,
            self.disk.display()
        );
        let memory = self.memory.to_string();
        let fixed = [
            "-machine",
            "q35",
            "-accel",
            "tcg,thread=multi",
            "-cpu",
            "max",
            "-smp",
            "2",
            "-m",
            &memory,
            "-nodefaults",
            "-display",
            "none",
            "-vga",
            "std",
            "-serial",
            "stdio",
            "-monitor",
            "none",
            "-drive",
            &disk,
            "-device",
            "virtio-blk-pci,drive=disk,bootindex=0",
            "-device",
            "virtio-rng-pci",
        ];
        let mut all: Vec<String> = fixed.map(str::to_owned).into();
        let mut add = |name: &str, value: String| all.extend([name.to_owned(), value]);
        if let (Firmware::Uefi, Some((code, variables))) = (self.firmware, ovmf()) {
            add("-drive", format!("if=pflash,format=raw,readonly=on,file={code}"));
            add("-drive", format!("if=pflash,format=raw,snapshot=on,file={variables}"));
        }
        if !self.forwards.is_empty() {
            let forward = |(host, port): &(SocketAddr, u16)| format!(",hostfwd=tcp:{host}-:{port}");
            let forwards: String = self.forwards.iter().map(forward).collect();
            add("-netdev", format!("user,id=net,restrict=on{forwards}"));
            add("-device", "virtio-net-pci,netdev=net".to_owned());
        }
        if let Some((disk, serial)) = &self.kept {
            add("-drive", format!("if=none,id=kept,format=qcow2,cache=unsafe,file={}", disk.display()));
            add("-device", format!("virtio-blk-pci,drive=kept,serial={serial}"));
        }
        if let Some(disk) = &self.second {
            add("-drive", format!("if=none,id=second,format=raw,snapshot=on,file={}", disk.display()));
            add("-device", "virtio-blk-pci,drive=second".to_owned());
        }
        if let Some(number) = &self.serial_number {
            add("-smbios", format!("type=1,serial={number}"));
        }
        if !self.reboots {
            all.push("-no-reboot".to_owned());
        }
        all
    }
}

/// Between two questions: a firewall that counts connections lets three of them in within half a minute.
const PAUSE: Duration = Duration::from_secs(12);

/// Whether what listens at `address` begins with this.
fn says(address: SocketAddr, greeting: &str) -> bool {
    let patience = Duration::from_secs(20);
    let mut said = vec![0; greeting.len()];
    let heard = TcpStream::connect_timeout(&address, patience).and_then(|mut stream| {
        stream.set_read_timeout(Some(patience))?;
        stream.read_exact(&mut said)
    });
    heard.is_ok() && said == greeting.as_bytes()
}

fn ovmf() -> Option<(&'static str, &'static str)> {
    OVMF.into_iter().find(|(code, variables)| Path::new(code).exists() && Path::new(variables).exists())
}

/// What came over a serial line so far, and whether that was all.
#[derive(Debug, Default)]
struct Line {
    heard: Mutex<(Vec<u8>, bool)>,
    more: Condvar,
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, (Vec<u8>, bool)> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, mut serial: ChildStdout) {
        let mut bytes = [0; 4096];
        loop {
            let count = serial.read(&mut bytes).unwrap_or_default();
            let mut heard = self.lock();
            heard.0.extend_from_slice(&bytes[..count]);
            heard.1 = count == 0;
            self.more.notify_all();
            if count == 0 {
                return;
            }
        }
    }
}

/// A running machine; it is gone with its value.
#[derive(Debug)]
pub struct Running {
    child: Child,
    line: Arc<Line>,
}

impl Running {
    /// Waits until `text` came over the serial line since the machine started. Panics with all that came where the
    /// machine ends before, or after `deadline`.
    #[track_caller]
    pub fn wait_for(&self, text: &str, deadline: Duration) {
        let came = |heard: &(Vec<u8>, bool)| heard.0.windows(text.len()).any(|it| it == text.as_bytes());
        self.wait(deadline, |heard| came(heard) || heard.1);
        assert!(came(&self.line.lock()), "`{text}` did not come within {deadline:?}:\n{}", self.heard());
    }

    /// Waits until what listens at `address`, which is forwarded to the machine, says `greeting`. Panics as [`Self::wait_for`].
    ///
    /// A port that is forwarded takes every connection, and closes it while nobody listens behind it.
    #[track_caller]
    pub fn wait_to_hear(&self, address: SocketAddr, greeting: &str, deadline: Duration) {
        let end = Instant::now() + deadline;
        while !says(address, greeting) {
            let waits = !self.line.lock().1 && Instant::now() < end;
            assert!(waits, "nobody says `{greeting}` within {deadline:?}:\n{}", self.heard());
            self.wait(PAUSE, |heard| heard.1);
        }
    }

    /// Waits until the machine is off; gives all that came over the serial line.
    #[track_caller]
    pub fn wait_until_off(&self, deadline: Duration) -> String {
        self.wait(deadline, |heard| heard.1);
        assert!(self.line.lock().1, "the machine still runs after {deadline:?}:\n{}", self.heard());
        self.heard()
    }

    /// All that came over the serial line so far.
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.line.lock().0).into_owned()
    }

    /// Takes the power away.
    pub fn cut_power(self) -> String {
        let heard = self.heard();
        drop(self);
        heard
    }

    /// Waits for what may come, and for nothing else.
    fn wait(&self, deadline: Duration, is_there: impl Fn(&(Vec<u8>, bool)) -> bool) {
        let end = Instant::now() + deadline;
        let mut heard = self.line.lock();
        while !is_there(&heard) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.line.more.wait_timeout(heard, left);
            heard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty_disk(folder: &Path) -> PathBuf {
        let disk = folder.join("disk");
        fs_err::File::create(&disk).unwrap().set_len(1 << 20).unwrap();
        disk
    }

    #[test]
    fn a_machine_that_does_not_speak_in_time_is_told_and_gone() {
        if !Vm::is_possible(Firmware::Bios) {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let machine = Vm::new(Firmware::Bios, &empty_disk(folder.path())).memory(64).start();
        let process = format!("/proc/{}", machine.child.id());
        let waited = std::panic::AssertUnwindSafe(|| machine.wait_for("login:", Duration::from_millis(200)));
        let said = std::panic::catch_unwind(waited).unwrap_err().downcast::<String>().unwrap();
        assert!(said.contains("`login:` did not come within 200ms"), "{said}");
        assert!(Path::new(&process).exists());
        machine.cut_power();
        assert!(!Path::new(&process).exists());
    }

    #[test]
    fn a_machine_that_cannot_start_is_off_at_once() {
        if !Vm::is_possible(Firmware::Bios) {
            return;
        }
        let machine = Vm::new(Firmware::Bios, Path::new("/no/such/disk")).start();
        assert_eq!(machine.wait_until_off(Duration::from_secs(60)), "");
    }

    #[test]
    fn what_is_forwarded_is_a_network_of_its_own() {
        let host = SocketAddr::from(([127, 0, 0, 1], 2222));
        let of = |vm: Vm| vm.arguments().join(" ");
        let connected = of(Vm::new(Firmware::Bios, Path::new("disk")).forward(host, 22));
        assert!(connected.contains("user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:2222-:22"), "{connected}");
        assert!(!of(Vm::new(Firmware::Bios, Path::new("disk"))).contains("netdev"));
    }

    #[test]
    fn what_comes_along_is_said_to_the_machine() {
        let vm =
            Vm::new(Firmware::Bios, Path::new("disk")).second_disk(Path::new("more")).serial_number("look");
        let vm = vm.kept_disk(Path::new("target"), "7");
        let told = vm.arguments().join(" ");
        assert!(
            told.contains("file=target -device virtio-blk-pci,drive=kept,serial=7 -drive if=none,id=second"),
            "{told}"
        );
        assert!(
            told.contains("format=raw,snapshot=on,file=more") && told.contains("type=1,serial=look"),
            "{told}"
        );
    }
}
