//! What GRUB's own tools say of environment, configuration and arguments.

use crate::Folder;
use crate::sample::layout;
use gabion_disk::grub::{Config, ConfigError, DEFAULT_PARAMETERS, Environment, Platform};
use gabion_disk::{Bios, BiosError, Role, Slot};
use gabion_testkit::{has, program, run, text};

#[test]
fn grub_editenv_reads_our_environment_and_we_read_its() {
    if !has(&["grub-editenv"]) {
        return;
    }
    let folder = Folder::new();
    let file = folder.path("grubenv");
    let mut ours = Environment::new(Slot::A);
    ours.try_once(Slot::B);
    ours.set("note", "a \\ backslash\nand a line").unwrap();
    fs_err::write(&file, ours.to_bytes().unwrap()).unwrap();
    let listed = text(program("grub-editenv").arg(&file).arg("list"));
    assert_eq!(listed, "note=a \\ backslash\nand a line\nslot=a\ntrial=b\n");

    run(program("grub-editenv").arg(&file).args(["set", "slot=b", "trial=", "next_entry=x=y\\z"]));
    let theirs = Environment::parse(&fs_err::read(&file).unwrap()).unwrap();
    assert_eq!((theirs.slot(), theirs.trial()), (Some(Slot::B), None));
    assert_eq!((theirs.get("next_entry"), theirs.get("note")), (Some("x=y\\z"), ours.get("note")));

    run(program("grub-editenv").arg(&file).arg("create"));
    let mut fresh = Environment::parse(&fs_err::read(&file).unwrap()).unwrap();
    assert_eq!(fresh.slot(), None);
    fresh.confirm(Slot::A);
    assert_eq!(fresh, Environment::new(Slot::A));
}

#[test]
fn grub_reads_the_configuration() {
    if !has(&["grub-script-check"]) {
        return;
    }
    let folder = Folder::new();
    let odd = ["a=$b", "c;d", "{e}", "f|g&h", "i=<j>", "k#l"];
    for (name, initrd) in [("with", Some("/initrd.img")), ("without", None)] {
        let parameters = DEFAULT_PARAMETERS.into_iter().chain(odd);
        let config = Config::new(&layout(), "/boot/vmlinuz-6.1.0_x+y", initrd, parameters).unwrap();
        fs_err::write(folder.path(name), config.to_text()).unwrap();
        run(program("grub-script-check").arg(folder.path(name)));
    }
}

#[test]
fn what_grub_or_the_kernel_would_read_otherwise_is_refused() {
    let config = |kernel: &str, parameter: &str| Config::new(&layout(), kernel, None, [parameter]);
    for path in ["", "/", "vmlinuz", "/a b", "/a\"b", "/$x", "/a\nb", "/ä"] {
        let error = config(path, "ro").unwrap_err();
        assert!(matches!(error, ConfigError::Path { .. }) && error.help().is_some(), "{path}");
    }
    for parameter in ["", "a b", "a'b", "a\"b", "a\\b", "a\nb", "ä"] {
        let error = config("/vmlinuz", parameter).unwrap_err();
        assert!(matches!(error, ConfigError::Parameter { .. }), "{parameter}");
    }
}

#[test]
fn images_are_made_for_the_disk_that_grub_was_started_from() {
    let arguments = Platform::Efi.arguments("/modules", "out", |_| true);
    assert_eq!(arguments[..2], ["--format", "x86_64-efi"]);
    assert!(arguments.windows(2).any(|it| it == ["--prefix", "(,gpt2)/grub"]), "{arguments:?}");
    assert!(arguments.contains(&"linuxefi".to_owned()));
    assert!(!Platform::Efi.modules(|_| false).contains(&"linuxefi"));
    assert!(Platform::Bios.modules(|_| true).contains(&"biosdisk"));
}

/// An image as `grub-mkimage` makes it, as far as the first sector's list goes.
fn core(size: usize) -> Vec<u8> {
    let mut core = vec![0x52; size];
    core[500..512].copy_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0x08]);
    core
}

fn boot() -> Vec<u8> {
    let mut boot = vec![0xEB; 512];
    boot[510..].copy_from_slice(&[0x55, 0xAA]);
    boot
}

#[test]
fn a_bios_is_told_where_the_core_image_lies() {
    let layout = layout();
    let bios = Bios::new(&boot(), &core(1025), layout.partition(Role::BiosBoot)).unwrap();
    assert_eq!(bios.code()[0x5C..0x64], 2048_u64.to_le_bytes());
    assert_eq!((bios.code()[0x64], &bios.code()[0x66..0x68]), (0xFF, &[0x90, 0x90][..]));
    assert_eq!(bios.core().len(), 1536);
    assert_eq!(bios.core()[500..512], [1, 8, 0, 0, 0, 0, 0, 0, 2, 0, 0x20, 0x08]);
}

#[test]
fn what_a_bios_could_not_start_is_refused() {
    let layout = layout();
    let part = layout.partition(Role::BiosBoot);
    let of = |boot: &[u8], core: &[u8]| Bios::new(boot, core, part).unwrap_err();
    assert_eq!(of(&boot()[..511], &core(1024)), BiosError::BootSector { size: 511 });
    assert_eq!(of(&[0; 512], &core(1024)), BiosError::BootSector { size: 512 });
    assert_eq!(of(&boot(), &core(512)), BiosError::Core { size: 512 });
    assert_eq!(of(&boot(), &[0; 1024]), BiosError::Core { size: 1024 });
    let room = part.size();
    let error = of(&boot(), &core(room as usize + 1));
    assert_eq!(error, BiosError::Room { size: room as usize + 1, room });
    assert_eq!((error.code(), error.help().is_some()), ("E1306", true));
    assert!(Bios::new(&boot(), &core(room as usize), part).is_ok());
}
