//! The order in which objects are applied.
//!
//! What others build on comes first, and each wave is waited for: see `FORMAT.md`. The order is told by the
//! documents alone, and is the same for the same documents in any order.

mod hook;
mod level;
mod place;
mod provide;

use crate::document::Document;
use crate::id::ObjectId;
use crate::scope::Scopes;
pub use hook::Hook;
use level::Levels;
use place::Place;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the objects of a wave are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Definitions of kinds.
    Definitions,
    /// Namespaces.
    Namespaces,
    /// Classes, accounts, roles, limits, policies of the network.
    Foundation,
    /// Hooks of Helm before an installation or an upgrade.
    Before,
    /// Files, secrets, volumes, addresses.
    Config,
    /// Programs that serve kinds or are asked by the API server.
    Providers,
    /// What makes the API server ask them.
    Webhooks,
    /// Everything else: custom resources, programs, routes.
    Users,
    /// Hooks of Helm after an installation or an upgrade.
    After,
}

/// What must be so before the next wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// Nothing.
    Nothing,
    /// Definitions are served.
    Established,
    /// Namespaces are active.
    Active,
    /// Programs are available and services of the API server answer.
    Available,
    /// Hooks have ended well.
    Complete,
}

/// An object of a wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The object.
    pub object: ObjectId,
    /// Group and version of its API.
    pub api_version: String,
    /// What its document is from.
    pub from: String,
    /// The number of its document among those that were given.
    #[serde(skip)]
    pub number: usize,
    /// When it runs, if it is a hook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<Hook>,
}

/// Objects that are applied together, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wave {
    /// What it is called: `providers`, `providers-2`, `before--5`.
    pub name: String,
    /// What its objects are for.
    pub phase: Phase,
    /// What is waited for.
    pub wait: Wait,
    /// The objects.
    pub objects: Vec<Member>,
}

/// An object that no wave has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The object.
    pub object: ObjectId,
    /// What its document is from.
    pub from: String,
    /// Why.
    pub why: String,
}

/// All waves, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Waves {
    /// The waves; none is empty.
    pub waves: Vec<Wave>,
    /// What is never applied: hooks of tests, of removals, of events that are not known.
    pub left_out: Vec<LeftOut>,
    /// Programs that wait for objects which they serve themselves, in a circle: the wait was given up.
    pub circles: Vec<ObjectId>,
}

/// Orders documents; hooks of Helm are told by their annotations.
pub fn waves(documents: &[Document]) -> Waves {
    let mut out = Waves::default();
    let levels = Levels::of(documents, &Scopes::of(documents));
    let mut sorted: BTreeMap<Slot, Vec<Member>> = BTreeMap::new();
    for (number, document) in documents.iter().enumerate() {
        let hook = Hook::of(document);
        match slot(document, number, hook.as_ref(), &levels) {
            Ok(slot) => sorted.entry(slot).or_default().push(Member {
                object: document.id.clone(),
                api_version: document.api_version.clone(),
                from: document.from.clone(),
                number,
                hook,
            }),
            Err(why) => out.left_out.push(LeftOut {
                object: document.id.clone(),
                from: document.from.clone(),
                why: why.to_owned(),
            }),
        }
    }
    out.waves = sorted.into_iter().map(|(slot, objects)| slot.wave(objects)).collect();
    out.left_out.sort_by(|a, b| (&a.object, &a.from).cmp(&(&b.object, &b.from)));
    out.circles = levels.circles;
    out
}

/// The place of a wave among the waves: phases up to the configuration, then rounds of providers, what asks
/// them, and their users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    stage: u8,
    /// The round, or the weight of hooks.
    number: i64,
    phase: Phase,
}

fn slot(
    document: &Document,
    number: usize,
    hook: Option<&Hook>,
    levels: &Levels,
) -> Result<Slot, &'static str> {
    if let Some(hook) = hook {
        let (stage, phase) = match hook.phase()? {
            Phase::Before => (3, Phase::Before),
            phase => (6, phase),
        };
        return Ok(Slot { stage, number: hook.weight, phase });
    }
    let round = |phase| Slot { stage: 5, number: levels.get(number), phase };
    Ok(match place::of(&document.id) {
        Place::Definition => Slot { stage: 0, number: 0, phase: Phase::Definitions },
        Place::Namespace => Slot { stage: 1, number: 0, phase: Phase::Namespaces },
        Place::Foundation => Slot { stage: 2, number: 0, phase: Phase::Foundation },
        Place::Config => Slot { stage: 4, number: 0, phase: Phase::Config },
        Place::Workload if levels.is_provider(number) => round(Phase::Providers),
        Place::Webhook => round(Phase::Webhooks),
        Place::Workload | Place::Other => round(Phase::Users),
    })
}

impl Slot {
    fn wave(self, mut objects: Vec<Member>) -> Wave {
        objects.sort_by(|a, b| key(a).cmp(&key(b)));
        let (word, wait) = match self.phase {
            Phase::Definitions => ("definitions", Wait::Established),
            Phase::Namespaces => ("namespaces", Wait::Active),
            Phase::Foundation => ("foundation", Wait::Nothing),
            Phase::Before => ("before", Wait::Complete),
            Phase::Config => ("config", Wait::Nothing),
            Phase::Providers => ("providers", Wait::Available),
            Phase::Webhooks => ("webhooks", Wait::Available),
            Phase::Users => ("users", Wait::Available),
            Phase::After => ("after", Wait::Complete),
        };
        let name = match (self.phase, self.number) {
            (Phase::Before | Phase::After, weight) => format!("{word}-{weight}"),
            (_, 0) => word.to_owned(),
            (_, round) => format!("{word}-{}", round + 1),
        };
        Wave { name, phase: self.phase, wait, objects }
    }
}

/// The order within a wave: as Helm installs kinds, then by name.
fn key(member: &Member) -> (usize, &ObjectId, &str, usize) {
    (place::rank(&member.object.kind), &member.object, &member.from, member.number)
}
