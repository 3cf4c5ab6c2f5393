//! Nodes: tables in, typed recipes out, and who names whom.

use super::Recipe;
use super::address::{Address, Kind, Reference};
use super::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use super::kinds::Body;
use super::local::LocalFiles;
use super::reader::{Reader, Spanned};
use super::table::Table;
use super::value::{Node, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// Reads every node of a project, and tells those that are not there: an overlay drops them, or they are
/// no tables.
pub(super) fn recipes(
    mut merged: Table,
    root: &Path,
    diagnostics: &mut Diagnostics,
) -> (BTreeMap<Address, Recipe>, BTreeSet<Address>) {
    let mut files = LocalFiles::new(root);
    let (mut recipes, mut disabled) = (Vec::new(), BTreeSet::new());
    for kind in Kind::ALL.iter().copied() {
        let Some((_, node)) = merged.remove(kind.name()) else { continue };
        let Value::Table(nodes) = node.value else {
            let message = format!("`{kind}` takes tables `[{kind}.NAME]`, not {}", node.value.type_name());
            diagnostics.push(Diagnostic::new(Code::WrongType, &node.span, message));
            continue;
        };
        recipes.reserve(nodes.len());
        for (name, (name_span, node)) in nodes {
            match read_recipe(kind, &name, name_span, node, &mut files, diagnostics) {
                Some(recipe) => recipes.push((recipe.address.clone(), recipe)),
                None => disabled.extend(Address::new(kind, &name)),
            }
        }
    }
    for (word, (span, _)) in
        merged.iter().filter(|(word, _)| !["project", "resolve", "secrets", "lints"].contains(&word.as_str()))
    {
        let known = Kind::ALL
            .iter()
            .map(|kind| kind.name())
            .chain(["project", "vars", "resolve", "secrets", "lints"]);
        let mistake = Diagnostic::new(Code::UnknownKind, span, format!("`{word}` is no kind of recipe"));
        diagnostics.push(mistake.suggest(word, known));
    }
    // They stand in the order of their addresses, so that the map takes them as they are.
    (recipes.into_iter().collect(), disabled)
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
    let before = diagnostics.list.len();
    let mut reader = Reader::new(&address, table, &span, diagnostics);
    // A dropped node is not read at all: the overlay that drops it need not repair it.
    if !reader.flag("enabled", true) {
        return None;
    }
    let body = Body::read(&address, &mut reader);
    reader.finish();
    let files: Vec<_> = body.local_files().filter_map(|file| files.get(file, diagnostics)).collect();
    body.check(&files, diagnostics.list.len() == before, diagnostics);
    Some(Recipe { address, span, body, table: node, files })
}

/// Gives every chart the K3s whose Kubernetes it is rendered for: the one that it names, or the only one.
pub(super) fn settle_kubernetes(
    recipes: &mut BTreeMap<Address, Recipe>,
    disabled: &BTreeSet<Address>,
    diagnostics: &mut Diagnostics,
) {
    let there: Vec<Address> = recipes.keys().filter(|it| it.kind() == Kind::K3s).cloned().collect();
    let mut mistakes = Vec::new();
    for recipe in recipes.values_mut() {
        let Body::Chart(chart) = &mut recipe.body else { continue };
        match (&chart.k3s, there.as_slice()) {
            (Some(named), _) if there.contains(&named.value.address) => {}
            (Some(named), _) if disabled.contains(&named.value.address) => chart.k3s = None,
            (Some(named), _) => mistakes.push((named.value.address.clone(), named.span.clone())),
            (None, [only]) => {
                let value = Reference { address: only.clone(), output: None };
                chart.k3s = Some(Spanned { value, span: recipe.span.clone() });
            }
            (None, []) => {}
            (None, _) => {
                let message = format!("`{}` does not say which K3s it is for", recipe.address);
                let mistake = Diagnostic::new(Code::MissingKey, &recipe.span, message);
                diagnostics.push(mistake.help("there are several: add `k3s = \"k3s.NAME\"`"));
            }
        }
    }
    for (address, span) in mistakes {
        diagnostics.push(unknown(recipes, &address, &span));
    }
}

/// Who names whom: for every recipe in order, the numbers of those that it names, in the order of its fields and
/// without repetition.
///
/// Reports every reference to a node that is not declared, in the whole project: a wrong name is a mistake
/// wherever it stands. A node that an overlay drops is simply not there.
pub(super) fn needs(
    recipes: &BTreeMap<Address, Recipe>,
    disabled: &BTreeSet<Address>,
    diagnostics: &mut Diagnostics,
) -> Vec<Vec<usize>> {
    // Only looked into: a hash finds one of ten thousand names five times as fast as an ordered map.
    let numbers: HashMap<&Address, usize> = recipes.keys().zip(0..).collect();
    let mut named_by = vec![None; recipes.len()];
    let mut all = Vec::with_capacity(recipes.len());
    for (user, recipe) in recipes.values().enumerate() {
        let mut needs = Vec::new();
        for Spanned { value: reference, span } in recipe.body.references() {
            match numbers.get(&reference.address) {
                Some(number) if named_by[*number].replace(user) != Some(user) => needs.push(*number),
                Some(_) => {}
                None if disabled.contains(&reference.address) => {}
                None => diagnostics.push(unknown(recipes, &reference.address, span)),
            }
        }
        all.push(needs);
    }
    all
}

fn unknown(recipes: &BTreeMap<Address, Recipe>, address: &Address, span: &Span) -> Diagnostic {
    let same_kind = recipes.keys().filter(|it| it.kind() == address.kind());
    let known: Vec<String> = same_kind.map(ToString::to_string).collect();
    let mistake = Diagnostic::new(Code::UnknownReference, span, format!("there is no `{address}`"));
    mistake.suggest(&address.to_string(), known.iter().map(String::as_str))
}
