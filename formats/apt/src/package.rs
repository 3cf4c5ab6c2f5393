//! `Packages`: the binary packages of a suite, as slices of the index.

use crate::error::IndexError;
use gabion_digest::Sha256;
use gabion_dpkg::{Version, fields, stanzas};
use std::io::Read;

/// One binary package of an index. Relations are kept as text: most of them are never looked at.
#[derive(Debug, Clone)]
pub struct Package<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: Version<'a>,
    /// `amd64` or `all`.
    pub architecture: &'a str,
    /// Whether every system must have it.
    pub essential: bool,
    /// `required`, `important`, `standard`, `optional`, `extra`.
    pub priority: &'a str,
    /// `Depends`.
    pub depends: &'a str,
    /// `Pre-Depends`.
    pub pre_depends: &'a str,
    /// `Recommends`.
    pub recommends: &'a str,
    /// `Provides`.
    pub provides: &'a str,
    /// `Conflicts`.
    pub conflicts: &'a str,
    /// `Breaks`.
    pub breaks: &'a str,
    /// Path of the .deb below its archive.
    pub filename: &'a str,
    /// Bytes of the .deb.
    pub size: u64,
    /// Digest of the .deb.
    pub sha256: Sha256,
}

/// The packages of an index, in its order.
pub fn packages(text: &str) -> impl Iterator<Item = Result<Package<'_>, IndexError>> {
    stanzas(text).map(|(line, stanza)| package(line, stanza))
}

fn package(line: usize, stanza: &str) -> Result<Package<'_>, IndexError> {
    let (mut name, mut version, mut filename, mut size, mut sha256) = ("", "", "", "", "");
    let (mut architecture, mut essential, mut priority) = ("", "", "optional");
    let (mut depends, mut pre_depends, mut recommends, mut provides) = ("", "", "", "");
    let (mut conflicts, mut breaks) = ("", "");
    for field in fields(stanza) {
        let (key, value) =
            field.map_err(|error| IndexError::Syntax { line: line + error.line - 1, why: error.why })?;
        let slot = match key {
            "Package" => &mut name,
            "Version" => &mut version,
            "Architecture" => &mut architecture,
            "Essential" => &mut essential,
            "Priority" => &mut priority,
            "Depends" => &mut depends,
            "Pre-Depends" => &mut pre_depends,
            "Recommends" => &mut recommends,
            "Provides" => &mut provides,
            "Conflicts" => &mut conflicts,
            "Breaks" => &mut breaks,
            "Filename" => &mut filename,
            "Size" => &mut size,
            "SHA256" => &mut sha256,
            _ => continue,
        };
        *slot = value;
    }
    if !is_package_name(name) {
        return Err(IndexError::Syntax { line, why: format!("`{name}` is no name of a package") });
    }
    let wrong = |field, why: &str| IndexError::Field { field, of: name.to_owned(), why: why.to_owned() };
    let plain = filename.split('/').all(|part| !matches!(part, "" | "." | ".."));
    Ok(Package {
        name,
        version: Version::parse(version).ok_or_else(|| wrong("Version", "is no version"))?,
        architecture,
        essential: essential == "yes",
        priority,
        depends,
        pre_depends,
        recommends,
        provides,
        conflicts,
        breaks,
        filename: plain.then_some(filename).ok_or_else(|| wrong("Filename", "is no path in the archive"))?,
        size: size.parse().map_err(|_| wrong("Size", "is no number"))?,
        sha256: Sha256::from_hex(sha256).map_err(|_| wrong("SHA256", "is no digest"))?,
    })
}

/// Debian Policy §5.6.1.
pub fn is_package_name(text: &str) -> bool {
    text.len() >= 2
        && text.starts_with(|it: char| it.is_ascii_lowercase() || it.is_ascii_digit())
        && text
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || matches!(it, b'+' | b'-' | b'.'))
}

/// Unpacks an index by the ending of its `path`; `limit` is the most bytes that it may become.
pub fn unpack(path: &str, bytes: impl Read, limit: u64) -> Result<String, IndexError> {
    let broken = |why: String| IndexError::Compressed { why };
    let mut text = String::new();
    let read = match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("xz") => lzma_rust2::XzReader::new(bytes, true).take(limit + 1).read_to_string(&mut text),
        Some("gz") => flate2::read::MultiGzDecoder::new(bytes).take(limit + 1).read_to_string(&mut text),
        _ => { bytes }.take(limit + 1).read_to_string(&mut text),
    };
    let length = read.map_err(|error| broken(error.to_string()))?;
    if length as u64 > limit {
        return Err(broken(format!("it becomes more than {limit} bytes")));
    }
    Ok(text)
}
