//! Who needs whom: the closed, acyclic graph below a target.
//!
//! Pure: recipes in, order out. `kind.name` strings become edges here, so nodes that need each other in
//! a circle are found here and nowhere later.
//!
//! # What this module does not do
//! It knows no versions and no bytes; binding it to the lock is a later arrow's work.

use crate::recipe::{Address, Code, Diagnostic, Diagnostics, Kind, Project, Recipe};
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
    /// The numbers of `order`.
    numbers: Vec<usize>,
    edges: Edges<'p>,
}

impl<'p> Graph<'p> {
    /// The nodes that `address` names itself, in the order of its recipe, without repetition.
    pub fn needs(&self, address: &Address) -> Vec<&'p Address> {
        let Some(number) = self.edges.number(address) else { return Vec::new() };
        self.edges.needs[number].iter().map(|need| &self.edges.recipes[*need].address).collect()
    }

    /// Every node of `order` with its number, and the numbers of those that it names.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (usize, &'p Recipe, &'p [usize])> {
        self.numbers.iter().map(|number| (*number, self.edges.recipes[*number], &*self.edges.needs[*number]))
    }

    /// The number of a node: nodes are counted in the order of their addresses, below the target or not.
    pub(crate) fn number(&self, address: &Address) -> Option<usize> {
        self.edges.number(address)
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
                if next != start && !came_from.contains_key(next) {
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
    below(project, target, &[target])
}

/// Builds the graph of `starts`, which `target` names, and of everything below them.
pub fn below<'p>(
    project: &'p Project,
    target: &Address,
    starts: &[&Address],
) -> Result<Graph<'p>, Diagnostics> {
    let edges = Edges::new(project);
    let order = edges.order(starts.iter().filter_map(|it| edges.number(it)));
    let numbers = order.map_err(|circle| circle_mistake(project, &circle))?;
    let order = numbers.iter().map(|number| edges.recipes[*number]).collect();
    Ok(Graph { project, target: target.clone(), order, numbers, edges })
}

/// Reports the first circle among all nodes of `project`, wherever it stands.
pub fn check(project: &Project) -> Result<(), Diagnostics> {
    let edges = Edges::new(project);
    edges.order(0..edges.recipes.len()).map_err(|circle| circle_mistake(project, &circle))?;
    Ok(())
}

/// Who names whom, by number: nodes are counted in the order of their addresses.
#[derive(Debug)]
struct Edges<'p> {
    recipes: Vec<&'p Recipe>,
    /// What each node names, in the order of its recipe, without repetition.
    needs: &'p [Vec<usize>],
}

/// How far the walk is with one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    New,
    Open,
    Done,
}

impl<'p> Edges<'p> {
    fn new(project: &'p Project) -> Self {
        Self { recipes: project.recipes.values().collect(), needs: &project.needs }
    }

    fn number(&self, address: &Address) -> Option<usize> {
        self.recipes.binary_search_by_key(&address, |it| &it.address).ok()
    }

    /// The nodes at and below `starts`, dependencies first, or the first circle.
    ///
    /// Depth first without recursion, so that a chain of any length is only memory.
    fn order(&self, starts: impl IntoIterator<Item = usize>) -> Result<Vec<usize>, Vec<&'p Recipe>> {
        let mut walk = vec![Walk::New; self.recipes.len()];
        let mut order = Vec::new();
        for start in starts {
            let mut stack = vec![(start, 0)];
            while let Some((at, next)) = stack.pop() {
                if walk[at] == Walk::Done {
                    continue;
                }
                walk[at] = Walk::Open;
                let Some(need) = self.needs[at].get(next) else {
                    walk[at] = Walk::Done;
                    order.push(at);
                    continue;
                };
                stack.push((at, next + 1));
                match walk[*need] {
                    Walk::New => stack.push((*need, 0)),
                    Walk::Open => return Err(self.circle(&stack, *need)),
                    Walk::Done => {}
                }
            }
        }
        Ok(order)
    }

    /// The way from `need` through the open nodes back to it.
    fn circle(&self, stack: &[(usize, usize)], need: usize) -> Vec<&'p Recipe> {
        let from = stack.iter().position(|(at, _)| *at == need).unwrap_or(0);
        stack[from..].iter().map(|(at, _)| *at).chain([need]).map(|at| self.recipes[at]).collect()
    }
}

fn circle_mistake(project: &Project, circle: &[&Recipe]) -> Diagnostics {
    let path: Vec<String> = circle.iter().map(|it| format!("`{}`", it.address)).collect();
    let mistake = Diagnostic::nowhere(Code::Cycle, format!("nodes need each other: {}", path.join(" → ")));
    let mistake = mistake.help("take one of the references out");
    let span = circle.first().map(|it| it.span.clone());
    Diagnostics { files: project.files.clone(), list: vec![Diagnostic { span, ..mistake }] }
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
    fn a_circle_is_found_where_no_target_leads_to() {
        let (_folder, project) = project(
            "[manifests.a]\nfiles = ['a.yaml']\nafter = ['manifests.a']\n[bundle.b]\n[manifests.c]\nfiles = ['a.yaml']\n",
        );
        let project = project.unwrap();
        assert!(build(&project, &"bundle.b".parse().unwrap()).is_ok());
        assert!(check(&project).unwrap_err().to_string().contains("`manifests.a` → `manifests.a`"));
    }

    #[test]
    fn a_file_that_many_nodes_name_is_read_once() {
        let two = "[manifests.a]\nfiles = ['a.yaml']\n[manifests.c]\nfiles = ['a.yaml']\n";
        let (_folder, project) = project(two);
        let project = project.unwrap();
        let files: Vec<_> = project.recipes.values().map(|it| &it.files[0]).collect();
        assert!(std::sync::Arc::ptr_eq(files[0], files[1]));
    }

    #[test]
    fn a_variable_is_replaced_however_its_dollar_is_spelled() {
        let spelled =
            |dollar: &str| format!("[vars]\nf = 'a.yaml'\n[manifests.a]\nfiles = [\"{dollar}{{f}}\"]\n");
        for dollar in ["$", "\\u0024"] {
            let (_folder, project) = project(&spelled(dollar));
            assert_eq!(project.unwrap().recipes.values().next().unwrap().files[0].path, "a.yaml");
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_the_nearest_one() {
        insta::assert_snapshot!(mistakes("[manifests.kafka]\nfiles = ['a.yaml']\n[bundle.b]\ndeploy = ['manifests.kakfa', 'fetch.x', 'kafka']\n"), @r"
        gabion.toml:7:11: error[E0112]: there is no `manifests.kakfa`
          help: did you mean `manifests.kafka`?
        gabion.toml:7:30: error[E0113]: `deploy` takes manifests or chart, not `fetch.x`
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
