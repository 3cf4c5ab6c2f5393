//! A difference for people: lines for a terminal, a table for a review. For machines its values serialise.

use crate::{LockDiff, Row, Sign, human_size, human_size_change};
use std::fmt::Write as _;

impl Sign {
    /// `+`, `~` or `-`.
    pub fn symbol(self) -> char {
        match self {
            Self::Added => '+',
            Self::Changed => '~',
            Self::Removed => '-',
        }
    }
}

impl Row {
    /// What changed in words: `1.0 → 1.1`, or the names of the fields where the version stayed.
    fn what(&self) -> String {
        let version = |side: &Option<String>| side.clone().unwrap_or_else(|| "∅".into());
        if self.sign == Sign::Changed && self.old == self.new {
            let names: Vec<&str> = self.fields.iter().map(|change| change.field).collect();
            let version = self.new.as_ref().map(|version| format!("{version} ")).unwrap_or_default();
            return format!("{version}({})", names.join(", "));
        }
        match self.sign {
            Sign::Added => self.new.clone().unwrap_or_default(),
            Sign::Removed => self.old.clone().unwrap_or_default(),
            Sign::Changed => format!("{} → {}", version(&self.old), version(&self.new)),
        }
    }

    fn size(&self) -> String {
        match (self.sign, self.size_change) {
            (Sign::Changed, 0) => String::new(),
            (_, change) => human_size_change(change),
        }
    }

    /// The row as one line: `~ chart.monitoring  88.4.1 → 88.5.3  +19.1 KiB`.
    pub fn line(&self) -> String {
        let mut line = format!("{} {}", self.sign.symbol(), self.subject);
        for part in [self.what(), self.size()].iter().filter(|part| !part.is_empty()) {
            let _written = write!(line, "  {part}");
        }
        line
    }
}

impl LockDiff {
    /// One line per row, without an end of line.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.rows.iter().map(Row::line)
    }

    /// A table in GitHub's Markdown. A backtick inside a value is shown as an apostrophe, so that no value
    /// can leave its cell.
    pub fn markdown(&self) -> String {
        let mut out = String::from("| | Artifact | Old | New | Size |\n|---|---|---|---|---:|\n");
        for row in &self.rows {
            let same_version = row.sign == Sign::Changed && row.old == row.new;
            let [old, new] = [row.old.clone(), if same_version { Some(row.what()) } else { row.new.clone() }];
            let [old, new] = [old, new].map(|text| text.map(|text| cell(&text)).unwrap_or_default());
            // Writing to a `String` cannot fail.
            let _written = writeln!(
                out,
                "| `{}` | {} | {old} | {new} | {} |",
                row.sign.symbol(),
                cell(&row.subject),
                row.size()
            );
        }
        out
    }

    /// `1 added, 2 changed, 0 removed, +19.1 KiB`.
    pub fn summary_line(&self) -> String {
        let all = self.summary();
        let size = human_size_change(all.size_change);
        format!("{} added, {} changed, {} removed, {size}", all.added, all.changed, all.removed)
    }
}

fn cell(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|"))
}

impl crate::Entry {
    /// The entry as one line of a listing: `chart.monitoring  88.5.3  512.0 KiB  tofu`.
    pub fn line(&self) -> String {
        let version = self.version.as_ref().map(|version| format!("  {version}")).unwrap_or_default();
        format!("{}{version}  {}  {}", self.id, human_size(self.pin.size().get()), self.trust)
    }
}
