//! A host that is brought from one generation to the next, and back.
//!
//! # Invariants
//! - The host is in a generation (`current`), or on its way from one to another (`change.json`); never in between without
//!   saying so.
//! - `current` changes after the gate was green, and before that nothing of the older generation is forgotten.
//! - Every step can be done again. What was begun goes on after a power cut; what does not get healthy goes back.
//! - The floor of serials is never lowered by going back.

use super::change::{Change, Step};
use super::cluster::{Cluster, Patience};
use super::error::LiveError;
use super::generation::{self, Accepted, Event, Generation};
use super::prepare::next_number;
use super::programs::Programs;
use super::steps::Steps;
use crate::error::HostError;
use crate::root::{Root, RootLock};
use crate::spool;
use gabion_bundle::Verified;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;
use std::time::{Duration, Instant};

/// Generations in good health that are kept beside the one in force.
const KEPT: usize = 2;

/// Who is told how far a change is, a line at a time.
pub type Tell<'t> = dyn Fn(&str) + 't;

/// A host; who changes it keeps everybody else out.
pub struct Host<'t> {
    /// Its `/`.
    pub root: Root,
    pub(super) programs: Programs,
    pub(super) patience: Patience,
    /// Seconds since 1970 when it was opened; [`Host::now`] is the present.
    opened: (u64, Instant),
    pub(super) tell: &'t Tell<'t>,
    _alone: Option<RootLock>,
}

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The host was there already; nothing was written.
    Nothing(u64),
    /// The generation is in force.
    Settled(u64),
    /// The generation is in force and waits to be confirmed, until this second.
    Waits {
        /// The generation.
        generation: u64,
        /// Seconds since 1970.
        until: u64,
    },
    /// The host starts again and goes on by itself.
    Restarts(u64),
}

/// What is asked of a change.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes {
    /// How long it may stay unconfirmed; without it nobody is asked.
    pub confirm: Option<Duration>,
    /// Whether another system may have older packages than the one that runs.
    pub downgrade: bool,
}

impl<'t> Host<'t> {
    /// The host whose `/` is `path`, where its programs are too. `now` is in seconds since 1970.
    pub fn open(path: &Path, now: u64, patience: Patience, tell: &'t Tell<'t>) -> Result<Self, HostError> {
        let failed = |source| HostError::Root { path: path.display().to_string(), source };
        let root = Root::open(path).map_err(failed)?;
        let busy = || HostError::Busy { path: path.display().to_string() };
        let alone = root.lock().map_err(failed)?.ok_or_else(busy)?;
        Ok(Self {
            root,
            programs: Programs::below(path),
            patience,
            opened: (now, Instant::now()),
            tell,
            _alone: Some(alone),
        })
    }

    /// The same, to look at it alone: nobody is kept out, so it can be asked while a change is under way.
    pub fn look(path: &Path, now: u64, patience: Patience, tell: &'t Tell<'t>) -> Result<Self, HostError> {
        let root = Root::open(path)
            .map_err(|source| HostError::Root { path: path.display().to_string(), source })?;
        Ok(Self {
            root,
            programs: Programs::below(path),
            patience,
            opened: (now, Instant::now()),
            tell,
            _alone: None,
        })
    }

    /// Seconds since 1970: dates the history, and begins and ends probations. A change may take longer than a probation.
    pub(super) fn now(&self) -> u64 {
        self.opened.0.saturating_add(self.opened.1.elapsed().as_secs())
    }

