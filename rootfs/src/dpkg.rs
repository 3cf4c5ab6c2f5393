//! dpkg's database, written as dpkg would have left it after unpacking (`deb-control(5)`, dpkg's `lib/dpkg/dump.c`,
//! `parse.c`, `triglib.c`): every package `install ok unpacked`, so that `dpkg --configure -a` does the rest. Where no
//! package has a script and nobody waits for their files, there is no rest, and they are `installed`.

use crate::RootfsError;
use crate::merged;
use crate::root::{Meta, Root};
use crate::unpack::Unpacked;
use std::fmt::Write as _;
use std::io;

const ADMIN: &str = "var/lib/dpkg";
/// What runs when a package is installed.
const SCRIPTS: [&str; 3] = ["config", "postinst", "preinst"];

/// Adds `packages` to the database, and makes one where there is none. Gives whether something is left for dpkg to do.
pub(crate) fn add(root: &Root, packages: &[Unpacked]) -> Result<bool, RootfsError> {
    let path = |name: &str| format!("{ADMIN}/{name}");
    for name in ["info", "triggers", "updates", "parts", "alternatives"] {
        let path = path(name);
        root.make_directory(path.as_bytes()).map_err(|error| RootfsError::io("make", &path, error))?;
    }
    for name in ["available", "diversions", "statoverride"] {
        if read(root, &path(name))?.is_empty() {
            root.replace(&path(name), b"")?;
        }
    }
    root.replace(&path("info/format"), b"1\n")?;
    let awaited = triggers(root, packages)?;
    let has_script = |it: &Unpacked| SCRIPTS.iter().any(|name| it.control.files.contains_key(*name));
    let left = awaited || packages.iter().any(has_script);
    let state = if left { "unpacked" } else { "installed" };
    let mut status = read(root, &path("status"))?;
    for package in packages {
        status.push_str(&stanza(package, state));
        files(root, package)?;
    }
    root.replace(&path("status"), status.as_bytes())?;
    Ok(left)
}

fn read(root: &Root, path: &str) -> Result<String, RootfsError> {
    let bytes = root.read(path.as_bytes()).map_err(|error| RootfsError::io("read", path, error))?;
    String::from_utf8(bytes.unwrap_or_default()).map_err(|error| RootfsError::io("read", path, error))
}

fn stanza(package: &Unpacked, state: &str) -> String {
    let mut text = package.control.stanza.trim_end().to_owned();
    let _ = writeln!(text, "\nStatus: install ok {state}");
    if !package.conffiles.is_empty() {
        text.push_str("Conffiles:\n");
        for (path, md5) in &package.conffiles {
            let _ = writeln!(text, " /{path} {md5}");
        }
    }
    text.push('\n');
    text
}

/// `info/KEY.*`: the control files, and the list of paths.
fn files(root: &Root, package: &Unpacked) -> Result<(), RootfsError> {
    let key = package.key();
    let write = |name: &str, mode: u32, bytes: &[u8]| {
        let path = format!("{ADMIN}/info/{key}.{name}");
        let written = root.file(path.as_bytes(), Meta { mode, uid: 0, gid: 0 }, &mut &*bytes);
        written.map_err(|error| RootfsError::io("write", &path, error))
    };
    let mut list = b"/.\n".to_vec();
    for path in &package.list {
        list.push(b'/');
        list.extend_from_slice(path);
        list.push(b'\n');
    }
    write("list", 0o644, &list)?;
    for (name, (mode, bytes)) in &package.control.files {
        write(name, *mode, bytes)?;
    }
    Ok(())
}

/// Who is interested in what: paths in `triggers/File`, names in a file each. Gives whether a package that was there
/// before waits for files of these; dpkg finds that in `triggers/Unincorp`.
fn triggers(root: &Root, packages: &[Unpacked]) -> Result<bool, RootfsError> {
    let file = format!("{ADMIN}/triggers/File");
    let mut paths = read(root, &file)?;
    let mut awaited = String::new();
    for path in paths.lines().filter_map(|line| line.split(' ').next()) {
        if packages.iter().any(|it| it.has_below(path.trim_start_matches('/').as_bytes())) {
            // Nobody is kept from being configured by it (`lib/dpkg/trigdeferred.l`).
            let _ = writeln!(awaited, "{path} -");
        }
    }
    for package in packages {
        for line in package.text("triggers").unwrap_or_default().lines() {
            let mut words = line.split_whitespace();
            let (Some(directive), Some(name)) = (words.next(), words.next()) else { continue };
            let wait = match directive {
                "interest" | "interest-await" => "",
                "interest-noawait" => "/noawait",
                _ => continue,
            };
            let key = package.key();
            if name.starts_with('/') {
                let _ = writeln!(paths, "{name} {key}{wait}");
            } else {
                let path = format!("{ADMIN}/triggers/{name}");
                let text = read(root, &path)? + &key + wait + "\n";
                root.replace(&path, text.as_bytes())?;
            }
        }
    }
    root.replace(&file, paths.as_bytes())?;
    root.replace(&format!("{ADMIN}/triggers/Unincorp"), awaited.as_bytes())?;
    Ok(!awaited.is_empty())
}

/// The package whose list has `path`, a path of the merged tree.
pub(crate) fn owner(root: &Root, path: &[u8]) -> io::Result<Option<String>> {
    let info = format!("{ADMIN}/info");
    for name in root.names(info.as_bytes())? {
        let Some(key) = name.strip_suffix(b".list") else { continue };
        let list = root.read(&[info.as_bytes(), b"/", &name].concat())?.unwrap_or_default();
        let mut lines = list.split(|it| *it == b'\n').filter_map(|line| line.strip_prefix(b"/"));
        if lines.any(|line| merged::path(line).as_deref() == Some(path)) {
            let key = String::from_utf8_lossy(key);
            return Ok(Some(key.split(':').next().unwrap_or_default().to_owned()));
        }
    }
    Ok(None)
}
