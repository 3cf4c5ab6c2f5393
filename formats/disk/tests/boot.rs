//! The choice between the slots, by real firmware, a real GRUB and a real kernel.

mod sample;

use gabion_disk::grub::{ENVIRONMENT_PATH, Environment, Platform};
use gabion_disk::{Disk, MIB, Raw, Role, Slot, Target, Tree, ext4, grub};
use gabion_testkit::{Firmware, Running, Vm, has, program, run, skip};
use sample::{TIME, entry, layout, link};
use std::collections::BTreeMap;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A start takes about ten seconds on a quiet machine.
const DEADLINE: Duration = Duration::from_secs(180);
const MODULES: &str = "/usr/lib/grub";

/// Where `tests/guest/kernel.sh` puts a kernel.
fn kernel() -> Option<Vec<u8>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let found = fs_err::read(workspace.join("target/vm/vmlinuz")).ok();
    if found.is_none() {
        skip("there is no kernel: run `formats/disk/tests/guest/kernel.sh target/vm`");
    }
    found
}

fn is_possible(firmware: Firmware) -> bool {
    let modules = [Platform::Bios, Platform::Efi].map(|it| Path::new(MODULES).join(it.as_str()).exists());
    if modules.contains(&false) {
        skip("the modules of GRUB are not installed");
    }
    Vm::is_possible(firmware) && has(&["grub-mkimage", "cc", "mcopy"]) && !modules.contains(&false)
}

/// An image of GRUB.
fn image(platform: Platform, folder: &Path) -> Vec<u8> {
    let (modules, output) = (format!("{MODULES}/{}", platform.as_str()), folder.join(platform.as_str()));
    let has = |name: &str| Path::new(&modules).join(format!("{name}.mod")).exists();
    run(program("grub-mkimage").args(platform.arguments(&modules, output.to_str().unwrap(), has)));
    fs_err::read(output).unwrap()
}

/// An archive with one file, `/init` (the kernel's `driver-api/early-userspace/buffer-format.rst`).
fn initrd(folder: &Path) -> Vec<u8> {
    let (source, init) =
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guest/init.c"), folder.join("init"));
    run(program("cc").args(["-static", "-Os", "-s", "-o"]).arg(&init).arg(source));
    let mut archive = Vec::new();
    for (name, mode, bytes) in
        [("init", 0o100_755, fs_err::read(init).unwrap()), ("TRAILER!!!", 0, Vec::new())]
    {
        archive.extend(b"070701");
        let fields = [0, mode, 0, 0, 1, 0, bytes.len(), 0, 0, 0, 0, name.len() + 1, 0];
        archive.extend(fields.iter().flat_map(|field| format!("{field:08X}").into_bytes()));
        archive.extend(name.bytes().chain([0]));
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend(bytes);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }
    archive
}

/// A target that begins further behind.
struct Behind<'t>(&'t mut dyn Target, u64);

impl Target for Behind<'_> {
    fn put(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.put(self.1 + offset, bytes)
    }
}

/// A disk with the same system in both slots, as after an update to what was there before.
struct World {
    disk: PathBuf,
    firmware: Firmware,
    _folder: tempfile::TempDir,
}

impl World {
    fn new(firmware: Firmware, kernel: &[u8], parameters: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (layout, initrd) = (layout(), initrd(folder.path()));
        let options =
            ext4::Options::new(layout.partition(Role::RootA).size(), sample::uuid("slot"), "slot", TIME);
        let files = BTreeMap::from([("boot/initrd", &initrd[..]), ("boot/vmlinuz-1", kernel)]);
        let mut entries = vec![entry("boot", ext4::Kind::Directory)];
        entries
            .extend(files.iter().map(|(path, it)| entry(path, ext4::Kind::File { size: it.len() as u64 })));
        // As Debian's links are; and one that begins at the root.
        entries.extend([link("initrd.img", "/boot/initrd"), link("vmlinuz", "boot/vmlinuz-1")]);
        let slot = ext4::Image::plan(&options, entries).unwrap();
        let content = |path: &[u8]| Ok(Cursor::new(files[std::str::from_utf8(path).unwrap()]));

        let parameters = grub::DEFAULT_PARAMETERS.into_iter().chain(parameters.iter().copied());
        let config = grub::Config::new(&layout, "/vmlinuz", Some("/initrd.img"), parameters).unwrap();
        let core = image(Platform::Bios, folder.path());
        let boot = fs_err::read(format!("{MODULES}/i386-pc/boot.img")).unwrap();
        let bios = gabion_disk::Bios::new(&boot, &core, layout.partition(Role::BiosBoot)).unwrap();
        let esp = BTreeMap::from([
            (grub::EFI_PATH.to_owned(), image(Platform::Efi, folder.path())),
            (grub::CONFIG_PATH.to_owned(), config.to_text().into_bytes()),
            (ENVIRONMENT_PATH.to_owned(), Environment::new(Slot::A).to_bytes().unwrap()),
        ]);
        let disk = folder.path().join("disk");
        let mut raw = Raw::new(fs_err::File::create(&disk).unwrap(), layout.size());
        let parts = Disk { layout: &layout, bios: &bios, esp, time: TIME };
        parts.write(Tree { image: &slot, content }, &mut raw).unwrap();
        slot.write(&mut Behind(&mut raw, layout.partition(Role::RootB).offset()), content).unwrap();
        raw.finish().unwrap();
        Self { disk, firmware, _folder: folder }
    }

