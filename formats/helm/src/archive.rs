//! Packed charts as a stream of members. `tar` reads the headers; what may be in them is decided here.
//!
//! An archive is a chart's only where every reader would see the same members: files and folders, each path
//! once, no link, no device, no header that changes a size, and nothing behind the end.

use crate::chart::{ChartError, Limits};
use flate2::bufread::MultiGzDecoder;
use std::collections::BTreeSet;
use std::io::{self, BufReader, Read};
use tar::{Archive, EntryType};

const LONGEST_PATH: usize = 4096;
const LONGEST_COMPONENT: usize = 255;
const DEEPEST: usize = 64;
/// The largest header with a long path or PAX records, in bytes.
const LARGEST_HEADER: u64 = 64 << 10;
/// PAX records (POSIX.1-2017, `pax`) that change nothing but the path, or what charts do not have: owner and times.
const PAX: [&str; 9] = ["path", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment"];

/// The unpacked stream, and no more of it than allowed.
struct Bounded<R> {
    inner: R,
    left: u64,
    ended: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("it unpacks to more than allowed")]
struct Excess;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.ended |= count == 0 && !into.is_empty();
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| io::Error::other(Excess))?;
        Ok(count)
    }
}

/// Gives every file of a packed chart to `file`: its path and its content.
pub(crate) fn walk(
    input: impl Read,
    limits: &Limits,
    mut file: impl FnMut(&str, &mut dyn Read) -> Result<(), ChartError>,
) -> Result<(), ChartError> {
    let unpacked = MultiGzDecoder::new(BufReader::new(input));
    let mut archive = Archive::new(Bounded { inner: unpacked, left: limits.unpacked, ended: false });
    let failed = |error: io::Error| broken(&error, limits);
    let mut paths = Paths::default();
    let mut long = LongPath::default();
    for (count, entry) in archive.entries().map_err(failed)?.raw(true).enumerate() {
        let mut entry = entry.map_err(failed)?;
        if count >= limits.members {
            return Err(ChartError::TooLarge { what: "members", limit: limits.members as u64 });
        }
        let kind = entry.header().entry_type();
        let size = entry.size();
        match kind {
            EntryType::Regular | EntryType::Directory => {
                let folder = kind == EntryType::Directory;
                let path = path(&long.take().unwrap_or_else(|| entry.path_bytes().into_owned()), folder)?;
                paths.add(&path, folder)?;
                sized(&path, folder, size, limits)?;
                if !folder {
                    file(&path, &mut entry)?;
                }
            }
            EntryType::XHeader | EntryType::XGlobalHeader | EntryType::GNULongName
                if size <= LARGEST_HEADER =>
            {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).map_err(failed)?;
                long.header(kind, &content)?;
            }
            _ => return Err(refused(&shown(&entry.path_bytes()), "is no file and no folder")),
        }
    }
    long.unused()?;
    end(archive.into_inner(), limits)
}

/// Whether a member may be as large as its header says.
fn sized(path: &str, folder: bool, size: u64, limits: &Limits) -> Result<(), ChartError> {
    match size {
        1.. if folder => Err(refused(path, "is a folder with content")),
        _ if size > limits.file => Err(ChartError::TooLarge { what: "bytes in a file", limit: limits.file }),
        _ => Ok(()),
    }
}

/// Nothing but zeros may follow, and the end must be there.
fn end<R: Read>(mut rest: Bounded<R>, limits: &Limits) -> Result<(), ChartError> {
    let wrong = |why: &str| ChartError::Archive { why: why.to_owned() };
    if rest.ended {
        return Err(wrong("it breaks off before its end"));
    }
    let mut block = [0; 8192];
    loop {
        match rest.read(&mut block).map_err(|error| broken(&error, limits))? {
            0 => return Ok(()),
            count if block[..count].iter().any(|it| *it != 0) => {
                return Err(wrong("there is something behind its end"));
            }
            _ => {}
        }
    }
}

/// An error of the stream as one of the chart.
pub(crate) fn broken(error: &io::Error, limits: &Limits) -> ChartError {
    match error.get_ref() {
        Some(inner) if inner.is::<Excess>() => ChartError::TooLarge { what: "bytes", limit: limits.unpacked },
        _ => ChartError::Archive { why: error.to_string() },
    }
}

fn refused(path: &str, why: &'static str) -> ChartError {
    ChartError::Member { path: path.to_owned(), why }
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}

