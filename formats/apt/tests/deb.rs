//! Packages that dpkg made, and what no package may have.

use fs_err as fs;
use gabion_apt::{Control, DataEntry, DebError, DebReader, EntryKind};
use gabion_testkit::{has, program, run, text};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

type Found = Vec<(DataEntry, Vec<u8>)>;

fn read(bytes: &[u8]) -> Result<(Control, u64, Found), DebError> {
    let reader = DebReader::open(bytes)?;
    let (control, newest) = (reader.control().clone(), reader.newest());
    let mut found = Found::new();
    reader.unpack(|entry, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        found.push((entry, bytes));
        Ok::<(), DebError>(())
    })?;
    Ok((control, newest, found))
}

/// A package with one entry of each kind.
fn tree(at: &Path) {
    for folder in ["DEBIAN", "usr/bin", "etc"] {
        fs::create_dir_all(at.join(folder)).unwrap();
    }
    let write = |path: &str, text: &str, mode: u32| {
        fs::write(at.join(path), text).unwrap();
        fs::set_permissions(at.join(path), PermissionsExt::from_mode(mode)).unwrap();
    };
    let control = "Package: tool\nVersion: 1:2-3\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: x\n";
    write("DEBIAN/control", control, 0o644);
    write("DEBIAN/postinst", "#!/bin/sh\nexit 0\n", 0o755);
    write("DEBIAN/conffiles", "/etc/tool.conf\n", 0o644);
    write("etc/tool.conf", "answer = 42\n", 0o640);
    write("usr/bin/tool", "#!/bin/sh\n", 0o4755);
    fs::hard_link(at.join("usr/bin/tool"), at.join("usr/bin/tool-2")).unwrap();
    symlink("../etc/tool.conf", at.join("usr/tool.conf")).unwrap();
    let long = "f".repeat(180);
    write(&format!("usr/{long}"), &"long ".repeat(40_000), 0o644);
}

#[test]
fn what_dpkg_packed_is_read_alike_in_every_packing() {
    if !has(&["dpkg-deb"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("tree");
    tree(&source);
    let mut all = Vec::new();
    for packing in ["none", "gzip", "xz", "zstd"] {
        let deb = folder.path().join(format!("{packing}.deb"));
        let mut build = program("dpkg-deb");
        build.env("SOURCE_DATE_EPOCH", "1700000000").args([
            "--root-owner-group",
            &format!("-Z{packing}"),
            "-b",
        ]);
        run(build.arg(&source).arg(&deb));
        let bytes = fs::read(&deb).unwrap();
        let (control, newest, found) = read(&bytes).unwrap();
        assert_eq!(newest, 1_700_000_000);
        assert_eq!(control.files["postinst"], (0o755, b"#!/bin/sh\nexit 0\n".to_vec()));
        assert!(control.stanza.starts_with("Package: tool\nVersion: 1:2-3\n"));
        // The names that dpkg-deb shows, in its order.
        let listed = text(program("dpkg-deb").arg("-c").arg(&deb));
        let names = listed.lines().filter_map(|line| line.split(" ./").nth(1)).filter(|it| !it.is_empty());
        let names: Vec<&str> =
            names.map(|it| it.split([' ']).next().unwrap().trim_end_matches('/')).collect();
        let ours: Vec<_> = found.iter().map(|(it, _)| String::from_utf8(it.path.clone()).unwrap()).collect();
        assert_eq!(ours, names);
        all.push(found);
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "a packing changes nothing");
    let get = |path: &str| all[0].iter().find(|(it, _)| it.path == path.as_bytes()).unwrap();
    assert_eq!(get("etc/tool.conf").1, b"answer = 42\n");
    assert_eq!(get("etc/tool.conf").0.mode, 0o640);
    assert_eq!(get("usr/tool.conf").0.kind, EntryKind::Symlink(b"../etc/tool.conf".to_vec()));
    assert_eq!(get("usr/bin/tool").0.mode, 0o4755);
    assert_eq!(get("usr/bin/tool-2").0.kind, EntryKind::HardLink(b"usr/bin/tool".to_vec()));
    assert_eq!(get(&format!("usr/{}", "f".repeat(180))).1.len(), 200_000);
}

/// A package whose data is the tar of `data`.
fn package(data: &[u8]) -> Vec<u8> {
    let control = tar(&[("./control", tar::EntryType::Regular, b"Package: p\n", "")]);
    ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", data)])
}

fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let size = content.len();
        bytes.extend(format!("{name:<16}{:<12}0     0     100644  {size:<10}`\n", 7).bytes());
        bytes.extend_from_slice(content);
        bytes.extend(std::iter::repeat_n(b'\n', size % 2));
    }
    bytes
}

