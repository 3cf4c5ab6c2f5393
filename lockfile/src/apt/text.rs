//! The text of a closure: header lines, then one line per .deb.
//!
//! Reading is strict: apart from line ends, only the canonical text of a closure is accepted, so that a
//! line cannot be somewhere else, twice or spelled otherwise.

use super::{Accounts, AptLock, Archive, Deb, DebKey, Suite};
use crate::error::{Fault, Problem, nearest};
use crate::lock::{VERSION, check_length};
use crate::reader::{Line, lines};
use crate::{
    EntryId, Fingerprint, HEADER, LockError, Overlay, PoolPath, Size, Text, Url, UtcTime, ValueError, Word,
    merge,
};
use gabion_digest::Sha256;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;

const KEYS: [&str; 8] = ["version", "id", "request", "only", "archive", "suite", "user", "group"];

impl AptLock {
    /// Reads the canonical text of a closure. Conflict markers are an error: a closure is solved again as
    /// a whole.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        parse(text).map_err(|fault| fault.placed(text))
    }

    /// The canonical text.
    pub fn to_text(&self) -> String {
        let mut out =
            format!("{HEADER}\n# version {VERSION}\n# id {}\n# request {}\n", self.id, self.request);
        // Writing to a `String` cannot fail.
        if !self.only.is_empty() {
            let only: Vec<&str> = self.only.iter().map(Overlay::as_str).collect();
            let _written = writeln!(out, "# only {}", only.join(" "));
        }
        for Archive { url, suites } in &self.archives {
            let _written = writeln!(out, "# archive {url}");
            for Suite { name, date, inrelease, signer } in suites {
                let _written =
                    writeln!(out, "# suite {name} date {date} inrelease {inrelease} signer {signer}");
            }
        }
        for (name, id) in &self.accounts.users {
            let _written = writeln!(out, "# user {name} {id}");
        }
        for (name, id) in &self.accounts.groups {
            let _written = writeln!(out, "# group {name} {id}");
        }
        for deb in self.debs() {
            let Deb { key, version, size, sha256, path, archive } = deb;
            let _written = write!(out, "{} {version} {} {size} {sha256} {path}", key.name, key.arch);
            if *archive > 0 {
                let _written = write!(out, " @{}", archive + 1);
            }
            out.push('\n');
        }
        out
    }
}

/// What was read so far.
#[derive(Default)]
struct Draft {
    version: bool,
    id: Option<EntryId>,
    request: Option<Text>,
    only: BTreeSet<Overlay>,
    archives: Vec<Archive>,
    accounts: Accounts,
    debs: Vec<Deb>,
    seen: BTreeSet<DebKey>,
}

fn parse(text: &str) -> Result<AptLock, Fault> {
    check_length(text)?;
    refuse_newer(text)?;
    if let Some(span) = merge::first_marker(text) {
        return Err(Fault::new(span, Problem::Conflict));
    }
    let mut draft = Draft::default();
    for line in lines(text).filter(|line| line.text != HEADER) {
        draft.line(line)?;
    }
    let end = || text.len()..text.len();
    let missing = |name| Fault::new(end(), Problem::Missing { name });
    if !draft.version {
        return Err(missing("version"));
    }
    let (id, request) =
        (draft.id.ok_or_else(|| missing("id"))?, draft.request.ok_or_else(|| missing("request"))?);
    let mut lock = AptLock::new(id, request, draft.only, draft.archives, draft.debs)
        .map_err(|problem| Fault::new(end(), problem))?;
    lock.set_accounts(draft.accounts);
    check_canonical(text, &lock.to_text())?;
    Ok(lock)
}

fn refuse_newer(text: &str) -> Result<(), Fault> {
    let header = lines(text).take_while(|line| line.text.starts_with('#'));
    for line in header {
        let Some(value) = line.text.strip_prefix("# version ") else { continue };
        let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        if digits && value.parse::<u32>().map_or(true, |found| found > VERSION) {
            let found = value.chars().take(20).collect();
            return Err(Fault::new(whole(line), Problem::Newer { found, known: VERSION }));
        }
    }
    Ok(())
}

fn whole(line: Line<'_>) -> Range<usize> {
    line.offset..line.offset + line.text.len()
}

