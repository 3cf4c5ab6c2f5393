//! Who needs whom: the closed, acyclic graph below a target.
//!
//! Pure: recipes in, order out. `kind.name` strings become edges here, so nodes that need each other in
//! a circle are found here and nowhere later.
//!
//! # What this module does not do
//! It knows no versions and no bytes; binding it to the lock is a later arrow's work.

use crate::recipe::{Address, Code, Diagnostic, Diagnostics, Kind, Project, Recipe, Spanned};
use std::collections::{BTreeMap, BTreeSet};

/// The nodes below a target, each after everything it needs.
#[derive(Debug)]
pub struct Graph<'p> {
    /// The project that the nodes belong to.
    pub project: &'p Project,
    /// The node that was asked for.
    pub target: Address,
    /// Every node, dependencies first; among equals by address.
    pub order: Vec<&'p Recipe>,
    edges: BTreeMap<&'p Address, Vec<&'p Address>>,
}

impl<'p> Graph<'p> {
    /// The nodes that `address` names itself, in the order of its recipe, without repetition.
    pub fn needs(&self, address: &Address) -> &[&'p Address] {
        self.edges.get(address).map_or(&[], Vec::as_slice)
    }

    /// A shortest way from the target to `address`: who brought it in.
    pub fn why(&self, address: &Address) -> Option<Vec<&'p Address>> {
        let (start, _) = self.project.recipes.get_key_value(&self.target)?;
        let mut came_from: BTreeMap<&Address, &'p Address> = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            if at == address {
                let mut path = vec![at];
                while let Some(previous) = came_from.get(path[path.len() - 1]) {
                    path.push(previous);
                }
                path.reverse();
                return Some(path);
            }
            for next in self.needs(at) {
                if *next != start && !came_from.contains_key(*next) {
                    came_from.insert(next, at);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}

/// Finds the node that `name` means: an address, a name that exactly one node has, or the bundle of
/// that name.
pub fn target(project: &Project, name: Option<&str>) -> Result<Address, Diagnostics> {
    let fail =
        |diagnostic: Diagnostic| Err(Diagnostics { files: project.files.clone(), list: vec![diagnostic] });
    let Some(name) = name.or(project.settings.default.as_deref()) else {
        let mistake =
            Diagnostic::nowhere(Code::UnknownTarget, "no target given and no default in `[project]`");
        return fail(mistake.help("name a node, or set `default = \"bundle.NAME\"` in `[project]`"));
    };
    if let Ok(address) = name.parse::<Address>() {
        if project.recipes.contains_key(&address) {
            return Ok(address);
        }
        let mistake = Diagnostic::nowhere(Code::UnknownTarget, format!("there is no `{name}`"));
        let known: Vec<String> = project.recipes.keys().map(ToString::to_string).collect();
        return fail(mistake.suggest(name, known.iter().map(String::as_str)));
    }
    let named: Vec<&Address> = project.recipes.keys().filter(|it| it.name() == name).collect();
    match named.as_slice() {
        [only] => Ok((*only).clone()),
        [] => {
            let known: BTreeSet<&str> = project.recipes.keys().map(Address::name).collect();
            let mistake = Diagnostic::nowhere(Code::UnknownTarget, format!("no node is called `{name}`"));
            fail(mistake.suggest(name, known))
        }
        several => match several.iter().find(|it| it.kind() == Kind::Bundle) {
            Some(bundle) => Ok((*bundle).clone()),
            None => {
                let list: Vec<String> = several.iter().map(ToString::to_string).collect();
                let mistake =
                    Diagnostic::nowhere(Code::UnknownTarget, format!("`{name}` is more than one node"));
                fail(mistake.help(format!("say which: {}", list.join(", "))))
            }
        },
    }
}

/// Builds the graph below `target`, or reports the first circle.
pub fn build<'p>(project: &'p Project, target: &Address) -> Result<Graph<'p>, Diagnostics> {
    let mut diagnostics = Diagnostics { files: project.files.clone(), list: Vec::new() };
    let edges = edges(project);
    let mut graph = Graph { project, target: target.clone(), order: Vec::new(), edges };
    if diagnostics.list.is_empty() {
        match order(project, target, &graph.edges) {
            Ok(order) => graph.order = order,
            Err(circle) => diagnostics.push(circle_mistake(project, &circle)),
        }
    }
    diagnostics.into_result(graph)
}

