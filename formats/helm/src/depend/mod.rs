//! Which subcharts there are, under which names, and what a parent takes from their values
//! (`pkg/chart/v2/util/dependencies.go`).

mod enabled;
mod import;

use crate::tree::{ChartTree, Requirement};
use crate::values::{NoTable, Table};
use std::cell::RefCell;
use std::rc::Rc;

/// What a render changes of the description of a chart.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    /// Its name, or the alias that its parent gives it.
    pub(crate) name: String,
    /// What it needs and has.
    pub(crate) dependencies: Option<Vec<Requirement>>,
    /// Whether the imports were brought into one form, as templates see them then.
    pub(crate) imported: bool,
}

/// A chart during a render: pruned, renamed, and with imported values.
#[derive(Debug, Clone)]
pub(crate) struct Work<'c> {
    pub(crate) source: &'c ChartTree,
    /// Shared by the copies that several aliases make of a chart below them, as it is in Helm.
    pub(crate) meta: Rc<RefCell<Meta>>,
    pub(crate) values: Table,
    pub(crate) children: Vec<Work<'c>>,
}

/// Subcharts that are named and not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) Vec<String>);

impl<'c> Work<'c> {
    /// A chart as it was read. `number` gives each `values.yaml` its number among the sources.
    pub(crate) fn new(source: &'c ChartTree, path: &str, number: &mut dyn FnMut(String) -> u32) -> Self {
        let file = source.values.as_ref().map_or(0, |_| number(format!("{path}/values.yaml")));
        let meta = Meta {
            name: source.metadata.name.clone(),
            dependencies: source.metadata.dependencies.clone(),
            imported: false,
        };
        let below = |it: &'c ChartTree| {
            let path = format!("{path}/charts/{}", it.metadata.name);
            Work::new(it, &path, number)
        };
        Self {
            source,
            meta: Rc::new(RefCell::new(meta)),
            values: Table::read(source.values.as_ref(), file),
            children: source.charts.iter().map(below).collect(),
        }
    }

    pub(crate) fn name(&self) -> String {
        self.meta.borrow().name.clone()
    }

    /// Whether everything that it names is there, by name alone (`pkg/action.CheckDependencies`).
    pub(crate) fn complete(&self) -> Result<(), Missing> {
        let meta = self.meta.borrow();
        let there = |need: &&Requirement| !self.children.iter().any(|it| it.name() == need.name);
        let missing: Vec<_> =
            meta.dependencies.iter().flatten().filter(there).map(|it| it.name.clone()).collect();
        if missing.is_empty() { Ok(()) } else { Err(Missing(missing)) }
    }

    /// Subcharts of another version than is asked for. Helm renders them all the same, without condition and alias.
    pub(crate) fn unfit(&self, warnings: &mut Vec<String>) {
        let meta = self.meta.borrow();
        for need in meta.dependencies.iter().flatten() {
            let named = || self.children.iter().filter(|it| it.name() == need.name);
            if named().any(|it| need.allows(&it.source.metadata.version)) {
                continue;
            }
            for child in named() {
                let (name, version) = (&need.name, &child.source.metadata.version);
                warnings.push(format!(
                    "`{}` needs `{name}` `{}`, and has `{version}`; its condition, tags and alias do not count",
                    meta.name, need.version
                ));
            }
        }
        for child in &self.children {
            child.unfit(warnings);
        }
    }

    /// Takes out what is switched off, gives aliases, and takes over values of subcharts (`ProcessDependencies`).
    pub(crate) fn process(&mut self, values: &Table, warnings: &mut Vec<String>) -> Result<(), NoTable> {
        enabled::prune(self, values, "", warnings)?;
        import::take_over(self, warnings)
    }
}
