//! Which packages a system needs: a closure over the newest candidates, as apt finds it for an empty system.
//!
//! There is no search and no backtracking: an empty system has no history to respect, so each step takes
//! what apt takes first (`apt-pkg/depcache.cc`, `MarkInstall`), and what then does not fit is explained
//! instead of worked around. The same indexes and wishes give the same closure.

use crate::error::IndexError;
use crate::package::Package;
use crate::relation::{Relation, relations};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The newest version of every package over all suites.
#[derive(Debug, Default)]
pub struct Candidates<'a> {
    /// The candidate of each name, and the number that its suite was added with.
    by_name: BTreeMap<&'a str, (Package<'a>, usize)>,
    /// Packages that provide a name, with the version that they provide.
    providers: BTreeMap<&'a str, Vec<(&'a str, Relation<'a>)>>,
}

/// What a closure is asked for.
#[derive(Debug, Clone, Default)]
pub struct Wish<'w> {
    /// Packages to install, in the order of the recipe.
    pub install: Vec<&'w str>,
    /// Packages that must not be taken.
    pub exclude: BTreeSet<&'w str>,
    /// Whether everything essential or required comes first, as for a whole system.
    pub essential: bool,
    /// Whether `Recommends` count as `Depends` where they can be had.
    pub recommends: bool,
}

/// A package of a closure.
#[derive(Debug, Clone)]
pub struct Chosen<'a> {
    /// The package.
    pub package: Package<'a>,
    /// The number of the suite that it comes from.
    pub suite: usize,
    /// Which package needed it first; `None` for what the wish names.
    pub needed_by: Option<&'a str>,
}

/// A closure, by name.
#[derive(Debug, Clone, Default)]
pub struct Closure<'a>(pub BTreeMap<&'a str, Chosen<'a>>);

/// Why there is no closure: everything that does not fit, each with the way that led there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} requirements cannot be met", .0.len())]
pub struct ClosureError(pub Vec<String>);

impl<'a> Candidates<'a> {
    /// Adds a package of suite number `suite`; of equal versions the one that was added first stays.
    pub fn add(&mut self, package: Package<'a>, suite: usize) {
        let newer = |there: &(Package<'a>, usize)| package.version > there.0.version;
        if self.by_name.get(package.name).is_none_or(newer) {
            self.by_name.insert(package.name, (package, suite));
        }
    }

    /// Adds what the candidates provide. Called once, after every suite was added: only candidates can be
    /// installed, so only they provide.
    pub fn seal(&mut self) -> Result<(), IndexError> {
        self.providers.clear();
        for (package, _) in self.by_name.values() {
            for provided in parsed(package, "Provides", package.provides)?.into_iter().flatten() {
                self.providers.entry(provided.name).or_default().push((package.name, provided));
            }
        }
        for providers in self.providers.values_mut() {
            let by_name = &self.by_name;
            let rank = |name: &str| by_name.get(name).map_or(9, |(it, _)| rank(it.priority));
            providers.sort_by_key(|(name, _)| (rank(name), *name));
        }
        Ok(())
    }

    /// How many packages there are to choose from.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is nothing to choose from.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The name that stands nearest to `name`, for a hint.
    fn near(&self, name: &str) -> Option<&'a str> {
        let far = |it: &str| strsim::damerau_levenshtein(it, name);
        let close = self.by_name.keys().filter(|it| it.len().abs_diff(name.len()) < 3);
        close.copied().min_by_key(|it| far(it)).filter(|it| far(it) * 2 <= name.len())
    }

    /// The closure of `wish`, or everything that keeps it from being one.
    pub fn closure(&self, wish: &Wish<'_>) -> Result<Closure<'a>, ClosureError> {
        let mut search = Search {
            candidates: self,
            wish,
            chosen: Closure::default(),
            queue: VecDeque::new(),
            wrong: vec![],
        };
        search.seeds();
        while let Some(name) = search.queue.pop_front() {
            search.follow(name);
        }
        search.conflicts();
        if search.wrong.is_empty() { Ok(search.chosen) } else { Err(ClosureError(search.wrong)) }
    }
}

fn rank(priority: &str) -> u8 {
    match priority {
        "required" => 1,
        "important" => 2,
        "standard" => 3,
        "optional" => 4,
        _ => 5,
    }
}

fn parsed<'a>(
    package: &Package<'a>,
    field: &'static str,
    text: &'a str,
) -> Result<Vec<Vec<Relation<'a>>>, IndexError> {
    relations(text).map_err(|part| IndexError::Field {
        field,
        of: package.name.to_owned(),
        why: format!("holds `{part}`, which is no relation"),
    })
}

struct Search<'s, 'a> {
    candidates: &'s Candidates<'a>,
    wish: &'s Wish<'s>,
    chosen: Closure<'a>,
    queue: VecDeque<&'a str>,
    wrong: Vec<String>,
}

