//! Reads a project from disk.

use super::address::{Address, Kind};
use super::diagnostic::{Code, Diagnostic, Diagnostics, Files};
use super::local::inside;
use super::overlay::merge;
use super::parse::parse;
use super::settings::{self, Settings};
use super::table::{Entry, Table};
use super::value::{Node, Value};
use super::{Recipe, Vars, kinds, nodes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A loaded project: typed recipes, and the texts that positions refer to.
#[derive(Debug)]
pub struct Project {
    /// The folder of `gabion.toml`.
    pub root: PathBuf,
    /// What it says of itself.
    pub settings: Settings,
    /// `[vars]`.
    pub vars: Vars,
    /// Every node.
    pub recipes: BTreeMap<Address, Recipe>,
    /// Nodes that the overlay drops; naming one is no mistake, it is simply not there.
    pub disabled: BTreeSet<Address>,
    /// For every node in order, the numbers of those that it names.
    pub(crate) needs: Vec<Vec<usize>>,
    /// The texts.
    pub files: Files,
}

/// Loads the project at `root` with overlay `env`, or with the overlay that the project names.
///
/// All mistakes are in the error, not only the first one.
pub fn load(root: &Path, env: Option<&str>) -> Result<Project, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let Some(first) = read_file(root, "gabion.toml", &mut diagnostics) else {
        return Err(diagnostics);
    };
    let include = includes(&first, root, &mut diagnostics);
    let included = read_files(root, &include, &mut diagnostics);
    let mut merged = join(first, included, &mut diagnostics);
    let env = env.map(str::to_owned).or_else(|| project_env(&merged));
    if let Some(env) = &env {
        lay_over(root, env, &mut merged, &mut diagnostics);
    }
    let vars = Vars::take(&mut merged, &mut diagnostics);
    let files = diagnostics.files.clone();
    // An escape can spell the dollar; without either there is nothing to replace.
    if files.texts().any(|text| text.contains(['$', '\\'])) {
        merged.values_mut().for_each(|node| vars.expand_node(node, &mut diagnostics));
    }
    let settings = settings::read(&merged, env, &mut diagnostics);
    let (mut recipes, disabled) = nodes::recipes(merged, root, &mut diagnostics);
    nodes::settle_kubernetes(&mut recipes, &disabled, &mut diagnostics);
    kinds::conflicts(&recipes, &mut diagnostics);
    let needs = nodes::needs(&recipes, &disabled, &mut diagnostics);
    diagnostics.into_result(Project {
        root: root.to_owned(),
        settings,
        vars,
        recipes,
        disabled,
        needs,
        files,
    })
}

fn read_file(root: &Path, name: &str, diagnostics: &mut Diagnostics) -> Option<Table> {
    let (file, text) = read_text(root, name, diagnostics)?;
    Some(parse(&text, file, diagnostics))
}

/// Reads a file of recipes; gives its number among the project's texts with it.
fn read_text(root: &Path, name: &str, diagnostics: &mut Diagnostics) -> Option<(usize, String)> {
    match fs_err::read_to_string(root.join(name)) {
        Ok(text) => Some((diagnostics.files.add(name, &text), text)),
        Err(error) => {
            let message = format!("cannot read `{name}`: {}", error.kind());
            let mistake = Diagnostic::nowhere(Code::Unreadable, message);
            diagnostics.push(if name == "gabion.toml" {
                mistake.help("run gabion in the folder of `gabion.toml`, or name it with `--project`")
            } else {
                mistake
            });
            None
        }
    }
}

/// So many bytes of recipes are parsed before a second thread is worth its start.
const ONE_THREAD: usize = 64 << 10;

/// Reads and parses the files of these names; the tables come in the order of the names.
fn read_files(root: &Path, names: &[String], diagnostics: &mut Diagnostics) -> Vec<Table> {
    let texts: Vec<_> = names.iter().filter_map(|name| read_text(root, name, diagnostics)).collect();
    let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
    let threads =
        if bytes <= ONE_THREAD { 1 } else { std::thread::available_parallelism().map_or(1, Into::into) };
    let mut tables = Vec::new();
    for (table, mistakes) in parse_all(&texts, threads) {
        tables.push(table);
        diagnostics.list.extend(mistakes);
    }
    tables
}