/// Whether a path of a file stays below where it starts, as one of an archive has to.
pub(crate) fn plain_path(path: &str) -> Result<(), ChartError> {
    self::path(path.as_bytes(), false).map(|_| ())
}

/// A path that stays below where it starts, without a slash at its end.
fn path(bytes: &[u8], folder: bool) -> Result<String, ChartError> {
    let wrong = |why| refused(&shown(bytes), why);
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("is not UTF-8"))?;
    let plain = if folder { text.strip_suffix('/').unwrap_or(text) } else { text };
    if plain.len() > LONGEST_PATH || plain.split('/').any(|it| it.len() > LONGEST_COMPONENT) {
        return Err(wrong("is too long"));
    }
    if plain.contains(|it: char| it.is_control() || it == '\\') {
        return Err(wrong("holds control characters or backslashes"));
    }
    if plain.split('/').any(|it| matches!(it, "" | "." | "..")) {
        return Err(wrong("leads out of the chart"));
    }
    let drive = |it: &str| matches!(it.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic());
    if plain.split('/').any(drive) {
        return Err(wrong("names a drive"));
    }
    if plain.split('/').count() > DEEPEST {
        return Err(wrong("is too deep"));
    }
    Ok(plain.to_owned())
}

/// Paths that were there already.
#[derive(Default)]
struct Paths {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Paths {
    fn add(&mut self, path: &str, folder: bool) -> Result<(), ChartError> {
        for (end, _) in path.match_indices('/') {
            if self.files.contains(&path[..end]) {
                return Err(refused(path, "lies in a file"));
            }
            if !self.folders.contains(&path[..end]) {
                self.folders.insert(path[..end].to_owned());
            }
        }
        let fresh = if folder {
            self.folders.insert(path.to_owned());
            !self.files.contains(path)
        } else {
            !self.folders.contains(path) && self.files.insert(path.to_owned())
        };
        if fresh { Ok(()) } else { Err(refused(path, "is there twice")) }
    }
}

/// The path that a header gives to the member behind it.
#[derive(Default)]
struct LongPath {
    path: Option<Vec<u8>>,
    /// Whether the next member must be a file or a folder.
    pending: bool,
}

impl LongPath {
    fn header(&mut self, kind: EntryType, content: &[u8]) -> Result<(), ChartError> {
        let wrong = |why: &str| ChartError::Archive { why: why.to_owned() };
        if self.pending {
            return Err(wrong("two headers describe one member"));
        }
        if kind == EntryType::GNULongName {
            let name = content.strip_suffix(b"\0").unwrap_or(content);
            (self.path, self.pending) = (Some(name.to_vec()), true);
            return Ok(());
        }
        let records = records(content).ok_or_else(|| wrong("a PAX header cannot be read"))?;
        let known = |key: &str| PAX.contains(&key) && (kind == EntryType::XHeader || key == "comment");
        if let Some((key, _)) = records.iter().find(|(key, _)| !known(key)) {
            return Err(wrong(&format!("a PAX header sets `{}`", key.escape_debug())));
        }
        let mut paths = records.iter().filter(|(key, _)| *key == "path");
        self.path = paths.next().map(|(_, value)| value.to_vec());
        self.pending = kind == EntryType::XHeader;
        if paths.next().is_some() { Err(wrong("a PAX header sets a path twice")) } else { Ok(()) }
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        self.pending = false;
        self.path.take()
    }

    fn unused(&self) -> Result<(), ChartError> {
        let why = "a header describes no member".to_owned();
        if self.pending { Err(ChartError::Archive { why }) } else { Ok(()) }
    }
}

/// `LENGTH KEY=VALUE\n`, again and again; the length counts the whole record.
fn records(mut content: &[u8]) -> Option<Vec<(&str, &[u8])>> {
    let mut out = Vec::new();
    while !content.is_empty() {
        let blank = content.iter().position(|it| *it == b' ')?;
        let digits = std::str::from_utf8(&content[..blank])
            .ok()
            .filter(|it| it.bytes().all(|it| it.is_ascii_digit()))?;
        let length: usize = digits.parse().ok()?;
        let record = content.get(blank + 1..length)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|it| *it == b'=')?;
        out.push((std::str::from_utf8(&record[..equals]).ok()?, &record[equals + 1..]));
        content = &content[length..];
    }
    Some(out)
}
