//! Reads the text of a lock, also one with conflict markers.

use crate::{Entry, Lock, Trust};
use gabion_digest::Sha256;
use std::collections::{BTreeMap, BTreeSet};

/// Why a text is not a lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// A line that cannot stand where it stands.
    #[error("line {line}: {message}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// Made by a later version.
    #[error("the lock has version {0}, this program reads version 1")]
    Newer(u64),
    /// The sides of a merge stand in the text.
    #[error("line {line}: the lock holds an unresolved merge conflict")]
    Conflict {
        /// From 1.
        line: usize,
    },
}

impl LockError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Line { .. } => "E0201",
            Self::Newer(_) => "E0202",
            Self::Conflict { .. } => "E0203",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Line { .. } => {
                "restore the file from version control, or remove it and run `gabion lock`".into()
            }
            Self::Newer(_) => "use the version of gabion that wrote it".into(),
            Self::Conflict { .. } => {
                "run `gabion lock`: it keeps what both sides agree on and pins the rest anew".into()
            }
        })
    }
}

/// A lock out of a text that may hold conflicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What both sides agree on, and what only one side has.
    pub lock: Lock,
    /// Ids on which the sides differ; they are not in the lock.
    pub contested: BTreeSet<String>,
}

/// Reads a lock without conflicts.
pub fn parse(text: &str) -> Result<Lock, LockError> {
    if let Some(line) = text.lines().position(|line| marker(line).is_some()) {
        return Err(LockError::Conflict { line: line + 1 });
    }
    read(&numbered(text))
}

/// Reads a lock in which git may have left conflict markers, also of the diff3 style.
///
/// Both sides are read whole, each with everything outside the conflicts. What one side alone has is
/// kept; an id that both have with different pins is contested.
pub fn parse_merging(text: &str) -> Result<Parsed, LockError> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut inside = Part::Both;
    for (number, line) in numbered(text) {
        match (marker(line), inside) {
            (Some('<'), Part::Both) => inside = Part::Ours,
            (Some('|'), Part::Ours) => inside = Part::Base,
            (Some('='), Part::Ours | Part::Base) => inside = Part::Theirs,
            (Some('>'), Part::Theirs) => inside = Part::Both,
            (Some(_), _) => return Err(LockError::Conflict { line: number }),
            (None, Part::Both) => {
                ours.push((number, line));
                theirs.push((number, line));
            }
            (None, Part::Ours) => ours.push((number, line)),
            (None, Part::Theirs) => theirs.push((number, line)),
            (None, Part::Base) => {}
        }
    }
    if inside != Part::Both {
        return Err(LockError::Conflict { line: text.lines().count() });
    }
    let (ours, theirs) = (read(&ours)?, read(&theirs)?);
    let mut lock = ours;
    let mut contested = BTreeSet::new();
    for (id, entry) in theirs.entries {
        match lock.entries.get(&id) {
            Some(other) if *other != entry => {
                contested.insert(id);
            }
            _ => {
                lock.entries.insert(id, entry);
            }
        }
    }
    lock.entries.retain(|id, _| !contested.contains(id));
    Ok(Parsed { lock, contested })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Both,
    Ours,
    Base,
    Theirs,
}

/// Git's marker lines: seven of one character, then the end or a space.
fn marker(line: &str) -> Option<char> {
    ['<', '|', '=', '>'].into_iter().find(|it| {
        let rest = line.strip_prefix(&it.to_string().repeat(7)[..]);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

fn numbered(text: &str) -> Vec<(usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line)).collect()
}

/// The fields of a block, with the line of each.
type Block = BTreeMap<String, (usize, String)>;

const FIELDS: [&str; 7] = ["id", "request", "version", "url", "size", "sha256", "trust"];

fn read(lines: &[(usize, &str)]) -> Result<Lock, LockError> {
    let mut lock = Lock::default();
    let mut version = None;
    let mut block: Option<(usize, Block)> = None;
    for (number, line) in lines {
        let wrong = |message: String| LockError::Line { line: *number, message };
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "[[artifact]]" {
            close(block.take(), &mut lock)?;
            block = Some((*number, Block::new()));
            continue;
        }
        let (key, value) =
            line.split_once(" = ").ok_or_else(|| wrong("expected `key = value`".to_owned()))?;
        match &mut block {
            None if key == "version" => {
                let found = value.parse().map_err(|_| wrong("`version` is a number".to_owned()))?;
                if found != 1 {
                    return Err(LockError::Newer(found));
                }
                version = Some(found);
            }
            None => return Err(wrong(format!("`{key}` stands before the first `[[artifact]]`"))),
            Some(_) if !FIELDS.contains(&key) => {
                return Err(wrong(format!("an artifact has no field `{key}`")));
            }
            Some((_, fields)) => {
                let value = if key == "size" {
                    value.to_owned()
                } else {
                    unquote(value).ok_or_else(|| wrong(format!("`{key}` is a string in double quotes")))?
                };
                if fields.insert(key.to_owned(), (*number, value)).is_some() {
                    return Err(wrong(format!("`{key}` stands twice in one artifact")));
                }
            }
        }
    }
    close(block, &mut lock)?;
    match (version, lines.last()) {
        (None, Some((line, _))) => {
            Err(LockError::Line { line: *line, message: "`version = 1` is missing".to_owned() })
        }
        _ => Ok(lock),
    }
}

fn close(block: Option<(usize, Block)>, lock: &mut Lock) -> Result<(), LockError> {
    let Some((start, mut fields)) = block else { return Ok(()) };
    let mut take = |key: &str| {
        let missing = LockError::Line { line: start, message: format!("this artifact has no `{key}`") };
        fields.remove(key).ok_or(missing)
    };
    let wrong = |line: usize, message: &str| LockError::Line { line, message: message.to_owned() };
    let (id_line, id) = take("id")?;
    let (_, request) = take("request")?;
    let (_, url) = take("url")?;
    let (line, size) = take("size")?;
    let size = size.parse().map_err(|_| wrong(line, "`size` is a number of bytes"))?;
    let (line, sha256) = take("sha256")?;
    let sha256 = Sha256::from_hex(&sha256).map_err(|_| wrong(line, "`sha256` is 64 lowercase hex digits"))?;
    let (line, trust) = take("trust")?;
    let trust: Trust = trust.parse().map_err(|()| wrong(line, "`trust` is none of the known kinds"))?;
    let version = fields.remove("version").map(|(_, version)| version);
    let entry = Entry { request, version, url, size, sha256, trust };
    if lock.entries.insert(id.clone(), entry).is_some() {
        return Err(LockError::Line { line: id_line, message: format!("`{id}` is locked twice") });
    }
    Ok(())
}

/// The inside of a TOML basic string; `None` where it is none.
fn unquote(value: &str) -> Option<String> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => match characters.next()? {
                '"' => out.push('"'),
                '\\' => out.push('\\'),
                'u' => {
                    let digits: String = characters.by_ref().take(4).collect();
                    out.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                }
                _ => return None,
            },
            other => out.push(other),
        }
    }
    Some(out)
}