/// Python's and GNU's writers refuse such names, so the headers are written here.
fn tar(entries: &[(&str, tar::EntryType, &[u8], &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, kind, content, target) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

#[test]
fn entries_that_could_leave_the_root_are_refused_by_name() {
    use tar::EntryType as Kind;
    let check = |name: &str, kind: Kind, target: &str, expected: &str| {
        let error = read(&package(&tar(&[(name, kind, b"", target)]))).unwrap_err();
        assert_eq!((error.code(), error.to_string()), ("E0712", format!("its entry `{name}` {expected}")));
    };
    check("/etc/passwd", Kind::Regular, "", "has an absolute path");
    check("./../etc/passwd", Kind::Regular, "", "leads out of the root");
    check("./usr/../../x", Kind::Directory, "", "leads out of the root");
    check("./dev/sda", Kind::Block, "", "is a device");
    check("./dev/null", Kind::Char, "", "is a device");
    check("./run/pipe", Kind::Fifo, "", "is a pipe");
    check("./usr/link", Kind::Symlink, "", "is a link that leads nowhere");
    check("./usr/link", Kind::Link, "", "is a link that leads nowhere");
    // The target of a hard link is a path of the package too.
    let error = read(&package(&tar(&[("./a", Kind::Link, b"", "../b")]))).unwrap_err();
    assert_eq!(error.to_string(), "its entry `../b` leads out of the root");
}

#[test]
fn what_is_no_package_says_so() {
    let whole = package(&tar(&[("./a", tar::EntryType::Regular, b"content", "")]));
    assert_eq!(read(&whole).unwrap().2.len(), 1);
    // Wherever it is cut: never a package.
    for length in 0..whole.len() {
        let error = read(&whole[..length]).unwrap_err();
        assert!(matches!(error.code(), "E0710" | "E0711"), "{length}: {error}");
    }
    let said = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    assert_eq!(said(b"<html>not found</html>"), "it is no Debian package: it does not begin with `!<arch>`");
    let data = tar(&[]);
    let control = tar(&[("./control", tar::EntryType::Regular, b"Package: p\n", "")]);
    let broken = |members: &[(&str, &[u8])]| said(&ar(members));
    let (version, old) = (("debian-binary", &b"2.0\n"[..]), ("debian-binary", &b"0.939\n"[..]));
    let wrong = "it is no Debian package: ";
    assert_eq!(broken(&[old]), format!("{wrong}its version is `0.939`, not 2"));
    let odd = broken(&[version, ("control.tar.lz", &control), ("data.tar", &data)]);
    assert_eq!(odd, format!("{wrong}the packing of `control.tar.lz` is not known"));
    let order = broken(&[version, ("data.tar", &data), ("control.tar", &control)]);
    assert_eq!(order, format!("{wrong}there is `data.tar` where `control.tar` belongs"));
    let none = broken(&[version, ("control.tar", &data), ("data.tar", &data)]);
    assert_eq!(none, format!("{wrong}it has no control file"));
    // Members that begin with `_` may be there and are skipped.
    let members = [version, ("_extra", b"odd"), ("control.tar", &control), ("data.tar", &data)];
    assert_eq!(read(&ar(&members)).unwrap().1, 7);
}