/// The first line that differs from the canonical text of the same value.
fn check_canonical(text: &str, canonical: &str) -> Result<(), Fault> {
    let mut want = canonical.lines();
    for line in lines(text) {
        let want = want.next().unwrap_or_default();
        if line.text != want {
            return Err(Fault::new(whole(line), Problem::NotCanonical { want: want.to_owned() }));
        }
    }
    let end = text.len()..text.len();
    want.next().map_or(Ok(()), |want| Err(Fault::new(end, Problem::NotCanonical { want: want.to_owned() })))
}

/// A word of a line and its place.
type Column<'a> = (&'a str, Range<usize>);

fn columns(text: &str, offset: usize) -> impl Iterator<Item = Column<'_>> {
    text.split(' ').scan(offset, |at, word| {
        let start = *at;
        *at += word.len() + 1;
        Some((word, start..start + word.len()))
    })
}

fn value<T, E: Into<ValueError>>(
    name: &'static str,
    (text, at): &Column<'_>,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Fault> {
    read(text).map_err(|source| Fault::new(at.clone(), Problem::Value { name, source: source.into() }))
}

fn once<T>(slot: &mut Option<T>, name: &str, at: Range<usize>, value: T) -> Result<(), Fault> {
    match slot.replace(value) {
        Some(_) => Err(Fault::new(at, Problem::Twice { name: name.to_owned() })),
        None => Ok(()),
    }
}

impl Draft {
    fn line(&mut self, line: Line<'_>) -> Result<(), Fault> {
        if let Some(header) = line.text.strip_prefix("# ") {
            return self.header(line, header);
        }
        let columns: Vec<_> = columns(line.text, line.offset).take(8).collect();
        let (name, version, arch, size, sha256, path, archive) = match columns.as_slice() {
            [name, version, arch, size, sha256, path] => (name, version, arch, size, sha256, path, None),
            [name, version, arch, size, sha256, path, archive] => {
                (name, version, arch, size, sha256, path, Some(archive))
            }
            _ => {
                let expected = "`name version architecture size sha256:… path`, and `@N` for another archive";
                return Err(Fault::new(whole(line), Problem::Syntax { expected }));
            }
        };
        let key =
            DebKey { name: value("name", name, Word::new)?, arch: value("architecture", arch, Word::new)? };
        let archive = archive.map_or(Ok(0), |column| self.archive_number(column))?;
        if !self.seen.insert(key.clone()) {
            return Err(Fault::new(
                whole(line),
                Problem::Twice { name: format!("{}:{}", key.name, key.arch) },
            ));
        }
        self.debs.push(Deb {
            key,
            version: value("version", version, Word::new)?,
            size: value("size", size, Size::parse)?,
            sha256: value("sha256", sha256, str::parse::<Sha256>)?,
            path: value("path", path, PoolPath::new)?,
            archive,
        });
        Ok(())
    }

    fn archive_number(&self, (text, at): &Column<'_>) -> Result<usize, Fault> {
        let number = text.strip_prefix('@').and_then(|digits| digits.parse::<usize>().ok());
        let known = number.filter(|number| (2..=self.archives.len()).contains(number));
        known.map(|number| number - 1).ok_or_else(|| {
            Fault::new(
                at.clone(),
                Problem::Syntax { expected: "`@` and the number of another archive, from 2" },
            )
        })
    }

    fn header(&mut self, line: Line<'_>, header: &str) -> Result<(), Fault> {
        let (key, rest) = header.split_once(' ').unwrap_or((header, ""));
        let key_at = line.offset + 2..line.offset + 2 + key.len();
        let rest_at = (key_at.end + 1).min(line.offset + line.text.len());
        let whole = (rest, rest_at..rest_at + rest.len());
        match key {
            "version" if rest == "1" => self.version = true,
            "version" => {
                return Err(Fault::new(
                    whole.1,
                    Problem::Syntax { expected: "`1`, the version of the lock" },
                ));
            }
            "id" => once(&mut self.id, key, key_at, value("id", &whole, EntryId::new)?)?,
            "request" => once(&mut self.request, key, key_at, value("request", &whole, Text::new)?)?,
            "only" => {
                for column in columns(rest, rest_at) {
                    self.only.insert(value("only", &column, Overlay::new)?);
                }
            }
            "archive" => {
                self.archives.push(Archive { url: value("archive", &whole, Url::new)?, suites: Vec::new() });
            }
            "suite" => {
                let suite = suite(rest, rest_at)?;
                let expected = "an `# archive` line before its suites";
                let misplaced = || Fault::new(key_at.clone(), Problem::Syntax { expected });
                let suites = &mut self.archives.last_mut().ok_or_else(misplaced)?.suites;
                if suites.iter().any(|it| it.name == suite.name) {
                    return Err(Fault::new(key_at, Problem::Twice { name: suite.name.to_string() }));
                }
                suites.push(suite);
            }
            "user" => account(&mut self.accounts.users, rest, rest_at)?,
            "group" => account(&mut self.accounts.groups, rest, rest_at)?,
            _ => {
                let near = nearest(key, &KEYS);
                return Err(Fault::new(key_at, Problem::Unknown { name: key.to_owned(), near }));
            }
        }
        Ok(())
    }
}

