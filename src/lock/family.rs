//! What one lock must answer: the requests of the project and of every overlay that shares its lock.
//!
//! One lock for all overlays means that staging tests the bytes of production. An entry that only some
//! overlays need names them.

use crate::recipe::{self, Code, Diagnostic, Diagnostics, Discovered, Project, Recipe};
use crate::request::{Request, requests};
use gabion_lockfile::Overlay;
use std::collections::{BTreeMap, BTreeSet};

/// A project, and what it becomes under each overlay with the same lock.
#[derive(Debug)]
pub struct Family {
    /// The project without an overlay first, where it has this lock; then each overlay.
    members: Vec<Project>,
}

/// A request, who makes it, and under which overlays.
#[derive(Debug)]
pub struct Question<'f> {
    /// The request.
    pub request: Request,
    /// The recipe that makes it.
    pub recipe: &'f Recipe,
    /// The overlays that need the answer; empty where the project itself does.
    pub only: BTreeSet<Overlay>,
    /// Whether to ask although the lock has an answer.
    pub again: bool,
}

impl Family {
    /// Everything that shares the lock of `project`.
    pub fn load(project: &Project) -> Result<Self, Diagnostics> {
        let root = &project.root;
        let base = recipe::load(root, None)?;
        let mut members = Vec::new();
        // A project that names its overlay itself is never without it.
        let pinned = base.settings.env.is_some();
        let others = if pinned { Vec::new() } else { recipe::overlays(root) };
        members.push(base);
        for name in others {
            members.push(recipe::load(root, Some(&name))?);
        }
        members.retain(|it| it.settings.lock == project.settings.lock);
        Ok(Self { members })
    }

    /// The project under each overlay.
    pub fn members(&self) -> &[Project] {
        &self.members
    }

    /// The same with images that documents need: `found` is what each member's do. A request names every bundle that
    /// needs the image, whichever overlay it is under, because one lock has one answer.
    #[must_use]
    pub fn adopt(&self, found: &[Discovered]) -> Self {
        let mut everywhere = Discovered::new();
        for (reference, bundles) in found.iter().flatten() {
            everywhere.entry(reference.clone()).or_default().extend(bundles.iter().cloned());
        }
        let grown = self.members.iter().zip(found).map(|(member, here)| {
            let here = everywhere.iter().filter(|(reference, _)| here.contains_key(reference));
            member.adopt(&here.map(|(reference, bundles)| (reference.clone(), bundles.clone())).collect())
        });
        Self { members: grown.collect() }
    }

    /// Every request, by id; an id that means different things in two overlays is a mistake.
    pub fn questions(&self) -> Result<Vec<Question<'_>>, Diagnostics> {
        let mut all: BTreeMap<String, Question<'_>> = BTreeMap::new();
        let mut everywhere = BTreeSet::new();
        for member in &self.members {
            let overlay = member.settings.env.as_deref().and_then(|it| Overlay::new(it).ok());
            for recipe in member.recipes.values() {
                for request in requests(recipe, &member.settings) {
                    if overlay.is_none() {
                        everywhere.insert(request.id.clone());
                    }
                    let question = all.entry(request.id.clone()).or_insert_with(|| Question {
                        request: request.clone(),
                        recipe,
                        only: BTreeSet::new(),
                        again: false,
                    });
                    if question.request.text != request.text {
                        return Err(disagreement(member, recipe, &request, &question.request));
                    }
                    question.only.extend(overlay.clone());
                }
            }
        }
        let count = self.members.len();
        for question in all.values_mut() {
            if everywhere.contains(&question.request.id) || question.only.len() == count {
                question.only.clear();
            }
        }
        Ok(all.into_values().collect())
    }
}

fn disagreement(member: &Project, recipe: &Recipe, asked: &Request, other: &Request) -> Diagnostics {
    let overlay = member.settings.env.as_deref().unwrap_or_default();
    let message = format!("overlay `{overlay}` asks `{}` for something else than the rest", asked.id);
    let help = format!(
        "here:      {}\nelsewhere: {}\none lock has one answer: give the overlay a node of its own, or a lock of its \
         own with `lock` in its `[project]`",
        asked.text, other.text
    );
    let mistake = Diagnostic::new(Code::OverlayRequest, &recipe.span, message).help(help);
    Diagnostics { files: member.files.clone(), list: vec![mistake] }
}
