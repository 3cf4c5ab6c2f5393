//! Folders and links of lower layers: what a layer above must say again or keep away from.
//!
//! A layer that names a folder gives it an owner and a mode; one that names a link's path replaces the link. Whoever
//! adds `/tmp/x` must therefore know how `/tmp` is, and whoever adds `/bin/x` that `/bin` leads elsewhere.

use crate::write::Meta;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read};

/// An entry of a lower layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lower {
    /// A folder.
    Folder(Meta),
    /// A symbolic link, and where it leads.
    Link(Vec<u8>),
    /// Anything else.
    Other,
}

/// All folders and links that the layers so far leave, by path. Other entries are noted only where they lie above
/// nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Below(BTreeMap<Vec<u8>, Lower>);

/// A file with this name hides all that lower layers have in its folder.
const OPAQUE: &[u8] = b".wh..wh..opq";
const WHITEOUT: &[u8] = b".wh.";

impl Below {
    /// What lies at a path; nothing where no layer has it.
    pub fn get(&self, path: &[u8]) -> Option<&Lower> {
        self.0.get(path)
    }

    /// Puts an entry over whatever lies there.
    pub fn put(&mut self, path: &[u8], entry: Lower) {
        if !matches!(entry, Lower::Folder(_)) {
            self.clear(path);
        }
        self.0.insert(path.to_vec(), entry);
    }

    /// Lays the layer with this tar over the ones so far (OCI image specification 1.1, "Applying Changesets").
    pub fn add(&mut self, tar: impl Read) -> io::Result<()> {
        let mut archive = tar::Archive::new(tar);
        // What is removed is of lower layers: entries of the same layer stay, wherever they stand in it.
        let (mut removed, mut hidden, mut added) = (Vec::new(), Vec::new(), Vec::new());
        for entry in archive.entries()? {
            let entry = entry?;
            let Some(path) = plain(&entry.path_bytes()) else { continue };
            let name = path.rsplit(|it| *it == b'/').next().unwrap_or_default();
            let folder = &path[..path.len() - name.len()];
            if name == OPAQUE {
                hidden.push(folder.strip_suffix(b"/").unwrap_or(folder).to_vec());
                continue;
            }
            if let Some(name) = name.strip_prefix(WHITEOUT) {
                removed.push([folder, name].concat());
                continue;
            }
            let header = entry.header();
            let kind = match header.entry_type() {
                tar::EntryType::Directory => {
                    let owner = |id: u64| u32::try_from(id).unwrap_or_default();
                    let (uid, gid) = (owner(header.uid()?), owner(header.gid()?));
                    Lower::Folder(Meta { mode: header.mode()? & 0o7777, uid, gid })
                }
                tar::EntryType::Symlink => {
                    Lower::Link(entry.link_name_bytes().map(Cow::into_owned).unwrap_or_default())
                }
                _ => Lower::Other,
            };
            added.push((path, kind));
        }
        for path in removed {
            self.clear(&path);
            self.0.remove(&path);
        }
        for folder in &hidden {
            self.clear(folder);
        }
        for (path, entry) in added {
            self.put(&path, entry);
        }
        Ok(())
    }

    /// Forgets what lies below a path.
    fn clear(&mut self, path: &[u8]) {
        let inside = if path.is_empty() { Vec::new() } else { [path, b"/"].concat() };
        let gone: Vec<Vec<u8>> = self.0.range(inside.clone()..).map(|(path, _)| path.clone()).collect();
        for path in gone.into_iter().take_while(|path| path.starts_with(&inside)) {
            self.0.remove(&path);
        }
    }
}

/// A path as entries are named here: without `./` and slashes at the ends. Nothing for the root itself, and for what
/// leads out of it, which no reader follows.
fn plain(path: &[u8]) -> Option<Vec<u8>> {
    let parts: Vec<&[u8]> = path.split(|it| *it == b'/').filter(|it| !it.is_empty() && *it != b".").collect();
    (!parts.is_empty() && !parts.contains(&&b".."[..])).then(|| parts.join(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Meta = Meta { mode: 0o755, uid: 0, gid: 0 };

    /// A tar of folders (`x/`), links (`x>y`) and files.
    fn tar(entries: &[&str]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for entry in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(0);
            let (path, kind) = match entry.split_once('>') {
                Some((path, target)) => {
                    header.set_link_name(target).unwrap();
                    (path, tar::EntryType::Symlink)
                }
                None if entry.ends_with('/') => (*entry, tar::EntryType::Directory),
                None => (*entry, tar::EntryType::Regular),
            };
            header.set_entry_type(kind);
            header.set_mode(if entry.contains("tmp") { 0o1777 } else { 0o755 });
            header.set_uid(0);
            header.set_gid(0);
            builder.append_data(&mut header, path, io::empty()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn below(layers: &[&[&str]]) -> Below {
        let mut below = Below::default();
        for it in layers {
            below.add(tar(it).as_slice()).unwrap();
        }
        below
    }

    #[test]
    fn folders_and_links_of_lower_layers_are_known() {
        let below = below(&[&["./usr/", "usr/bin/", "bin>usr/bin", "tmp/", "etc/file"]]);
        assert_eq!(below.get(b"usr/bin"), Some(&Lower::Folder(ROOT)));
        assert_eq!(below.get(b"tmp"), Some(&Lower::Folder(Meta { mode: 0o1777, ..ROOT })));
        assert_eq!(below.get(b"bin"), Some(&Lower::Link(b"usr/bin".to_vec())));
        assert_eq!((below.get(b"etc/file"), below.get(b"etc")), (Some(&Lower::Other), None));
    }

    #[test]
    fn what_is_removed_is_gone_and_what_comes_with_it_is_not() {
        let under: &[&str] = &["a/", "a/b/", "a/b/c/", "ab/", "x/", "x/y>z"];
        let removed = below(&[under, &["a/.wh.b", "x/.wh.y"]]);
        assert!(removed.get(b"a").is_some() && removed.get(b"ab").is_some());
        for gone in [&b"a/b"[..], b"a/b/c", b"x/y"] {
            assert_eq!(removed.get(gone), None);
        }
        let opaque = below(&[under, &["a/new/", "a/", "a/.wh..wh..opq"]]);
        assert!(opaque.get(b"a").is_some() && opaque.get(b"a/new").is_some());
        assert_eq!((opaque.get(b"a/b"), opaque.get(b"a/b/c")), (None, None));
        let all = below(&[under, &[".wh..wh..opq", "new/"]]);
        assert!(all.get(b"new").is_some() && all.get(b"x").is_none());
        // A link over a folder takes what was in it away; a folder over a folder does not.
        let over = below(&[under, &["a>x"], &["x/"]]);
        assert_eq!((over.get(b"a"), over.get(b"a/b")), (Some(&Lower::Link(b"x".to_vec())), None));
        assert!(over.get(b"x/y").is_some());
    }

    #[test]
    fn a_path_that_leads_out_is_nobody_s() {
        assert_eq!(plain(b"./a//b/"), Some(b"a/b".to_vec()));
        for none in [&b"."[..], b"./", b"../a", b"a/../../b"] {
            assert_eq!(plain(none), None);
        }
    }
}
