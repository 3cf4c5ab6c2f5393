//! A .deb: its control files, then its data as a stream of entries (`deb(5)`, Debian Policy §B).
//!
//! It is read once, front to back. Nothing is believed that could leave the root which it is unpacked into:
//! absolute paths, `..`, devices, pipes and sockets are refused by name.

mod ar;
mod entry;
mod error;

pub use entry::{DataEntry, EntryKind};
pub use error::DebError;

use std::collections::BTreeMap;
use std::io::{self, Read};

/// The largest packages have control files of some megabytes (lists of digests).
const CONTROL_LIMIT: u64 = 64 << 20;

/// The control files of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The stanza: what a `Packages` index has of it, without where it lies.
    pub stanza: String,
    /// Everything else by name, `postinst`, `conffiles`, `triggers`, with its mode.
    pub files: BTreeMap<String, (u32, Vec<u8>)>,
}

/// A package whose control files were read; what follows is its data.
pub struct DebReader<R> {
    control: Control,
    newest: u64,
    data: ar::Header,
    rest: R,
}

impl<R> std::fmt::Debug for DebReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DebReader").field("data", &self.data).finish_non_exhaustive()
    }
}

impl<R: Read> DebReader<R> {
    /// Reads up to the data.
    pub fn open(mut from: R) -> Result<Self, DebError> {
        ar::begin(&mut from)?;
        let mut newest = 0;
        let version = member(&mut from, "debian-binary", &mut newest)?;
        let mut text = String::new();
        consume(&mut from, version.size, |part| part.take(64).read_to_string(&mut text))?;
        if !text.starts_with("2.") {
            return Err(DebError::Format(format!("its version is `{}`, not 2", text.trim())));
        }
        let header = member(&mut from, "control.tar", &mut newest)?;
        let mut control = Err(DebError::Format(String::new()));
        consume(&mut from, header.size, |part| {
            control = decoder(&header.name, part).and_then(read_control);
            Ok(())
        })?;
        let data = member(&mut from, "data.tar", &mut newest)?;
        Ok(Self { control: control?, newest, data, rest: from })
    }

    /// Its control files.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The newest time of its members, in seconds since 1970: when it was built.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Gives every entry of the data to `each`, in its order, with the bytes of files; then reads to the end.
    pub fn unpack<E: From<DebError>>(
        mut self,
        mut each: impl FnMut(DataEntry, &mut dyn Read) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut data = (&mut self.rest).take(self.data.size);
        {
            let mut archive = tar::Archive::new(decoder(&self.data.name, &mut data)?);
            for found in archive.entries().map_err(DebError::from)? {
                let mut found = found.map_err(DebError::from)?;
                if let Some(entry) = DataEntry::of(&found)? {
                    each(entry, &mut found)?;
                }
            }
        }
        let cut = |left: u64| DebError::Format(format!("{left} bytes of its data are missing"));
        io::copy(&mut data, &mut io::sink()).map_err(DebError::from)?;
        match data.limit() {
            0 => {
                io::copy(&mut self.rest, &mut io::sink()).map_err(DebError::from)?;
                Ok(())
            }
            left => Err(cut(left).into()),
        }
    }
}

/// The member that must come next. Those that begin with `_` may be skipped (`deb(5)`).
fn member(from: &mut impl Read, expected: &str, newest: &mut u64) -> Result<ar::Header, DebError> {
    loop {
        match ar::next(&mut *from)? {
            Some(it) if it.name.starts_with('_') => consume(from, it.size, |_| Ok(0))?,
            Some(it) if it.name.starts_with(expected) => {
                *newest = it.time.max(*newest);
                return Ok(it);
            }
            other => {
                let found = other.map_or_else(|| "its end".to_owned(), |it| format!("`{}`", it.name));
                return Err(DebError::Format(format!("there is {found} where `{expected}` belongs")));
            }
        }
    }
}

/// Lets `read` have a member of `size`, and skips what it leaves.
fn consume<T>(
    from: &mut impl Read,
    size: u64,
    read: impl FnOnce(&mut io::Take<&mut dyn Read>) -> io::Result<T>,
) -> Result<(), DebError> {
    let mut part = (from as &mut dyn Read).take(size);
    read(&mut part)?;
    io::copy(&mut part, &mut io::sink())?;
    match part.limit() {
        0 => ar::pad(from, size),
        left => Err(DebError::Format(format!("{left} bytes of a member are missing"))),
    }
}

/// What unpacks a member, by the ending of its name.
fn decoder<'r>(name: &str, from: impl Read + 'r) -> Result<Box<dyn Read + 'r>, DebError> {
    Ok(match name.split_once(".tar").map(|(_, ending)| ending) {
        Some("") => Box::new(from),
        Some(".gz") => Box::new(flate2::read::MultiGzDecoder::new(from)),
        Some(".xz") => Box::new(lzma_rust2::XzReader::new(from, true)),
        Some(".zst") => Box::new(zstd::Decoder::new(from)?),
        _ => return Err(DebError::Format(format!("the packing of `{name}` is not known"))),
    })
}

fn read_control(from: impl Read) -> Result<Control, DebError> {
    let mut archive = tar::Archive::new(from.take(CONTROL_LIMIT + 1));
    let mut control = Control { stanza: String::new(), files: BTreeMap::new() };
    let mut left = CONTROL_LIMIT;
    for file in archive.entries()? {
        let mut file = file?;
        let name = String::from_utf8_lossy(&file.path_bytes()).trim_start_matches("./").to_owned();
        if !file.header().entry_type().is_file() {
            continue;
        }
        left = left
            .checked_sub(file.size())
            .ok_or(DebError::TooLarge { member: "control.tar", limit: CONTROL_LIMIT })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if name == "control" {
            control.stanza = String::from_utf8(bytes)
                .map_err(|_| DebError::Format("its control file is not UTF-8".to_owned()))?;
        } else if name.contains('/') || name.is_empty() {
            return Err(DebError::Entry { path: name, why: "is no control file" });
        } else {
            control.files.insert(name, (file.header().mode()? & 0o777, bytes));
        }
    }
    if control.stanza.is_empty() {
        return Err(DebError::Format("it has no control file".to_owned()));
    }
    Ok(control)
}
