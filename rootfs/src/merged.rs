//! The merged `/usr`: what lies in `/bin`, `/sbin` and `/lib*` lies below `/usr`, and links lead there.
//!
//! The tree is born merged, so that no package has to merge it (Debian's `usrmerge`, Ubuntu since 20.10).

use crate::RootfsError;
use crate::root::{Meta, Root};

/// The directories of the root that are links.
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Where a path of a package lies; `None` for one of the links themselves.
pub(crate) fn path(path: &[u8]) -> Option<Vec<u8>> {
    let end = path.iter().position(|it| *it == b'/').unwrap_or(path.len());
    if !MERGED.iter().any(|it| it.as_bytes() == &path[..end]) {
        return Some(path.to_vec());
    }
    (end < path.len()).then(|| [b"usr/", path].concat())
}

/// Makes the directories and the links to them, and the places where a sandbox mounts.
pub(crate) fn skeleton(root: &Root) -> Result<(), RootfsError> {
    for name in ["dev", "proc", "run", "sys", "tmp"] {
        root.make_directory(name.as_bytes()).map_err(|error| RootfsError::io("make", name, error))?;
    }
    for name in MERGED {
        let target = format!("usr/{name}");
        let made = root.make_directory(target.as_bytes()).and_then(|()| {
            root.symlink(name.as_bytes(), target.as_bytes(), Meta { mode: 0o777, uid: 0, gid: 0 })
        });
        made.map_err(|error| RootfsError::io("make", name, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn only_the_merged_directories_move() {
        let check = |given: &str, expected: Option<&str>| {
            assert_eq!(path(given.as_bytes()).as_deref(), expected.map(str::as_bytes), "{given}");
        };
        check("bin/sh", Some("usr/bin/sh"));
        check("lib64/ld-linux-x86-64.so.2", Some("usr/lib64/ld-linux-x86-64.so.2"));
        check("lib", None);
        check("libexec/x", Some("libexec/x"));
        check("usr/bin/sh", Some("usr/bin/sh"));
    }
}
