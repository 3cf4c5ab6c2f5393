//! A signed archive with one upgrade in it, on a disk, as a bundle would bring it.

use gabion_testkit::{Gpg, program, run, text};
use std::path::{Path, PathBuf};

/// Newer than any.
const CONTROL: &str = "Package: netbase\nVersion: 99\nArchitecture: all\nPriority: important\n\
    Maintainer: Nobody <nobody@example.net>\nDescription: an upgrade\n";

/// Makes the disk in `folder`: an ext4 file system with the label `updates`.
pub(crate) fn disk(folder: &Path) -> PathBuf {
    let (package, archive, disk) = (folder.join("package"), folder.join("archive"), folder.join("updates"));
    fs_err::create_dir_all(package.join("DEBIAN")).unwrap();
    fs_err::create_dir(&archive).unwrap();
    fs_err::write(package.join("DEBIAN/control"), CONTROL).unwrap();
    run(program("dpkg-deb").args(["--root-owner-group", "--build"]).arg(&package).arg(&archive));
    let list = |arguments: &[&str]| text(program("apt-ftparchive").current_dir(&archive).args(arguments));
    fs_err::write(archive.join("Packages"), list(&["packages", "."])).unwrap();
    let release = list(&["-oAPT::FTPArchive::Release::Origin=Gabion", "release", "."]);
    let gpg = Gpg::new();
    let key = gpg.key("updates@example.net", "ed25519", "sign", "never");
    fs_err::write(archive.join("InRelease"), gpg.sign(&key, &release, &[])).unwrap();
    fs_err::write(archive.join("keyring.gpg"), gpg.export(false)).unwrap();
    let mut make = program("mke2fs");
    make.args(["-q", "-t", "ext4", "-L", "updates", "-d"]).arg(&archive).arg(&disk).arg("8M");
    run(&mut make);
    disk
}
