//! Reads a project from disk.

use super::address::{Address, Kind};
use super::diagnostic::{Code, Diagnostic, Diagnostics, Files, Span};
use super::kinds::Body;
use super::overlay::merge;
use super::reader::{Reader, Spanned};
use super::value::{self, Node, Table, Value};
use super::{Recipe, Vars};
use gabion_digest::BlobId;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The only edition of the recipe language so far.
const EDITION: &str = "2026";
/// Largest local file that a recipe may name: a keyring, values, manifests.
const LOCAL_LIMIT: u64 = 64 << 20;

/// What `[project]`, `[resolve]` and the command line say.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The project's name.
    pub name: String,
    /// The target of a bare `gabion build`.
    pub default: Option<String>,
    /// The overlay in force.
    pub env: Option<String>,
    /// The lock file, relative to the project.
    pub lock: String,
    /// Debian's name of the architecture, `amd64`.
    pub arch: String,
}

/// A file of the project that a recipe names.
#[derive(Debug, Clone)]
pub struct LocalFile {
    /// Path in the project, as the recipe spells it.
    pub path: String,
    /// Its bytes' name.
    pub blob: BlobId,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

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
    /// The texts.
    pub files: Files,
}

/// Loads the project at `root` with overlay `env`, or with the overlay that the project names.
///
/// All mistakes are in the error, not only the first one.
pub fn load(root: &Path, env: Option<&str>) -> Result<Project, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let Some(mut merged) = read_file(root, "gabion.toml", &mut diagnostics) else {
        return Err(diagnostics);
    };
    let include = includes(&merged, root, &mut diagnostics);
    for table in read_files(root, &include, &mut diagnostics) {
        add_nodes(&mut merged, table, &mut diagnostics);
    }
    let env = env.map(str::to_owned).or_else(|| project_env(&merged));
    if let Some(env) = &env {
        lay_over(root, env, &mut merged, &mut diagnostics);
    }
    let vars = take_vars(&mut merged, &mut diagnostics);
    for (_, node) in merged.values_mut() {
        vars.expand_node(node, &mut diagnostics);
    }
    let settings = settings(&merged, env, &mut diagnostics);
    let (recipes, disabled) = recipes(merged, &mut LocalFiles::new(root), &mut diagnostics);
    check_references(&recipes, &disabled, &mut diagnostics);
    let files = diagnostics.files.clone();
    diagnostics.into_result(Project { root: root.to_owned(), settings, vars, recipes, disabled, files })
}