fn account(of: &mut BTreeMap<Word, u32>, text: &str, offset: usize) -> Result<(), Fault> {
    let all: Vec<_> = columns(text, offset).take(3).collect();
    let number = |text: &str| text.parse().ok().filter(|it: &u32| it.to_string() == text);
    let ([name, (digits, _)], expected) = (all.as_slice(), "`NAME NUMBER`") else {
        return Err(Fault::new(offset..offset + text.len(), Problem::Syntax { expected: "`NAME NUMBER`" }));
    };
    let wrong = || Fault::new(offset..offset + text.len(), Problem::Syntax { expected });
    let (name, id) = (value("account", name, Word::new)?, number(digits).ok_or_else(wrong)?);
    match of.insert(name.clone(), id) {
        Some(_) => Err(Fault::new(offset..offset + text.len(), Problem::Twice { name: name.to_string() })),
        None => Ok(()),
    }
}

pub(super) fn suite(text: &str, offset: usize) -> Result<Suite, Fault> {
    let all: Vec<_> = columns(text, offset).take(8).collect();
    let [name, ("date", _), date, ("inrelease", _), inrelease, ("signer", _), signer] = all.as_slice() else {
        let expected = "`# suite NAME date MOMENT inrelease sha256:… signer FINGERPRINT`";
        return Err(Fault::new(offset..offset + text.len(), Problem::Syntax { expected }));
    };
    Ok(Suite {
        name: value("suite", name, Word::new)?,
        date: value("date", date, str::parse::<UtcTime>)?,
        inrelease: value("inrelease", inrelease, str::parse::<Sha256>)?,
        signer: value("signer", signer, Fingerprint::new)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Floor;
    use super::*;

    fn sample() -> String {
        let (digest, signer) = (Sha256::of(b"x"), "F6EC".repeat(10));
        let suite = |name: &str, day| {
            format!("# suite {name} date 2026-11-{day}T00:00:00Z inrelease {digest} signer {signer}\n")
        };
        format!(
            "{HEADER}\n# version 1\n# id apt.os\n# request ubuntu:jammy amd64 ufw\n# only production staging\n\
             # archive http://archive.example/ubuntu\n{}{}# archive https://other.example/deb\n{}\
             openssh-server 1:8.9p1-3 amd64 435912 {digest} pool/main/o/openssh-server.deb\n\
             ufw 0.36.1-4ubuntu0.1 all 162336 {digest} pool/u/ufw.deb @2\n\
             ufw 0.36.1-4ubuntu0.1 amd64 162336 {digest} pool/u/ufw.deb\n",
            suite("jammy", 16),
            suite("jammy-updates", 17),
            suite("./", 10),
        )
    }

    #[test]
    fn the_text_of_a_closure_is_read_and_written_alike() {
        let lock = AptLock::parse(&sample()).unwrap();
        assert_eq!(lock.to_text(), sample());
        assert_eq!(AptLock::parse(&sample().replace('\n', "\r\n")).unwrap(), lock);
        let urls: Vec<_> = lock.debs().map(|deb| lock.url_of(deb).unwrap()).collect();
        assert_eq!(urls[0], "http://archive.example/ubuntu/pool/main/o/openssh-server.deb");
        assert_eq!(urls[1], "https://other.example/deb/pool/u/ufw.deb");
        assert_eq!(lock.total_size(), 760_584);
    }

    #[test]
    fn numbers_of_accounts_stand_behind_the_suites() {
        let mut lock = AptLock::parse(&sample()).unwrap();
        let mut accounts = Accounts::default();
        accounts.users.insert(Word::new("sshd").unwrap(), 104);
        accounts.groups.insert(Word::new("_ssh").unwrap(), 101);
        lock.set_accounts(accounts);
        let text = lock.to_text();
        assert!(text.contains("\n# user sshd 104\n# group _ssh 101\nopenssh-server "), "{text}");
        assert_eq!(AptLock::parse(&text).unwrap(), lock);
        for (from, to, code) in [
            ("sshd 104", "sshd 0104", "E0204"),
            ("sshd 104", "sshd", "E0204"),
            ("# group", "# user sshd 105\n# group", "E0207"),
        ] {
            assert_eq!(AptLock::parse(&text.replace(from, to)).unwrap_err().code(), code, "{to}");
        }
    }

    #[test]
    fn a_suite_whose_date_goes_backwards_is_named() {
        let now = AptLock::parse(&sample()).unwrap();
        let later = AptLock::parse(&sample().replace("11-17", "11-18")).unwrap();
        assert_eq!(Floor::from(&now).above(&later), None);
        let below = |floor: &Floor, now: &AptLock| {
            floor.above(now).map(|(suite, before)| format!("{} {before}", suite.name))
        };
        let wanted = Some("jammy-updates 2026-11-18T00:00:00Z".to_owned());
        assert_eq!(below(&Floor::from(&later), &now), wanted);
        // Another archive, and a merge that is not finished: the suite is the same.
        let mirror = AptLock::parse(&sample().replace("//archive.example", "//mirror.example")).unwrap();
        assert_eq!(below(&Floor::from(&later), &mirror), wanted);
        let [ours, theirs] = [now.to_text(), later.to_text()];
        for [one, two] in [[&ours, &theirs], [&theirs, &ours]] {
            let text = format!("<<<<<<< ours\r\n{one}=======\n{two}>>>>>>> theirs\n");
            assert_eq!(below(&Floor::parse_merging(&text).unwrap(), &now), wanted);
        }
        let error = Floor::parse_merging("<<<<<<< ours\n# suite jammy date soon\n").unwrap_err();
        assert_eq!((error.code(), error.place.line, error.place.column), ("E0204", 2, 9));
    }

    #[track_caller]
    fn check(from: &str, to: &str, code: &str, line: usize, column: usize) {
        let text = sample();
        assert!(text.contains(from), "no `{from}`");
        let error = AptLock::parse(&text.replacen(from, to, 1)).unwrap_err();
        assert_eq!((error.code(), error.place.line, error.place.column), (code, line, column), "{error}");
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        check("# version 1", "# version 2", "E0202", 2, 1);
        check("# version 1", "# version 99999999999999\n# nonsense", "E0202", 2, 1);
        check("# version 1", "# version one", "E0204", 2, 11);
        check("# version 1\n", "", "E0206", 13, 1);
        check("# id", "# idd", "E0205", 3, 3);
        check("# id apt.os", "# id apt.os\n# id apt.os", "E0207", 4, 3);
        check("production staging", "staging production", "E0210", 5, 1);
        check("http://archive", "http://me:pw@archive", "E0212", 6, 11);
        check("# archive http:", "# suite http:", "E0204", 6, 9);
        check("2026-11-17", "2026-02-30", "E0208", 8, 28);
        check("jammy-updates", "jammy", "E0207", 8, 3);
        check("435912", "0435912", "E0208", 11, 32);
        check("pool/u/ufw.deb @2", "pool/u/ufw.deb @1", "E0204", 12, 121);
        check("pool/u/ufw.deb @2", "pool/u/ufw.deb @3", "E0204", 12, 121);
        check("pool/u/ufw.deb @2", "../ufw.deb", "E0208", 12, 106);
        check("pool/u/ufw.deb @2", "pool/u/ufw deb @2", "E0204", 12, 1);
        check("ufw 0.36.1-4ubuntu0.1 all", "aaa 1 all", "E0210", 11, 1);
        check("ufw 0.36.1-4ubuntu0.1 all", "ufw 1 amd64", "E0207", 13, 1);
        check("ufw ", "ufw  ", "E0204", 12, 1);
        check("# archive https", "<<<<<<< a\n# archive https", "E0203", 9, 1);
        check("signer F6EC", "signer f6ec", "E0210", 7, 1);
    }
}