impl<'a> Search<'_, 'a> {
    fn seeds(&mut self) {
        if self.wish.essential {
            let all = self.candidates.by_name.values().map(|(package, _)| package);
            let needed = all.filter(|it| it.essential || it.priority == "required").map(|it| it.name);
            for name in needed.filter(|name| !self.wish.exclude.contains(name)).collect::<Vec<_>>() {
                self.choose(name, None);
            }
        }
        for name in &self.wish.install {
            let real = self.candidates.by_name.get(name).map(|(package, _)| package.name);
            match real.or_else(|| self.provider(&Relation { name, version: None })) {
                Some(name) => self.choose(name, None),
                None => {
                    let near = self.candidates.near(name).map(|it| format!(", did you mean `{it}`?"));
                    self.wrong.push(format!("there is no package `{name}`{}", near.unwrap_or_default()));
                }
            }
        }
    }

    fn choose(&mut self, name: &'a str, needed_by: Option<&'a str>) {
        if let Some((package, suite)) = self.candidates.by_name.get(name)
            && !self.chosen.0.contains_key(name)
        {
            let chosen = Chosen { package: package.clone(), suite: *suite, needed_by };
            self.chosen.0.insert(name, chosen);
            self.queue.push_back(name);
        }
    }

    fn follow(&mut self, name: &'a str) {
        let package = self.chosen.0[name].package.clone();
        let mut fields = vec![("Pre-Depends", package.pre_depends, true), ("Depends", package.depends, true)];
        if self.wish.recommends {
            fields.push(("Recommends", package.recommends, false));
        }
        for (field, text, must) in fields {
            match parsed(&package, field, text) {
                Ok(groups) => groups.iter().for_each(|group| self.satisfy(name, field, group, must)),
                Err(error) => self.wrong.push(error.to_string()),
            }
        }
    }

    fn satisfy(&mut self, name: &'a str, field: &str, group: &[Relation<'a>], must: bool) {
        if group.iter().any(|it| self.holds(it)) {
            return;
        }
        let taken = group.iter().find_map(|it| self.candidate(it).or_else(|| self.provider(it)));
        match taken {
            Some(taken) => self.choose(taken, Some(name)),
            None if must => {
                let wanted: Vec<String> = group.iter().map(ToString::to_string).collect();
                let why = group.iter().map(|it| self.unmet(it)).collect::<Vec<_>>().join(", ");
                self.wrong.push(format!("{} {field}: {} ({why})", self.way(name), wanted.join(" | ")));
            }
            None => {}
        }
    }

    fn unmet(&self, relation: &Relation<'_>) -> String {
        let name = relation.name;
        match self.candidates.by_name.get(name) {
            _ if self.wish.exclude.contains(name) => format!("`{name}` is excluded"),
            Some((package, _)) => format!("the newest `{name}` is {}", package.version.as_str()),
            None => format!("there is no `{name}`"),
        }
    }

    /// Whether what was chosen satisfies `relation`.
    fn holds(&self, relation: &Relation<'a>) -> bool {
        self.satisfied_by(relation).next().is_some()
    }

    /// Chosen packages that `relation` means, by name or because they provide it.
    fn satisfied_by(&self, relation: &Relation<'a>) -> impl Iterator<Item = &'a str> {
        let chosen = &self.chosen.0;
        let own = chosen.get_key_value(relation.name).filter(|(_, it)| relation.takes(it.package.version));
        let provided = self.provided(relation).filter(|name| chosen.contains_key(name));
        own.map(|(name, _)| *name).into_iter().chain(provided)
    }

    fn candidate(&self, relation: &Relation<'a>) -> Option<&'a str> {
        let (name, (package, _)) = self.candidates.by_name.get_key_value(relation.name)?;
        (relation.takes(package.version) && !self.wish.exclude.contains(name)).then_some(*name)
    }

    fn provider(&self, relation: &Relation<'_>) -> Option<&'a str> {
        self.provided(relation).find(|name| !self.wish.exclude.contains(name))
    }

    /// Providers of `relation`. What is provided without a version satisfies no versioned relation
    /// (Debian Policy §7.5).
    fn provided<'r>(&self, relation: &Relation<'r>) -> impl Iterator<Item = &'a str> + use<'_, 'r, 'a> {
        let all = self.candidates.providers.get(relation.name).map(Vec::as_slice).unwrap_or_default();
        let version = relation.version;
        let takes = move |provided: &Relation<'_>| match provided.version {
            None => version.is_none(),
            Some((_, provided)) => Relation { name: "", version }.takes(provided),
        };
        all.iter().filter(move |(_, provided)| takes(provided)).map(|(name, _)| *name)
    }

    fn conflicts(&mut self) {
        let mut wrong = Vec::new();
        for (name, chosen) in &self.chosen.0 {
            let package = &chosen.package;
            for (field, text) in [("Conflicts", package.conflicts), ("Breaks", package.breaks)] {
                match parsed(package, field, text) {
                    Ok(groups) => {
                        for relation in groups.iter().flatten() {
                            for other in self.satisfied_by(relation).filter(|other| other != name) {
                                let (left, right) = (self.way(name), self.way(other));
                                wrong.push(format!("{left} {field}: {relation}, and there is {right}"));
                            }
                        }
                    }
                    Err(error) => wrong.push(error.to_string()),
                }
            }
        }
        self.wrong.append(&mut wrong);
    }

    /// `nginx → libc6 (2.36)`: how the wish led to `name`.
    fn way(&self, name: &str) -> String {
        let mut way = Vec::new();
        let mut at = Some(name);
        while let Some(name) = at {
            way.push(name);
            at = self.chosen.0.get(name).and_then(|it| it.needed_by);
        }
        let version = self.chosen.0.get(name).map_or("", |it| it.package.version.as_str());
        way.reverse();
        format!("{} ({version})", way.join(" → "))
    }
}