fn read_file(root: &Path, name: &str, diagnostics: &mut Diagnostics) -> Option<Table> {
    let (file, text) = read_text(root, name, diagnostics)?;
    Some(value::parse(&text, file, diagnostics))
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

/// Parses every text, in shares of neighbours, one share per thread.
fn parse_all<'s>(texts: &'s [(usize, String)], threads: usize) -> Vec<(Table, Vec<Diagnostic>)> {
    let parse = |(file, text): &(usize, String)| {
        let mut found = Diagnostics::default();
        (value::parse(text, *file, &mut found), found.list)
    };
    if threads <= 1 {
        return texts.iter().map(parse).collect();
    }
    std::thread::scope(|scope| {
        let shares = texts.chunks(texts.len().div_ceil(threads).max(1));
        let start = |share: &'s [_]| scope.spawn(move || share.iter().map(parse).collect::<Vec<_>>());
        let started: Vec<_> = shares.map(start).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        started.into_iter().flat_map(join).collect()
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

/// Adds the nodes of an included file; two declarations of one node are a mistake, not a merge.
fn add_nodes(merged: &mut Table, table: Table, diagnostics: &mut Diagnostics) {
    for (kind, (span, node)) in table {
        match (merged.get_mut(&kind), node) {
            (None, node) => {
                merged.insert(kind, (span, node));
            }
            (
                Some((_, Node { value: Value::Table(existing), .. })),
                Node { value: Value::Table(more), .. },
            ) => {
                for (name, (name_span, node)) in more {
                    let place = match existing.entry(name) {
                        Entry::Vacant(place) => {
                            place.insert((name_span, node));
                            continue;
                        }
                        Entry::Occupied(place) => place,
                    };
                    let message = format!("`{kind}.{}` is declared twice", place.key());
                    let mistake = Diagnostic::new(Code::Duplicate, &name_span, message);
                    let help = "to change a node for one environment, use an overlay: `env/NAME.toml`";
                    diagnostics.push(mistake.help(help));
                }
            }
            (Some(_), _) => {
                diagnostics.push(Diagnostic::new(
                    Code::Duplicate,
                    &span,
                    format!("`{kind}` is declared twice"),
                ));
            }
        }
    }
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

fn take_vars(merged: &mut Table, diagnostics: &mut Diagnostics) -> Vars {
    let mut vars = Vars::default();
    if let Some((_, node)) = merged.remove("vars") {
        let Value::Table(table) = node.value else {
            diagnostics.push(Diagnostic::new(Code::WrongType, &node.span, "`vars` is a table of strings"));
            return vars;
        };
        for (name, (_, node)) in table {
            match node.value {
                Value::String(text) => {
                    vars.0.insert(name, text);
                }
                other => {
                    let message = format!("`vars.{name}` takes a string, not {}", other.type_name());
                    diagnostics.push(Diagnostic::new(Code::WrongType, &node.span, message));
                }
            }
        }
    }
    vars
}

fn settings(merged: &Table, env: Option<String>, diagnostics: &mut Diagnostics) -> Settings {
    let empty = Table::new();
    let section = |name: &str| match merged.get(name) {
        Some((_, Node { value: Value::Table(table), span })) => (table.clone(), span.clone()),
        _ => (empty.clone(), Span::default()),
    };
    let (project, span) = section("project");
    let mut reader = Reader::new("project".to_owned(), &project, &span, diagnostics);
    let name = reader.required("name");
    if Address::new(Kind::Bundle, &name.value).is_none() && reader.has("name") {
        reader.bad_value("name", &name.span, "takes lowercase letters, digits and `-`");
    }
    let edition = reader.required("edition");
    if edition.value != EDITION && reader.has("edition") {
        reader.bad_value("edition", &edition.span, format_args!("is `{EDITION}` for this version of gabion"));
    }
    let _included = reader.strings("include");
    let _env = reader.string("env");
    let default = reader.string("default").map(|it| it.value);
    let lock = reader.string("lock");
    let lock = lock.map_or("gabion.lock".to_owned(), |lock| {
        if let Err(mistake) = inside(&lock.value, &lock.span) {
            reader.report(mistake);
        }
        lock.value
    });
    reader.finish();
    let (resolve, span) = section("resolve");
    let mut reader = Reader::new("resolve".to_owned(), &resolve, &span, diagnostics);
    let arch = reader.string("arch").map_or(Spanned { value: "amd64".to_owned(), span }, |arch| arch);
    if !["amd64", "arm64"].contains(&arch.value.as_str()) {
        reader.bad_value("arch", &arch.span, "is `amd64` or `arm64`");
    }
    reader.finish();
    Settings { name: name.value, default, env, lock, arch: arch.value }
}

fn recipes(
    merged: Table,
    files: &mut LocalFiles<'_>,
    diagnostics: &mut Diagnostics,
) -> (BTreeMap<Address, Recipe>, BTreeSet<Address>) {
    let mut recipes = BTreeMap::new();
    let mut disabled = BTreeSet::new();
    for (word, (span, node)) in merged {
        if matches!(word.as_str(), "project" | "resolve") {
            continue;
        }
        let Ok(kind) = word.parse::<Kind>() else {
            let known = Kind::ALL.iter().map(|kind| kind.name()).chain(["project", "vars", "resolve"]);
            let mistake = Diagnostic::new(Code::UnknownKind, &span, format!("`{word}` is no kind of recipe"));
            diagnostics.push(mistake.suggest(&word, known));
            continue;
        };
        let Value::Table(nodes) = node.value else {
            let message = format!("`{word}` takes tables `[{word}.NAME]`, not {}", node.value.type_name());
            diagnostics.push(Diagnostic::new(Code::WrongType, &node.span, message));
            continue;
        };
        for (name, (name_span, node)) in nodes {
            match read_recipe(kind, &name, name_span, node, files, diagnostics) {
                Some(recipe) => {
                    recipes.insert(recipe.address.clone(), recipe);
                }
                None => disabled.extend(Address::new(kind, &name)),
            }
        }
    }
    (recipes, disabled)
}

fn read_recipe(
    kind: Kind,
    name: &str,
    span: Span,
    node: Node,
    files: &mut LocalFiles<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Recipe> {
    let Some(address) = Address::new(kind, name) else {
        let message = format!("`{name}` cannot name a node");
        diagnostics.push(
            Diagnostic::new(Code::BadValue, &span, message)
                .help("names are lowercase letters, digits and `-`, at most 63 of them"),
        );
        return None;
    };
    let Value::Table(table) = &node.value else {
        let message = format!("`{address}` is a table, not {}", node.value.type_name());
        diagnostics.push(Diagnostic::new(Code::WrongType, &node.span, message));
        return None;
    };
    let mut reader = Reader::new(address.to_string(), table, &span, diagnostics);
    // A dropped node is not read at all: the overlay that drops it need not repair it.
    if !reader.flag("enabled", true) {
        return None;
    }
    let body = Body::read(&address, &mut reader);
    reader.finish();
    let files = body.local_files().into_iter().filter_map(|file| files.get(file, diagnostics)).collect();
    Some(Recipe { address, span, body, table: node, files })
}

/// The project's files, each read once however many nodes name it.
struct LocalFiles<'r> {
    root: &'r Path,
    read: BTreeMap<String, Arc<LocalFile>>,
}

impl<'r> LocalFiles<'r> {
    fn new(root: &'r Path) -> Self {
        Self { root, read: BTreeMap::new() }
    }

    fn get(&mut self, file: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<Arc<LocalFile>> {
        if let Some(known) = self.read.get(&file.value) {
            return Some(Arc::clone(known));
        }
        let read = Arc::new(local_file(self.root, file, diagnostics)?);
        self.read.insert(file.value.clone(), Arc::clone(&read));
        Some(read)
    }
}

fn local_file(root: &Path, file: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<LocalFile> {
    if let Err(mistake) = inside(&file.value, &file.span) {
        diagnostics.push(mistake);
        return None;
    }
    let path = root.join(&file.value);
    let read = fs_err::metadata(&path).and_then(|meta| {
        if meta.len() > LOCAL_LIMIT {
            return Err(std::io::Error::other("file is larger than 64 MiB"));
        }
        fs_err::read(&path)
    });
    match read {
        Ok(bytes) => {
            let blob = BlobId::new(gabion_digest::Digest::of(&bytes));
            Some(LocalFile { path: file.value.clone(), blob, bytes })
        }
        Err(error) => {
            let why = match error.kind() {
                std::io::ErrorKind::Other => error.to_string(),
                kind => kind.to_string(),
            };
            let message = format!("cannot read `{}`: {why}", file.value);
            diagnostics.push(Diagnostic::new(Code::Unreadable, &file.span, message));
            None
        }
    }
}

/// Refuses a path that is absolute or leaves the project.
fn inside(path: &str, span: &Span) -> Result<(), Diagnostic> {
    let normal = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if normal && !path.is_empty() {
        return Ok(());
    }
    Err(Diagnostic::new(Code::Escapes, span, format!("`{path}` leaves the project"))
        .help("name files relative to `gabion.toml`, without `..`"))
}

/// Reports every reference to a node that is not declared, in the whole project: a wrong name is a
/// mistake wherever it stands.
fn check_references(
    recipes: &BTreeMap<Address, Recipe>,
    disabled: &BTreeSet<Address>,
    diagnostics: &mut Diagnostics,
) {
    // Only looked into: a hash finds one of ten thousand names five times as fast as an ordered map.
    let declared: HashSet<&Address> = recipes.keys().chain(disabled).collect();
    for recipe in recipes.values() {
        for Spanned { value: reference, span } in recipe.body.references() {
            let address = &reference.address;
            if declared.contains(address) {
                continue;
            }
            let same_kind = recipes.keys().filter(|it| it.kind() == address.kind());
            let known: Vec<String> = same_kind.map(ToString::to_string).collect();
            let mistake = Diagnostic::new(Code::UnknownReference, span, format!("there is no `{address}`"));
            diagnostics.push(mistake.suggest(&address.to_string(), known.iter().map(String::as_str)));
        }
    }
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
