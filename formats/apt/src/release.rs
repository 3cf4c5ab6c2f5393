//! `Release`: what a suite holds, and when it was made (<https://wiki.debian.org/DebianRepository/Format>).
//!
//! Only a text whose signature was verified should become a [`Release`]: read it from
//! [`Signed`](crate::Signed), never from the file.

use crate::error::IndexError;
use gabion_digest::Sha256;
use gabion_dpkg::{fields, stanzas};
use std::collections::BTreeMap;

/// A suite at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// `jammy-updates`, `oldstable`.
    pub suite: String,
    /// `jammy`, `bookworm`.
    pub codename: String,
    /// When it was made, in seconds since 1970.
    pub date: i64,
    /// Until when it may be used, in seconds since 1970, where it says so.
    pub valid_until: Option<i64>,
    /// Whether its indexes also lie under their digests.
    pub by_hash: bool,
    /// `main`, `universe`.
    pub components: Vec<String>,
    /// Digest and size of each index below the suite.
    pub files: BTreeMap<String, (Sha256, u64)>,
}

impl Release {
    /// Reads the signed text. Every field is looked at, wherever it stands: archives differ in the order.
    pub fn parse(text: &str) -> Result<Self, IndexError> {
        let mut all = stanzas(text);
        let (_, stanza) = all.next().ok_or_else(|| missing("Date"))?;
        if let Some((line, _)) = all.next() {
            return Err(IndexError::Syntax { line, why: "a second stanza in a `Release`".to_owned() });
        }
        let mut known: BTreeMap<String, &str> = BTreeMap::new();
        for field in fields(stanza) {
            let (name, value) = field?;
            if known.insert(name.to_ascii_lowercase(), value).is_some() {
                return Err(IndexError::Syntax { line: 1, why: format!("`{name}` stands there twice") });
            }
        }
        let get = |name: &str| known.get(name).copied().unwrap_or_default();
        let time = |name: &'static str, text: &str| {
            moment(text).ok_or_else(|| IndexError::Field {
                field: name,
                of: "Release".to_owned(),
                why: format!("is no time: `{text}`"),
            })
        };
        Ok(Self {
            suite: get("suite").to_owned(),
            codename: get("codename").to_owned(),
            date: time("Date", known.get("date").ok_or_else(|| missing("Date"))?)?,
            valid_until: known.get("valid-until").map(|text| time("Valid-Until", text)).transpose()?,
            by_hash: get("acquire-by-hash") == "yes",
            components: get("components").split_whitespace().map(str::to_owned).collect(),
            files: files(known.get("sha256").ok_or_else(|| missing("SHA256"))?)?,
        })
    }

    /// Whether this is the suite called `name`: a mirror must not answer with another one.
    ///
    /// `bookworm-security` calls itself `oldstable-security` with the code name `bookworm-security`; a
    /// component path in front (`debian/bookworm`) does not count.
    pub fn is_called(&self, name: &str) -> bool {
        let name = name.trim_end_matches('/');
        self.suite == name || self.codename == name
    }

    /// The index of `component` on `arch`: its path below the suite, digest and size. The smallest form
    /// that is understood is preferred.
    pub fn packages(&self, component: &str, arch: &str) -> Option<(String, Sha256, u64)> {
        ["xz", "gz", ""].iter().find_map(|form| {
            let dot = if form.is_empty() { "" } else { "." };
            let path = format!("{component}/binary-{arch}/Packages{dot}{form}");
            let (sha256, size) = self.files.get(&path)?;
            Some((path, *sha256, *size))
        })
    }

    /// Where the index of `path` is fetched below the suite: by its digest where the archive has that, so
    /// that an archive which moves on in the meantime still answers.
    pub fn location(&self, path: &str, sha256: Sha256) -> String {
        match path.rsplit_once('/') {
            Some((folder, _)) if self.by_hash => format!("{folder}/by-hash/SHA256/{}", sha256.hex()),
            _ => path.to_owned(),
        }
    }
}

