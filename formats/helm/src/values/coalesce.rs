//! How the values of a chart, of its subcharts and of the user become one table (`pkg/chart/common/util/coalesce.go`).
//!
//! What the user gives beats what a chart gives, and a chart beats its subcharts. A `null` of the user takes a default
//! away; a `null` among the defaults of a chart is nothing. While dependencies are chosen every `null` stays ("merging"),
//! because the table is coalesced once more later.

use super::{Entry, GLOBAL, Item, Table};
use crate::depend::Work;
use std::collections::BTreeSet;

/// Two values that cannot be laid over each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the values of the subchart `{name}` are no table")]
pub(crate) struct NoTable {
    /// The subchart.
    pub(crate) name: String,
}

/// Lays `values` over those of a chart and of all charts below it.
pub(crate) fn coalesce(
    chart: &Work<'_>,
    values: &Table,
    warnings: &mut Vec<String>,
) -> Result<Table, NoTable> {
    let dest = values.deep_copy();
    Pass { merge: false, warnings }.chart(chart, &dest, "")?;
    Ok(dest)
}

/// The values of a chart and of all charts below it, with every `null`.
pub(crate) fn merged(chart: &Work<'_>, warnings: &mut Vec<String>) -> Result<Table, NoTable> {
    let dest = Table::default();
    Pass { merge: true, warnings }.chart(chart, &dest, "")?;
    Ok(dest)
}

/// Lays `dest` over `source`, into `dest`, and keeps every `null`.
pub(crate) fn merge_tables(dest: &Table, source: &Table, warnings: &mut Vec<String>) {
    Pass { merge: true, warnings }.tables(dest, source, "", true);
}

struct Pass<'w> {
    merge: bool,
    warnings: &'w mut Vec<String>,
}

fn below(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

impl Pass<'_> {
    fn warn(&mut self, text: String) {
        if !self.warnings.contains(&text) {
            self.warnings.push(text);
        }
    }

    fn chart(&mut self, chart: &Work<'_>, dest: &Table, prefix: &str) -> Result<(), NoTable> {
        self.defaults(chart, dest, prefix);
        let prefix = below(prefix, &chart.name());
        for child in &chart.children {
            let name = child.name();
            if dest.get(&name).is_none() {
                dest.set(&name, Entry::table(Table::default()));
            }
            let entry = dest.get(&name);
            let Some(own) = entry.as_ref().and_then(Entry::as_table) else { return Err(NoTable { name }) };
            self.globals(own, dest, &prefix);
            self.chart(child, own, &prefix)?;
        }
        Ok(())
    }

    /// The defaults of one chart, where nothing better is there.
    fn defaults(&mut self, chart: &Work<'_>, dest: &Table, prefix: &str) {
        let prefix = below(prefix, &chart.name());
        for (key, default) in chart.values.deep_copy().entries() {
            match dest.get(&key) {
                Some(own) if own.is_null() && !self.merge => dest.remove(&key),
                Some(Entry { item: Item::Table(own), .. }) => match default.as_table() {
                    Some(source) => {
                        let merge = self.merge || chart.children.iter().any(|it| it.name() == key);
                        if !merge {
                            without_nulls(source);
                        }
                        self.tables(&own, source, &below(&prefix, &key), merge);
                    }
                    None if default.is_null() => {}
                    None => self.warn(format!("the default of `{prefix}.{key}` is no table; it is left out")),
                },
                Some(_) => {}
                None => self.missing(dest, &key, default),
            }
        }
    }

    fn missing(&mut self, dest: &Table, key: &str, default: Entry) {
        if !self.merge {
            if default.is_null() {
                return;
            }
            if let Some(table) = default.as_table() {
                without_nulls(table);
            }
        }
        dest.set(key, default);
    }

    /// The `global` of `source`, merged into that of `dest`, which is the table of a subchart.
    fn globals(&mut self, dest: &Table, source: &Table, prefix: &str) {
        let global = |table: &Table| match table.get(GLOBAL).map(|it| it.item) {
            None => Some(Table::default()),
            Some(Item::Table(table)) => Some(table),
            Some(_) => None,
        };
        let (Some(own), Some(above)) = (global(dest), global(source)) else {
            self.warn(format!("`{GLOBAL}` below `{prefix}` is no table; nothing is handed down"));
            return;
        };
        for (key, entry) in above.entries() {
            let there = own.get(&key);
            let there = there.as_ref();
            match (entry.as_table(), there.map(Entry::as_table)) {
                (Some(table), None) => own.set(&key, Entry::table(table.shallow_copy())),
                (Some(table), Some(Some(mine))) => {
                    let copy = table.shallow_copy();
                    // From the top down: what the parent says counts here.
                    self.tables(&copy, mine, &below(prefix, &key), true);
                    own.set(&key, Entry::table(copy));
                }
                (Some(_), Some(None)) => {
                    self.warn(format!(
                        "`{GLOBAL}.{key}` below `{prefix}` is no table, and above it is one; it stays"
                    ));
                }
                (None, Some(Some(_))) => {
                    self.warn(format!(
                        "`{GLOBAL}.{key}` below `{prefix}` is a table, and above it is none; it stays"
                    ));
                }
                (None, _) => own.set(&key, entry),
            }
        }
        let place = dest.get(GLOBAL).map(|it| it.place).unwrap_or_default();
        dest.set(GLOBAL, Entry { item: Item::Table(own), place });
    }

    /// Lays `dest` over `source`, into `dest`.
    fn tables(&mut self, dest: &Table, source: &Table, prefix: &str, merge: bool) {
        let defaults: BTreeSet<String> =
            source.entries().into_iter().filter(|(_, it)| !it.is_null()).map(|(key, _)| key).collect();
        for (key, entry) in dest.entries() {
            if entry.is_null() {
                source.set(&key, entry);
            }
        }
        for (key, default) in source.entries() {
            let full = below(prefix, &key);
            let Some(own) = dest.get(&key) else {
                dest.set(&key, default);
                continue;
            };
            match (own.as_table(), default.as_table()) {
                _ if !merge && own.is_null() && defaults.contains(&key) => dest.remove(&key),
                (Some(own), Some(source)) => self.tables(own, source, &full, merge),
                (None, Some(_)) => {
                    self.warn(format!("`{full}` is a table by default, and is set to something else"));
                }
                (Some(_), None) if !default.is_null() => {
                    self.warn(format!("`{full}` is no table by default, and is set to one"));
                }
                _ => {}
            }
        }
    }
}

fn without_nulls(table: &Table) {
    for (key, entry) in table.entries() {
        match entry.as_table() {
            _ if entry.is_null() => table.remove(&key),
            Some(inner) => without_nulls(inner),
            None => {}
        }
    }
}
