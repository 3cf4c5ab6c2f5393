//! Paths of values as charts write them: names divided by dots (`pkg/chart/common.Values`).

use super::{Entry, Table};

/// The table at a path.
pub(crate) fn table(values: &Table, path: &str) -> Option<Table> {
    let mut at = values.clone();
    for name in path.split('.') {
        let next = at.get(name)?.as_table()?.clone();
        at = next;
    }
    Some(at)
}

/// The value at a path, if it is no table.
pub(crate) fn leaf(values: &Table, path: &str) -> Option<Entry> {
    let entry = match path.rsplit_once('.') {
        Some((above, name)) => table(values, above)?.get(name)?,
        None => values.get(path)?,
    };
    entry.as_table().is_none().then_some(entry)
}
