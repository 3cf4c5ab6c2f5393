//! Conditions, tags and aliases.

use super::{Meta, Work};
use crate::tree::Requirement;
use crate::values::{self, Entry, Item, NoTable, Table};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Takes out of a chart what is switched off (`processDependencyEnabled`). `path` ends with a dot, or is empty.
pub(super) fn prune(
    chart: &mut Work<'_>,
    given: &Table,
    path: &str,
    warnings: &mut Vec<String>,
) -> Result<(), NoTable> {
    let Some(mut needs) = chart.meta.borrow().dependencies.clone() else { return Ok(()) };
    chart.children = chosen(chart, &mut needs);
    for need in &mut needs {
        need.enabled = true;
    }
    let values = values::coalesce(chart, given, warnings)?;
    by_tags(&mut needs, &values, warnings);
    by_conditions(&mut needs, &values, path, warnings);
    let off: BTreeSet<String> = needs.iter().filter(|it| !it.enabled).map(|it| it.name.clone()).collect();
    chart.children.retain(|it| !off.contains(&it.name()));
    needs.retain(|it| !off.contains(&it.name));
    for child in &mut chart.children {
        let below = format!("{path}{}.", child.name());
        prune(child, &values, &below, warnings)?;
    }
    chart.meta.borrow_mut().dependencies = if needs.is_empty() { None } else { Some(needs) };
    Ok(())
}

/// First what nobody names, then what is named, in that order and under the names that are given to it.
fn chosen<'c>(chart: &Work<'c>, needs: &mut [Requirement]) -> Vec<Work<'c>> {
    let fits = |child: &Work<'_>, need: &Requirement| {
        child.name() == need.name && need.allows(&child.source.metadata.version)
    };
    let unnamed = chart.children.iter().filter(|child| !needs.iter().any(|need| fits(child, need)));
    let mut out: Vec<Work<'c>> = unnamed.cloned().collect();
    for need in needs {
        if let Some(child) = chart.children.iter().find(|child| fits(child, need)) {
            let mut copy = child.clone();
            let mut meta: Meta = child.meta.borrow().clone();
            if !need.alias.is_empty() {
                meta.name.clone_from(&need.alias);
            }
            copy.meta = Rc::new(RefCell::new(meta));
            out.push(copy);
        }
        if !need.alias.is_empty() {
            need.name.clone_from(&need.alias);
        }
    }
    out
}

/// A chart is on if one of its tags is, and off if one is off and none is on.
fn by_tags(needs: &mut [Requirement], values: &Table, warnings: &mut Vec<String>) {
    let Some(tags) = values::table(values, "tags") else { return };
    for need in needs {
        let (mut on, mut off) = (false, false);
        for tag in &need.tags {
            match tags.get(tag) {
                Some(Entry { item: Item::Bool(true), .. }) => on = true,
                Some(Entry { item: Item::Bool(false), .. }) => off = true,
                Some(_) => warn(warnings, format!("the tag `{tag}` of `{}` is no truth value", need.name)),
                None => {}
            }
        }
        need.enabled = on || !off;
    }
}

/// The first path that holds a truth value decides, whatever the tags say.
fn by_conditions(needs: &mut [Requirement], values: &Table, path: &str, warnings: &mut Vec<String>) {
    for need in needs {
        for condition in need.condition.trim().split(',').filter(|it| !it.is_empty()) {
            match values::leaf(values, &format!("{path}{condition}")) {
                Some(Entry { item: Item::Bool(on), .. }) => {
                    need.enabled = on;
                    break;
                }
                Some(_) => {
                    let name = &need.name;
                    warn(warnings, format!("the condition `{condition}` of `{name}` is no truth value"));
                }
                None => {}
            }
        }
    }
}

fn warn(warnings: &mut Vec<String>, text: String) {
    if !warnings.contains(&text) {
        warnings.push(text);
    }
}