    fn mtools(&self, name: &str) -> std::process::Command {
        let mut command = program(name);
        let esp = layout().partition(Role::Esp).offset();
        command.env("MTOOLS_SKIP_CHECK", "1").arg("-i").arg(format!("{}@@{esp}", self.disk.display()));
        command
    }

    fn environment(&self) -> Environment {
        let path = format!("::{ENVIRONMENT_PATH}");
        Environment::parse(&run(self.mtools("mtype").arg(path))).unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Environment)) {
        let mut environment = self.environment();
        change(&mut environment);
        let file = self.disk.with_extension("env");
        fs_err::write(&file, environment.to_bytes().unwrap()).unwrap();
        run(self.mtools("mcopy").arg("-o").arg(file).arg(format!("::{ENVIRONMENT_PATH}")));
    }

    /// Makes a slot one that GRUB cannot read.
    fn break_slot(&self, slot: Slot) {
        let layout = layout();
        let offset = layout.partition(slot.into()).offset();
        let mut file = fs_err::OpenOptions::new().write(true).open(&self.disk).unwrap();
        io::Seek::seek(&mut file, io::SeekFrom::Start(offset)).unwrap();
        io::Write::write_all(&mut file, &vec![0; MIB as usize]).unwrap();
    }

    fn start(&self) -> Running {
        Vm::new(self.firmware, &self.disk).keeping_writes().start()
    }

    /// Starts, and gives what the kernel was told.
    fn command_line(&self) -> String {
        let heard = self.start().wait_until_off(DEADLINE);
        let line = heard.lines().find_map(|it| it.split_once("cmdline: "));
        line.unwrap_or_else(|| panic!("no kernel spoke:\n{heard}")).1.to_owned()
    }
}

/// What a kernel is told that was started in `slot`.
fn is_in(line: &str, slot: Slot, is_trial: bool) -> bool {
    let id = layout().partition(slot.into()).id;
    line.contains(&format!("root=PARTUUID={id} gabion.slot={slot} "))
        && line.contains("gabion.trial=1") == is_trial
        && line.contains(" rw console=tty0 console=ttyS0,115200n8 panic=10")
}

fn a_slot_is_tried_once_and_stays_only_if_confirmed(firmware: Firmware) {
    let Some(kernel) = kernel().filter(|_| is_possible(firmware)) else { return };
    let world = World::new(firmware, &kernel, &["test.word=a=b,c:d;$e|{f}"]);
    let line = world.command_line();
    assert!(is_in(&line, Slot::A, false) && line.contains("test.word=a=b,c:d;$e|{f}"), "{line}");

    world.change(|it| it.try_once(Slot::B));
    let trial = world.start();
    trial.wait_for("Linux version", DEADLINE);
    let heard = trial.cut_power();
    assert!(heard.contains("slot b"), "{heard}");
    assert_eq!((world.environment().slot(), world.environment().trial()), (Some(Slot::A), None));
    let line = world.command_line();
    assert!(is_in(&line, Slot::A, false), "{line}");

    world.change(|it| it.try_once(Slot::B));
    let line = world.command_line();
    assert!(is_in(&line, Slot::B, true), "{line}");

    world.change(|it| it.confirm(Slot::B));
    for _ in 0..2 {
        let line = world.command_line();
        assert!(is_in(&line, Slot::B, false), "{line}");
    }
}

#[test]
fn under_a_bios_a_slot_is_tried_once_and_stays_only_if_confirmed() {
    a_slot_is_tried_once_and_stays_only_if_confirmed(Firmware::Bios);
}

#[test]
fn under_uefi_a_slot_is_tried_once_and_stays_only_if_confirmed() {
    a_slot_is_tried_once_and_stays_only_if_confirmed(Firmware::Uefi);
}

#[test]
fn a_slot_without_a_kernel_is_passed_over() {
    let Some(kernel) = kernel().filter(|_| is_possible(Firmware::Bios)) else { return };
    let world = World::new(Firmware::Bios, &kernel, &[]);
    world.break_slot(Slot::A);
    let line = world.command_line();
    assert!(is_in(&line, Slot::B, false), "{line}");
}

#[test]
fn a_disk_without_an_environment_starts_the_first_slot() {
    let Some(kernel) = kernel().filter(|_| is_possible(Firmware::Uefi)) else { return };
    let world = World::new(Firmware::Uefi, &kernel, &[]);
    run(world.mtools("mdel").arg(format!("::{ENVIRONMENT_PATH}")));
    let line = world.command_line();
    assert!(is_in(&line, Slot::A, false), "{line}");
}

#[test]
fn a_trial_that_panics_comes_back_by_itself_in_the_confirmed_slot() {
    let Some(kernel) = kernel().filter(|_| is_possible(Firmware::Bios)) else { return };
    let world = World::new(Firmware::Bios, &kernel, &["test.panic", "panic=1"]);
    world.change(|it| it.try_once(Slot::B));
    let running = Vm::new(world.firmware, &world.disk).keeping_writes().rebooting().start();
    running.wait_for("gabion.slot=b gabion.trial=1", DEADLINE);
    running.wait_for("gabion.slot=a rw", DEADLINE);
}
