//! `import-values`: what a parent takes over from the values of its subcharts.

use super::Work;
use crate::values::{self, Entry, NoTable, Table};

/// Takes over values everywhere, from below (`processDependencyImportValues`).
pub(super) fn take_over(chart: &mut Work<'_>, warnings: &mut Vec<String>) -> Result<(), NoTable> {
    for child in &mut chart.children {
        take_over(child, warnings)?;
    }
    let Some(needs) = chart.meta.borrow().dependencies.clone() else { return Ok(()) };
    let all = values::merged(chart, warnings)?;
    let imported = Table::default();
    for need in &needs {
        for import in &need.import_values {
            let path = format!("{}.{}", need.name, import.child);
            let Some(found) = values::table(&all, &path) else {
                warnings.push(format!("`{}` takes over `{path}`, which is no table", chart.name()));
                continue;
            };
            values::merge_tables(&imported, &at(&import.parent, found), warnings);
        }
    }
    let all = all.deep_copy();
    // What the parent says counts; what it takes over fills the rest.
    values::merge_tables(&all, &imported, warnings);
    chart.values = all;
    chart.meta.borrow_mut().imported = true;
    Ok(())
}

/// A table at a path.
fn at(path: &str, table: Table) -> Table {
    if path == "." {
        return table;
    }
    path.split('.')
        .rev()
        .fold(table, |below, name| Table::from_entries([(name.to_owned(), Entry::table(below))]))
}
