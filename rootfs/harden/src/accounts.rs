//! The files of accounts, as functions over their text: `passwd(5)`, `shadow(5)`, `group(5)`, `gshadow(5)` and
//! `subuid(5)`.
//!
//! Lines that are not changed stay as they are, and new ones stand behind them: ids that packages chose are
//! kept, and so is their order.

use crate::error::HardenError;
use crate::value::Name;

/// Files that hold one line of fields for each account.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Where it lies, `etc/passwd`.
    pub(crate) path: &'static str,
    fields: usize,
    lines: Vec<String>,
}

/// How many ids a user has for containers of its own (`login.defs`, `SUB_UID_COUNT` of Debian).
const SUBORDINATES: u64 = 65_536;
/// The first of them (`SUB_UID_MIN`).
const FIRST_SUBORDINATE: u64 = 100_000;

impl Table {
    /// Reads a file whose lines have `fields` fields.
    pub(crate) fn read(path: &'static str, fields: usize, text: Option<String>) -> Result<Self, HardenError> {
        let wrong = |why: String| HardenError::Accounts { file: path, why };
        let text = text.ok_or_else(|| wrong("it is not there, or no text".to_owned()))?;
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let odd = lines.iter().position(|it| it.split(':').count() != fields || it.starts_with(':'));
        match odd {
            Some(at) => Err(wrong(format!("line {} does not have {fields} fields", at + 1))),
            None => Ok(Self { path, fields, lines }),
        }
    }

    /// The text, each line with its end.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().flat_map(|it| [it.as_str(), "\n"]).collect()
    }

    /// The fields of the line of `name`.
    pub(crate) fn find(&self, name: &str) -> Option<Vec<&str>> {
        let fields = |line: &'_ String| line.split_once(':').is_some_and(|(first, _)| first == name);
        self.lines.iter().find(|it| fields(it)).map(|it| it.split(':').collect())
    }

    /// The number in the field `at` of the line of `name`.
    pub(crate) fn number(&self, name: &str, at: usize) -> Option<u32> {
        self.find(name)?.get(at)?.parse().ok()
    }

    /// Whether a line has `value` in the field `at`.
    pub(crate) fn has(&self, at: usize, value: &str) -> bool {
        self.lines.iter().any(|it| it.split(':').nth(at) == Some(value))
    }

    pub(crate) fn push(&mut self, line: String) {
        debug_assert_eq!(line.split(':').count(), self.fields);
        self.lines.push(line);
    }

    /// Writes `value` into the field `at` of the line of `name`, where there is one.
    pub(crate) fn set(&mut self, name: &str, at: usize, value: &str) {
        let Some(mut fields) = self.find(name) else { return };
        if let Some(field) = fields.get_mut(at) {
            *field = value;
        }
        let line = fields.join(":");
        let prefix = format!("{name}:");
        for old in self.lines.iter_mut().filter(|it| it.starts_with(&prefix)) {
            old.clone_from(&line);
        }
    }

    /// Adds `member` to the last field of the line of `group`; whether there is such a line.
    pub(crate) fn join(&mut self, group: &Name, member: &Name) -> bool {
        let last = self.fields - 1;
        let Some(members) = self.find(group.as_str()).and_then(|it| it.get(last).map(|it| (*it).to_owned()))
        else {
            return false;
        };
        let mut all: Vec<&str> = members.split(',').filter(|it| !it.is_empty()).collect();
        if !all.contains(&member.as_str()) {
            all.push(member.as_str());
        }
        self.set(group.as_str(), last, &all.join(","));
        true
    }

    /// Gives `name` the next free subordinate ids, as `useradd` does.
    pub(crate) fn delegate(&mut self, name: &Name) {
        if self.find(name.as_str()).is_some() {
            return;
        }
        let end = |line: &String| {
            let mut fields = line.split(':').skip(1).map(str::parse::<u64>);
            Some(fields.next()?.ok()?.saturating_add(fields.next()?.ok()?))
        };
        let first = self.lines.iter().filter_map(end).max().unwrap_or(0).max(FIRST_SUBORDINATE);
        self.push(format!("{name}:{first}:{SUBORDINATES}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> Table {
        let text = "root:x:0:\nsudo:x:27:\nadm:x:4:syslog,a\n".to_owned();
        Table::read("etc/group", 4, Some(text)).unwrap()
    }

    #[test]
    fn lines_that_nobody_changes_stay() {
        let mut group = group();
        let ops: Name = "ops".parse().unwrap();
        assert!(group.join(&"sudo".parse().unwrap(), &ops));
        assert!(group.join(&"adm".parse().unwrap(), &ops));
        assert!(group.join(&"adm".parse().unwrap(), &ops));
        assert!(!group.join(&"wheel".parse().unwrap(), &ops));
        assert_eq!(group.text(), "root:x:0:\nsudo:x:27:ops\nadm:x:4:syslog,a,ops\n");
        group.set("root", 1, "y");
        group.set("roo", 1, "y");
        assert!(group.text().starts_with("root:y:0:\nsudo:"));
    }

    #[test]
    fn a_damaged_file_is_told_with_its_line() {
        let wrong = Table::read("etc/group", 4, Some("root:x:0:\nadm:x:4\n".to_owned())).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "`/etc/group` of the packages cannot be read: line 2 does not have 4 fields"
        );
        assert!(Table::read("etc/group", 4, None).is_err());
        assert!(Table::read("etc/group", 4, Some(":x:0:\n".to_owned())).is_err());
    }

    #[test]
    fn subordinate_ids_do_not_overlap() {
        let mut table = Table::read("etc/subuid", 3, Some(String::new())).unwrap();
        for name in ["a", "b", "a"] {
            table.delegate(&name.parse().unwrap());
        }
        assert_eq!(table.text(), "a:100000:65536\nb:165536:65536\n");
    }
}