/// Parses every text, in shares of neighbours, one share per thread; this thread takes the first.
fn parse_all<'s>(texts: &'s [(usize, String)], threads: usize) -> Vec<(Table, Vec<Diagnostic>)> {
    let one = |(file, text): &(usize, String)| {
        let mut found = Diagnostics::default();
        (parse(text, *file, &mut found), found.list)
    };
    if threads <= 1 {
        return texts.iter().map(one).collect();
    }
    std::thread::scope(|scope| {
        let mut shares = texts.chunks(texts.len().div_ceil(threads).max(1));
        let mine = shares.next().unwrap_or_default();
        let start = |share: &'s [_]| scope.spawn(move || share.iter().map(one).collect::<Vec<_>>());
        let started: Vec<_> = shares.map(start).collect();
        let mut all: Vec<_> = mine.iter().map(one).collect();
        for thread in started {
            all.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    })
}

/// The files of `project.include`, sorted; `*` stands for anything within the last part of a path.
fn includes(merged: &Table, root: &Path, diagnostics: &mut Diagnostics) -> Vec<String> {
    let Some((_, Node { value: Value::Table(project), .. })) = merged.get("project") else {
        return Vec::new();
    };
    let Some((_, Node { value: Value::Array(patterns), .. })) = project.get("include") else {
        return Vec::new();
    };
    let mut files = BTreeSet::new();
    for pattern in patterns {
        let Value::String(text) = &pattern.value else { continue };
        if let Err(mistake) = inside(text, &pattern.span) {
            diagnostics.push(mistake);
            continue;
        }
        let (folder, last) = text.rsplit_once('/').unwrap_or(("", text));
        let Some((before, after)) = last.split_once('*') else {
            files.insert(text.clone());
            continue;
        };
        let entries = fs_err::read_dir(root.join(folder)).map(|entries| {
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect::<Vec<_>>()
        });
        for name in entries.unwrap_or_default() {
            let long_enough = name.len() >= before.len() + after.len();
            if long_enough && name.starts_with(before) && name.ends_with(after) && name != "gabion.toml" {
                files.insert(if folder.is_empty() { name } else { format!("{folder}/{name}") });
            }
        }
    }
    files.into_iter().collect()
}

/// The tables of all files as one; two declarations of one node are a mistake, not a merge.
fn join(mut all: Table, included: Vec<Table>, diagnostics: &mut Diagnostics) -> Table {
    let mut nodes: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for (word, (span, node)) in included.into_iter().flatten() {
        match (all.get_mut(&word), node) {
            (None, node) => all.add(vec![(word, (span, node))]),
            (Some((_, Node { value: Value::Table(_), .. })), Node { value: Value::Table(more), .. }) => {
                nodes.entry(word).or_default().extend(more);
            }
            (Some(_), _) => {
                diagnostics.push(Diagnostic::new(
                    Code::Duplicate,
                    &span,
                    format!("`{word}` is declared twice"),
                ));
            }
        }
    }
    for (word, more) in nodes {
        let Some((_, Node { value: Value::Table(table), .. })) = all.get_mut(&word) else { continue };
        let entries = std::mem::take(table).into_iter().chain(more).collect();
        let (once, twice) = Table::gather(entries);
        *table = once;
        for (name, (span, _)) in twice {
            let mistake =
                Diagnostic::new(Code::Duplicate, &span, format!("`{word}.{name}` is declared twice"));
            let help = "to change a node for one environment, use an overlay: `env/NAME.toml`";
            diagnostics.push(mistake.help(help));
        }
    }
    all
}

fn project_env(merged: &Table) -> Option<String> {
    let (_, Node { value: Value::Table(project), .. }) = merged.get("project")? else { return None };
    match project.get("env") {
        Some((_, Node { value: Value::String(env), .. })) => Some(env.clone()),
        _ => None,
    }
}

fn lay_over(root: &Path, env: &str, merged: &mut Table, diagnostics: &mut Diagnostics) {
    let name = format!("env/{env}.toml");
    if Address::new(Kind::Host, env).is_none() || !root.join(&name).is_file() {
        let there: Vec<String> = overlays(root);
        let mistake = Diagnostic::nowhere(Code::Overlay, format!("there is no overlay `{env}`"));
        diagnostics.push(mistake.suggest(env, there.iter().map(String::as_str)));
        return;
    }
    if let Some(over) = read_file(root, &name, diagnostics) {
        merge(merged, over);
    }
}

/// The overlays that the project at `root` has, sorted.
pub fn overlays(root: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(root.join("env")).map(|entries| {
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect::<Vec<_>>()
    });
    let mut names: Vec<String> = entries
        .unwrap_or_default()
        .iter()
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let text = |number| format!("[fetch.f{number}]\nurl = 'x'\nwhen = 1979-05-27\n[[\n");
        let texts: Vec<(usize, String)> = (0..7).map(|number| (number, text(number))).collect();
        let one = parse_all(&texts, 1);
        assert_eq!(one.len(), 7);
        assert!(one.iter().all(|(table, mistakes)| table.contains_key("fetch") && !mistakes.is_empty()));
        for threads in [2, 3, 7, 64] {
            assert_eq!(parse_all(&texts, threads), one, "{threads} threads");
        }
        assert!(parse_all(&[], 4).is_empty());
    }
}