/// Edges of every node of the project, not only of the target's closure: a wrong name is a mistake
/// wherever it stands.
fn edges(project: &Project) -> BTreeMap<&Address, Vec<&Address>> {
    let mut edges = BTreeMap::new();
    for (address, recipe) in &project.recipes {
        let mut needs: Vec<&Address> = Vec::new();
        let mut seen = BTreeSet::new();
        for Spanned { value: reference, .. } in recipe.body.references() {
            // What is not there was dropped by an overlay: the loader refuses every other unknown name.
            if let Some((known, _)) = project.recipes.get_key_value(&reference.address)
                && seen.insert(known)
            {
                needs.push(known);
            }
        }
        edges.insert(address, needs);
    }
    edges
}

/// Depth first without recursion, so that a chain of any length is only memory.
fn order<'p>(
    project: &'p Project,
    target: &Address,
    edges: &BTreeMap<&'p Address, Vec<&'p Address>>,
) -> Result<Vec<&'p Recipe>, Vec<&'p Address>> {
    let Some((start, _)) = project.recipes.get_key_value(target) else { return Ok(Vec::new()) };
    let mut done: BTreeSet<&Address> = BTreeSet::new();
    let mut open: BTreeSet<&Address> = BTreeSet::from([start]);
    let mut stack: Vec<(&'p Address, usize)> = vec![(start, 0)];
    let mut order = Vec::new();
    while let Some((at, next)) = stack.pop() {
        let needs = edges.get(at).map_or(&[][..], Vec::as_slice);
        let Some(need) = needs.get(next) else {
            open.remove(at);
            done.insert(at);
            order.extend(project.recipes.get(at));
            continue;
        };
        stack.push((at, next + 1));
        if open.contains(need) {
            let from = stack.iter().position(|(address, _)| address == need).unwrap_or(0);
            return Err(stack[from..].iter().map(|(address, _)| *address).chain([*need]).collect());
        }
        if !done.contains(need) {
            open.insert(need);
            stack.push((need, 0));
        }
    }
    Ok(order)
}

fn circle_mistake(project: &Project, circle: &[&Address]) -> Diagnostic {
    let path: Vec<String> = circle.iter().map(|it| format!("`{it}`")).collect();
    let span = circle.first().and_then(|first| project.recipes.get(*first)).map(|it| it.span.clone());
    let mistake = Diagnostic::nowhere(Code::Cycle, format!("nodes need each other: {}", path.join(" → ")));
    Diagnostic { span, ..mistake.help("take one of the references out") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::load;

    fn project(toml: &str) -> (tempfile::TempDir, Result<Project, Diagnostics>) {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("[project]\nname = 'p'\nedition = '2026'\n{toml}");
        fs_err::write(folder.path().join("gabion.toml"), text).unwrap();
        fs_err::write(folder.path().join("a.yaml"), "a: 1\n").unwrap();
        let project = load(folder.path(), None);
        (folder, project)
    }

    /// What `toml` (from line 4 on) is told about itself.
    fn mistakes(toml: &str) -> String {
        let (_folder, project) = project(toml);
        match project {
            Err(diagnostics) => diagnostics.to_string(),
            Ok(project) => {
                match target(&project, Some("bundle.b")).and_then(|it| build(&project, &it).map(drop)) {
                    Err(diagnostics) => diagnostics.to_string(),
                    Ok(()) => "fine".to_owned(),
                }
            }
        }
    }

    #[test]
    fn every_mistake_is_told_at_once_with_its_place() {
        insta::assert_snapshot!(mistakes("[k3s.c]\nversoin = '1'\nreleases = 'ftp://x'\n[fetsh.d]\n[fetch.i]\nsha256 = 'ab'\nurl = 3\n"), @r"
        gabion.toml:4:6: error[E0109]: `k3s.c` needs one of `channel`, `version`
        gabion.toml:5:1: error[E0102]: `k3s.c` has no key `versoin`
          help: did you mean `version`?
        gabion.toml:6:12: error[E0106]: `releases` takes an https:// location, not `ftp://x`
        gabion.toml:7:2: error[E0103]: `fetsh` is no kind of recipe
          help: did you mean `fetch`?
        gabion.toml:9:10: error[E0106]: `sha256` is no SHA-256: a digest has 64 lowercase hex digits
        gabion.toml:10:7: error[E0104]: `url` takes a string, not an integer
        ");
    }

    #[test]
    fn a_circle_is_shown_as_a_path() {
        insta::assert_snapshot!(mistakes("[manifests.a]\nfiles = ['a.yaml']\nafter = ['manifests.b']\n[manifests.b]\nfiles = ['a.yaml']\nafter = ['manifests.a']\n[bundle.b]\ndeploy = ['manifests.a']\n"), @r"
        gabion.toml:4:12: error[E0114]: nodes need each other: `manifests.a` → `manifests.b` → `manifests.a`
          help: take one of the references out
        ");
    }

    #[test]
    fn an_unknown_name_is_told_with_the_nearest_one() {
        insta::assert_snapshot!(mistakes("[manifests.kafka]\nfiles = ['a.yaml']\n[bundle.b]\ndeploy = ['manifests.kakfa', 'fetch.x', 'kafka']\n"), @r"
        gabion.toml:7:11: error[E0112]: there is no `manifests.kakfa`
          help: did you mean `manifests.kafka`?
        gabion.toml:7:30: error[E0113]: `deploy` takes manifests, not `fetch.x`
        gabion.toml:7:41: error[E0106]: `deploy` names nodes as `kind.name`, not `kafka`
        ");
    }

    #[test]
    fn files_stay_inside_the_project() {
        insta::assert_snapshot!(mistakes("[manifests.a]\nfiles = ['../a.yaml', '/etc/passwd', 'b.yaml']\n[bundle.b]\ndeploy = ['manifests.a']\n"), @r"
        gabion.toml:5:10: error[E0111]: `../a.yaml` leaves the project
          help: name files relative to `gabion.toml`, without `..`
        gabion.toml:5:23: error[E0111]: `/etc/passwd` leaves the project
          help: name files relative to `gabion.toml`, without `..`
        gabion.toml:5:38: error[E0110]: cannot read `b.yaml`: entity not found
        ");
    }

    #[test]
    fn dependencies_come_first_and_a_chain_of_any_length_is_only_memory() {
        use std::fmt::Write as _;
        let mut toml = String::from("[bundle.b]\ndeploy = ['manifests.n0']\n");
        for i in 0..20_000 {
            let _ = write!(toml, "[manifests.n{i}]\nfiles = ['a.yaml']\nafter = ['manifests.n{}']\n", i + 1);
        }
        toml.push_str("[manifests.n20000]\nfiles = ['a.yaml']\n");
        let (_folder, project) = project(&toml);
        let project = project.unwrap();
        let graph = build(&project, &"bundle.b".parse().unwrap()).unwrap();
        assert_eq!(graph.order.len(), 20_002);
        assert_eq!(graph.order[0].address.to_string(), "manifests.n20000");
        let why = graph.why(&"manifests.n2".parse().unwrap()).unwrap();
        let names: Vec<String> = why.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["bundle.b", "manifests.n0", "manifests.n1", "manifests.n2"]);
    }
}