    pub(super) fn cluster(&self) -> Cluster<'_> {
        Cluster { programs: &self.programs, patience: self.patience }
    }

    pub(super) fn say(&self, line: impl AsRef<str>) {
        (self.tell)(line.as_ref());
    }

    /// Whether the bundle with this digest is in force and every file is as it was left. Reads no content.
    pub fn is_at(&self, digest: &gabion_digest::Sha256) -> Result<Option<u64>, HostError> {
        if Change::load(&self.root)?.is_some() {
            return Ok(None);
        }
        let current = Generation::current(&self.root)?.filter(|it| it.bundle == *digest);
        let Some(current) = current else { return Ok(None) };
        Ok(crate::stamps::hold(&self.root, &digest.to_string())?.then_some(current.number))
    }

    /// Brings the host to a bundle, which lies among its packs. `accepted` is how it was judged.
    pub fn apply<R: Read + Seek + Send>(
        &self,
        bundle: &mut Verified<R>,
        accepted: Accepted,
        wishes: Wishes,
    ) -> Result<Outcome, LiveError> {
        if let Some(change) = Change::load(&self.root)? {
            // A first change that never got healthy has nothing to go back to: another bundle takes its place.
            if change.from.is_some() || change.step == Step::Probation {
                return Err(LiveError::Pending { to: change.to, step: change.step.to_string() });
            }
        }
        self.admits(bundle, wishes)?;
        let from = Generation::current(&self.root)?;
        let steps = Steps::of(bundle)?;
        // The same again: what drifted is mended, and no new generation is made.
        let to = Generation::of(next_number(&self.root)?, bundle, &steps, accepted).or_current(from.as_ref());
        to.save(&self.root)?;
        let mut change = Change {
            from: from.as_ref().map(|it| it.number),
            to: to.number,
            step: Step::Snapshot,
            back: None,
            asked: false,
            restart: false,
            tried: None,
            restore: None,
            confirm: wishes.confirm.map(|it| it.as_secs()),
            until: None,
        };
        change.save(&self.root)?;
        self.event("begun", &to, "")?;
        let gone = self.forward(&mut change, &to, from.as_ref(), &steps, bundle);
        self.ended(change, gone)
    }

    /// Ends a change: it is there, or the way back begins.
    fn ended(&self, change: Change, gone: Result<Outcome, LiveError>) -> Result<Outcome, LiveError> {
        let error = match gone {
            Ok(outcome) => return Ok(outcome),
            Err(error) => error,
        };
        let why = crate::error::chain(&error);
        self.say(format!("generation {} failed: {why}", change.to));
        if change.back.is_some() {
            let to = self.record(change.to)?;
            self.event("failed", &to, &why)?;
            let failed = change.from.unwrap_or_default();
            let asked = change.back.unwrap_or_default();
            return Err(LiveError::Stuck { failed, why: asked, back: change.to, source: Box::new(error) });
        }
        let failed = self.record(change.to)?;
        self.event("failed", &failed, &why)?;
        let Some(from) = change.from.filter(|it| *it != change.to) else { return Err(error) };
        match self.back(change.to, from, why, false)? {
            Outcome::Restarts(number) => Ok(Outcome::Restarts(number)),
            _ => Err(LiveError::Returned {
                failed: change.to,
                current: format!("generation {from}"),
                source: Box::new(error),
            }),
        }
    }

    /// The way back from generation `from` to generation `to`.
    fn back(&self, from: u64, to: u64, why: String, asked: bool) -> Result<Outcome, LiveError> {
        self.say(format!("going back to generation {to}"));
        let (old, new) = (self.record(to)?, self.record(from)?);
        let mut change = Change {
            from: Some(from),
            to,
            step: Step::Slot,
            back: Some(why),
            asked,
            restart: false,
            tried: None,
            restore: None,
            confirm: None,
            until: None,
        };
        // A datastore that a newer Kubernetes wrote is not read by an older one.
        if old.minor() < new.minor() {
            change.restore = self.snapshot(from)?;
        }
        change.save(&self.root)?;
        let gone = self.again(&mut change);
        self.ended(change, gone)
    }

    /// Goes on with a change, with the bundle from the host's own packs.
    fn again(&self, change: &mut Change) -> Result<Outcome, LiveError> {
        let to = self.record(change.to)?;
        let from = change.from.map(|it| self.record(it)).transpose()?;
        let mut bundle = self.open_pack(&to)?;
        let steps = Steps::of(&mut bundle)?;
        self.forward(change, &to, from.as_ref(), &steps, &mut bundle)
    }

    /// The bundle of a generation, judged as it was judged when it was accepted.
    pub(super) fn open_pack(&self, generation: &Generation) -> Result<Verified<BufReader<File>>, LiveError> {
        let file = spool::open(&self.root, &generation.bundle)?;
        Ok(generation.accepted.verify(BufReader::new(file), &generation.bundle)?)
    }

    /// Goes on with what was begun: after a power cut, at a start, or when nobody confirmed in time.
    pub fn recover(&self) -> Result<Option<Outcome>, LiveError> {
        let Some(mut change) = Change::load(&self.root)? else { return Ok(None) };
        if change.step == Step::Probation {
            return self.probation(&change).map(Some);
        }
        self.say(format!("going on with generation {}: {}", change.to, change.step));
        let gone = self.again(&mut change);
        self.ended(change, gone).map(Some)
    }

    /// Finishes the files of a change under way, before K3s starts with half of them; nothing else.
    pub fn recover_files(&self) -> Result<bool, LiveError> {
        let Some(mut change) = Change::load(&self.root)? else { return Ok(false) };
        if change.step > Step::Files && change.step != Step::Probation {
            return Ok(true);
        }
        let to = self.record(change.to)?;
        if change.step == Step::Slot
            && change.tried.is_some()
            && self.other_slot(to.disk.as_deref())?.is_none()
        {
            change.next(&self.root, Step::Files)?;
        }
        if change.step == Step::Files {
            let mut bundle = self.open_pack(&to)?;
            let steps = Steps::of(&mut bundle)?;
            self.files(&mut change, &steps, &mut bundle)?;
            change.next(&self.root, Step::Services)?;
        }
        Ok(true)
    }

    fn probation(&self, change: &Change) -> Result<Outcome, LiveError> {
        let until = change.until.unwrap_or_default();
        let Some(from) = change.from.filter(|_| self.now() >= until) else {
            if change.from.is_none() {
                return self.settle(change);
            }
            self.watch(change)?;
            return Ok(Outcome::Waits { generation: change.to, until });
        };
        let why = "nobody confirmed it in time".to_owned();
        let failed = self.record(change.to)?;
        self.event("failed", &failed, &why)?;
        match self.back(change.to, from, why.clone(), false)? {
            Outcome::Restarts(number) => Ok(Outcome::Restarts(number)),
            _ => Err(LiveError::Returned {
                failed: change.to,
                current: format!("generation {from}"),
                source: Box::new(LiveError::Unhealthy(vec![why])),
            }),
        }
    }

    /// Keeps the generation that waits.
    pub fn confirm(&self) -> Result<Outcome, LiveError> {
        match Change::load(&self.root)? {
            Some(change) if change.step == Step::Probation => self.settle(&change),
            Some(change) => Err(LiveError::Pending { to: change.to, step: change.step.to_string() }),
            None => Err(LiveError::NothingPending),
        }
    }

    /// Gives up what waits, or goes from the generation in force to an older one.
    pub fn rollback(&self, to: Option<u64>) -> Result<Outcome, LiveError> {
        let change = Change::load(&self.root)?;
        let current = generation::current(&self.root)?;
        let from = change.as_ref().map(|it| it.to).or(current);
        let from =
            from.ok_or_else(|| LiveError::NoGeneration("no generation was ever in force here".into()))?;
        let back = change.as_ref().filter(|it| it.back.is_none()).and_then(|it| it.from);
        let to = match to.or(back) {
            Some(to) => to,
            None => self.before(from)?,
        };
        self.record(to)?;
        if change.is_none() && current == Some(to) {
            return Ok(Outcome::Nothing(to));
        }
        self.back(from, to, "somebody asked for it".to_owned(), true)
    }

    /// Applies the generation in force again, from the host's own packs.
    pub fn heal(&self) -> Result<Outcome, LiveError> {
        let current = Generation::current(&self.root)?;
        let current =
            current.ok_or_else(|| LiveError::NoGeneration("no generation is in force here".into()))?;
        let mut bundle = self.open_pack(&current)?;
        // It is in force: whatever it has was accepted.
        self.apply(&mut bundle, current.accepted, Wishes { downgrade: true, ..Wishes::default() })
    }

    /// The generation that was in force before this one.
    fn before(&self, number: u64) -> Result<u64, LiveError> {
        let history = generation::history(&self.root)?;
        let there = generation::numbers(&self.root)?;
        let good = history.iter().rev().filter(|it| matches!(it.event.as_str(), "applied" | "returned"));
        let mut good = good.map(|it| it.generation).filter(|it| *it != number && there.contains(it));
        good.next().ok_or_else(|| LiveError::NoGeneration(format!("there is no generation before {number}")))
    }

    pub(super) fn record(&self, number: u64) -> Result<Generation, LiveError> {
        Generation::load(&self.root, number)?
            .ok_or_else(|| LiveError::NoGeneration(format!("generation {number} is not kept here")))
    }

    pub(super) fn event(&self, event: &str, generation: &Generation, why: &str) -> Result<(), LiveError> {
        let event = Event {
            at: self.now(),
            event: event.to_owned(),
            generation: generation.number,
            bundle: generation.bundle.to_string(),
            why: why.to_owned(),
        };
        Ok(generation::tell(&self.root, &event)?)
    }

    /// The end of a change: the journal goes, and with it what no kept generation needs.
    pub(super) fn settle(&self, change: &Change) -> Result<Outcome, LiveError> {
        let to = self.record(change.to)?;
        self.confirm_slot(change)?;
        if change.confirm.is_some() {
            self.event("confirmed", &to, "")?;
        }
        Change::end(&self.root)?;
        self.tidy(&to, change)?;
        Ok(Outcome::Settled(to.number))
    }

    /// Forgets generations, packs and snapshots beyond the kept ones; what was given up is not one of these.
    fn tidy(&self, current: &Generation, change: &Change) -> Result<(), LiveError> {
        let history = generation::history(&self.root)?;
        let mut keep = BTreeSet::from([current.number]);
        if change.back.is_none() {
            keep.extend(change.from);
        }
        for it in history.iter().rev().filter(|it| matches!(it.event.as_str(), "applied" | "returned")) {
            if keep.len() <= KEPT {
                keep.insert(it.generation);
            }
        }
        let all = Generation::all(&self.root)?;
        let (kept, gone): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| keep.contains(&it.number));
        let packs: Vec<_> = kept.iter().map(|it| it.bundle).collect();
        spool::keep(&self.root, &packs)?;
        for generation in gone {
            self.forget_snapshots(generation.number)?;
            Generation::forget(&self.root, generation.number)?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("root", &self.root).finish_non_exhaustive()
    }
}
