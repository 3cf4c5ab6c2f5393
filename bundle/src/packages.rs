//! `deploy/packages.json`: the packages of the systems that lie on a bundle's disks, as the lock has them.
//!
//! A host compares them with its own before it takes another system: it finds nothing of this in a disk image without
//! unpacking it. The order of versions is not this module's.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where the member lies.
pub const PACKAGES: &str = "deploy/packages.json";

/// The packages of every disk of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskPackages {
    /// Version of this format, 1.
    pub format: u32,
    /// By address of the disk, `disk.vps`: its packages, sorted by name and architecture, none twice.
    pub disks: BTreeMap<String, Vec<DiskPackage>>,
}

/// A package on a disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskPackage {
    /// Its name.
    pub name: String,
    /// Its architecture: `amd64`, `all`.
    pub arch: String,
    /// Its version, with the epoch.
    pub version: String,
}

impl DiskPackages {
    /// Its text.
    pub fn to_text(&self) -> String {
        // Plain structs of strings and integers: writing them to a string cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads the text; anything that is not letter by letter what would be written is refused.
    pub fn parse(text: &str) -> Result<Self, String> {
        let all: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if all.format != 1 {
            return Err(format!("its format is {}, and this version reads 1", all.format));
        }
        if all.to_text() != text {
            return Err("it is not written as gabion writes it".to_owned());
        }
        for (disk, packages) in &all.disks {
            let key = |it: &DiskPackage| (it.name.clone(), it.arch.clone());
            if let Some([_, it]) = packages.windows(2).find(|it| key(&it[0]) >= key(&it[1])) {
                return Err(format!("`{}:{}` of `{disk}` stands in the wrong place", it.name, it.arch));
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, arch: &str) -> DiskPackage {
        DiskPackage { name: name.to_owned(), arch: arch.to_owned(), version: "1".to_owned() }
    }

    fn of(packages: &[DiskPackage]) -> String {
        DiskPackages { format: 1, disks: [("disk.vps".to_owned(), packages.to_vec())].into() }.to_text()
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let good = of(&[package("a", "all"), package("b", "amd64"), package("b", "i386")]);
        assert_eq!(DiskPackages::parse(&good).unwrap().to_text(), good);
        for bad in [
            of(&[package("b", "all"), package("a", "all")]),
            of(&[package("a", "all"), package("a", "all")]),
            good.replace("\"format\": 1", "\"format\": 2"),
            good.replace("\"name\": \"a\"", "\"name\":  \"a\""),
            good.replace("\"name\": \"a\"", "\"name\": \"a\", \"more\": 1"),
            good.trim_end().to_owned(),
            good.replace("\"disk.vps\": [", "\"disk.vps\": [], \"disk.vps\": ["),
            String::new(),
        ] {
            assert!(DiskPackages::parse(&bad).is_err(), "{bad}");
        }
    }
}