fn missing(field: &'static str) -> IndexError {
    IndexError::Field { field, of: "Release".to_owned(), why: "is missing".to_owned() }
}

fn files(list: &str) -> Result<BTreeMap<String, (Sha256, u64)>, IndexError> {
    let mut out = BTreeMap::new();
    for line in list.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let read = (|| {
            let sha256 = Sha256::from_hex(words.next()?).ok()?;
            let size = words.next()?.parse().ok()?;
            let path = words.next()?.to_owned();
            let plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
            (plain && words.next().is_none()).then_some((path, (sha256, size)))
        })();
        let (path, value) = read.ok_or_else(|| IndexError::Field {
            field: "SHA256",
            of: "Release".to_owned(),
            why: format!("has a line that is not `digest size path`: `{}`", line.trim()),
        })?;
        if out.insert(path, value).is_some_and(|before| before != value) {
            return Err(IndexError::Field {
                field: "SHA256",
                of: "Release".to_owned(),
                why: format!("names one file with two digests: `{}`", line.trim()),
            });
        }
    }
    Ok(out)
}

/// `Sat, 10 Jun 2023 08:33:38 UTC` (RFC 2822, always in UTC) as seconds since 1970.
fn moment(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = text.split_once(", ").map_or(text, |(_, rest)| rest);
    let words: Vec<&str> = text.split_whitespace().collect();
    let [day, month, year, clock, "UTC" | "GMT" | "+0000" | "Z"] = words.as_slice() else { return None };
    let month = i64::try_from(MONTHS.iter().position(|it| it == month)?).ok()? + 1;
    let (day, year): (i64, i64) = (day.parse().ok()?, year.parse().ok()?);
    let clock: Vec<i64> = clock.split(':').map(|it| it.parse().ok()).collect::<Option<_>>()?;
    let [hour, minute, second] = clock.as_slice() else { return None };
    let fine = (1970..10_000).contains(&year)
        && (1..=31).contains(&day)
        && (0..24).contains(hour)
        && (0..60).contains(minute)
        && (0..61).contains(second);
    // Days since 1970 in the Gregorian calendar, counted from the first of March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    fine.then_some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_date_prints_them() {
        // `date -u -d '…' +%s`
        assert_eq!(moment("Sat, 10 Jun 2023 08:33:38 UTC"), Some(1_686_386_018));
        assert_eq!(moment("Thu, 21 Apr 2022 17:16:08 UTC"), Some(1_650_561_368));
        assert_eq!(moment("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
        assert_eq!(moment("1 Jan 1970 00:00:00 Z"), Some(0));
        for wrong in ["", "yesterday", "Sat, 10 Jun 2023 08:33:38 CEST", "Sat, 10 Foo 2023 08:33:38 UTC"] {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn fields_count_also_behind_the_lists() {
        let digest = Sha256::of(b"x").hex();
        let text = format!(
            "Suite: jammy\nCodename: jammy\nDate: Thu, 21 Apr 2022 17:16:08 UTC\nComponents: main universe\n\
             MD5Sum:\n 0 1 a\nSHA256:\n {digest} 7 main/binary-amd64/Packages.gz\nAcquire-By-Hash: yes\n"
        );
        let release = Release::parse(&text).unwrap();
        assert!(release.by_hash && release.is_called("jammy") && !release.is_called("jammy-updates"));
        let (path, sha256, size) = release.packages("main", "amd64").unwrap();
        assert_eq!(size, 7);
        assert_eq!(release.location(&path, sha256), format!("main/binary-amd64/by-hash/SHA256/{digest}"));
        assert_eq!(release.packages("main", "arm64"), None);
        for (from, to) in [
            ("SHA256:", "SHA1:"),
            ("Date:", "Dat:"),
            ("main/binary", "../binary"),
            (" 7 ", " x "),
            ("Suite: jammy\n", "Suite: jammy\nsuite: focal\n"),
        ] {
            assert!(Release::parse(&text.replace(from, to)).is_err(), "{to}");
        }
        assert!(Release::parse(&format!("{text}\nSuite: evil\n")).is_err());
    }
}
