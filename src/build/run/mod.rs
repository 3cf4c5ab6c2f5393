//! Scripts: the programs of a system on declared inputs, in a root of their own, without a network.
//!
//! Inside, `/` is the system of `root`, `/inputs/NODE/OUTPUT` are the inputs (`/inputs/k3s.main/binary`; a folder where
//! the output is a tree), all read-only and of one time; `/build` and `/tmp` are empty and go away, `/out` stays. Who
//! runs it is user 1000 and group 100 there, whoever runs gabion.
//!
//! Where namespaces are not to be had and the user says that this is fine, the same folders lie under a temporary path:
//! `$inputs`, `$out`, `$HOME` and `$TMPDIR` name them in either case. What such a run gives is never kept.
//!
//! # What this module does not do
//! It hides no clock, no kernel and no processor: a script that asks them is found by `check --rebuild`.

mod collect;
mod export;

pub(super) use collect::open_up;
pub(super) use export::Exports;

use super::stage::SYSTEM;
use super::step::{Done, Step, StepError};
use super::system::{EPOCH, FROM};
use super::{BuildError, Engine, Results};
use crate::recipe::kinds::{self, OUT};
use crate::recipe::{Recipe, Reference};
use export::Exported;
use gabion_digest::{Canonical, Feed, TreeId};
use gabion_sandbox::{Bind, Identity, Outcome, Policy, Root, SandboxError, Spec};
use gabion_store::{Entry, Output, Record, Store};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What a root has of its own in every run, whatever its packages have there.
const FRESH: [&[u8]; 7] = [b"proc", b"dev", b"run", b"tmp", b"build", b"inputs", b"out"];

/// Where programs are, unless the recipe says otherwise.
const PATH: &str = "/usr/bin:/bin";

/// How many lines of a failed script are told.
const LINES: usize = 20;

/// One script.
#[derive(Debug)]
pub(super) struct RunStep {
    root: TreeId,
    inputs: BTreeMap<String, Input>,
    script: String,
    env: BTreeMap<String, String>,
    output: Option<String>,
    time_out: Option<Duration>,
    policy: Policy,
    exports: Arc<Exports>,
}

/// What a script may read.
#[derive(Debug, Clone, Copy)]
enum Input {
    File(Output),
    Tree(TreeId),
}

/// Names of nodes are part of it, since the script sees them; how long it may take is not.
impl Canonical for RunStep {
    fn feed(&self, into: &mut Feed) {
        self.root.digest().feed(into);
        let inputs: Vec<_> = self.inputs.iter().map(|(name, input)| (name.as_str(), input)).collect();
        inputs.feed(into);
        self.script.feed(into);
        self.env.feed(into);
        self.output.feed(into);
    }
}

impl Canonical for Input {
    fn feed(&self, into: &mut Feed) {
        match self {
            Self::File(output) => (0_u32, output.blob.digest()).feed(into),
            Self::Tree(id) => (1_u32, id.digest()).feed(into),
        }
    }
}

impl Engine<'_> {
    /// The step of a script.
    pub(super) fn script(
        &self,
        recipe: &Recipe,
        it: &kinds::Run,
        results: &Results,
    ) -> Result<Step, BuildError> {
        let failed = |error| super::step_failed(&recipe.address, error);
        let missing = || failed(StepError::Input("its root is not built".to_owned()));
        let system = it.root.as_ref().and_then(|it| results.get(&it.value.address)).ok_or_else(missing)?;
        let epoch = system.facts.get(EPOCH).ok_or_else(missing)?;
        let mut inputs = BTreeMap::new();
        for reference in it.inputs.iter().map(|it| &it.value) {
            // What an overlay drops is not there.
            let Some(record) = results.get(&reference.address) else { continue };
            inputs.extend(outputs(reference, record).map_err(failed)?);
        }
        Ok(Step::Run(Box::new(RunStep {
            root: *system.trees.get(SYSTEM).ok_or_else(missing)?,
            inputs,
            script: it.script.clone(),
            env: variables(epoch, &it.env),
            output: it.output.clone(),
            time_out: it.time_out,
            policy: self.policy,
            exports: Arc::clone(&self.exports),
        })))
    }
}

/// Everything that a reference names, by where it lies below `/inputs`.
fn outputs(reference: &Reference, record: &Record) -> Result<BTreeMap<String, Input>, StepError> {
    let wanted = |name: &str| match &reference.output {
        Some(wanted) => wanted == name,
        // Files that lie in a system are no outputs of its own.
        None => !name.starts_with(FROM),
    };
    let named = record.outputs.iter().filter(|(name, _)| wanted(name)).map(|(name, output)| {
        let input = record.trees.get(name).map_or(Input::File(*output), |tree| Input::Tree(*tree));
        (format!("{}/{name}", reference.address), input)
    });
    let named: BTreeMap<String, Input> = named.collect();
    match &reference.output {
        Some(output) if named.is_empty() => {
            let there: Vec<String> = record.outputs.keys().map(|it| format!("`{it}`")).collect();
            let (node, there) = (&reference.address, there.join(", "));
            Err(StepError::Input(format!("`{node}` gives no `{output}`, but {there}")))
        }
        _ => Ok(named),
    }
}

/// All variables of a script, where it runs in a root of its own.
fn variables(epoch: &str, more: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let all = [
        ("HOME", "/build"),
        ("LC_ALL", "C.UTF-8"),
        ("PATH", PATH),
        ("SOURCE_DATE_EPOCH", epoch),
        ("TMPDIR", "/tmp"),
        ("TZ", "UTC"),
        ("inputs", "/inputs"),
        (OUT, "/out"),
    ];
    let mut all: BTreeMap<String, String> =
        all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    all.extend(more.clone());
    all
}

impl RunStep {
    /// The name of the output.
    pub(super) fn output(&self) -> &str {
        self.output.as_deref().unwrap_or(OUT)
    }

    /// Runs it, and takes what it left into the store.
    pub(super) fn run(&self, store: &Store) -> Result<Done, StepError> {
        let root = self.exports.tree(store, self.root)?;
        let shell = root.program("bin/sh").ok_or_else(|| {
            StepError::Input("its root has no `/bin/sh`: none of the packages brings a shell".to_owned())
        })?;
        let mut inputs = BTreeMap::new();
        for (name, input) in &self.inputs {
            let path = match input {
                Input::File(output) => self.exports.file(store, output)?,
                Input::Tree(id) => self.exports.tree(store, *id)?.path.clone(),
            };
            inputs.insert(name.as_str(), path);
        }
        let place = self.exports.place()?;
        let ran = self.ran(&Setting { root: &root, shell: &shell, inputs, place: place.path() });
        // Whatever modes it gave to what it made: we must read it, and remove it.
        open_up(place.path()).map_err(collect::unreadable)?;
        let out = place.path().join(OUT);
        let outcome = ran?;
        if !outcome.success() {
            return Err(StepError::Script { end: outcome.end, log: last_lines(&outcome.log) });
        }
        let (record, pending) = match &self.output {
            Some(name) => collect::file(store, &out, name)?,
            None => collect::tree(store, &out)?,
        };
        Ok(Done { record, walled: outcome.tier.may_be_cached(), pending, place: Some(place) })
    }

    /// Runs it within the walls that the user wants.
    fn ran(&self, setting: &Setting<'_>) -> Result<Outcome, StepError> {
        let run = |spec: &Spec| gabion_sandbox::run(spec).map_err(StepError::Sandbox);
        match self.policy {
            Policy::Require => run(&self.rooted(setting)),
            Policy::BestEffort => match run(&self.rooted(setting)) {
                Err(StepError::Sandbox(SandboxError::Denied(_))) => run(&self.bare(setting)?),
                done => done,
            },
            Policy::Off => run(&self.bare(setting)?),
        }
    }

    /// In a root of its own.
    fn rooted(&self, setting: &Setting<'_>) -> Spec {
        let (mut binds, mut links) = (Vec::new(), BTreeMap::new());
        for (path, entry) in setting.root.tree.entries() {
            let name = path.as_bytes();
            if name.contains(&b'/') || FRESH.contains(&name) {
                continue;
            }
            let target = Path::new("/").join(OsStr::from_bytes(name));
            match entry {
                Entry::Symlink { target: to, .. } => {
                    links.insert(target, PathBuf::from(OsStr::from_bytes(to)));
                }
                _ => binds.push(Bind::new(setting.root.at(path), target)),
            }
        }
        let inputs = setting.inputs.iter();
        binds.extend(inputs.map(|(name, path)| Bind::new(path, Path::new("/inputs").join(name))));
        let out = Bind::new(setting.place.join(OUT), "/out");
        self.spec(Root::Inputs { binds, out, links }, "/bin/sh".into(), "/build".into(), self.env.clone())
    }

    /// Under the paths of this machine. The shell is the root's own; what it starts is found by `PATH` there, with the
    /// machine's loader.
    fn bare(&self, setting: &Setting<'_>) -> Result<Spec, StepError> {
        let (place, root) = (setting.place, &setting.root.path);
        let failed = |source| StepError::Files { doing: "lay out what its script reads", source };
        let link = |path: &Path, to: &Path| {
            fs_err::create_dir_all(path.parent().unwrap_or(place))?;
            fs_err::os::unix::fs::symlink(to, path)
        };
        let folder = |name: &str| place.join(name);
        // By its name a shell of several programs knows which one it is.
        link(&folder("sh"), setting.shell).map_err(failed)?;
        for name in ["build", "tmp", "inputs"] {
            fs_err::create_dir_all(folder(name)).map_err(failed)?;
        }
        for (name, path) in &setting.inputs {
            link(&folder("inputs").join(name), path).map_err(failed)?;
        }
        let mut env = self.env.clone();
        for (name, path) in [("HOME", "build"), ("TMPDIR", "tmp"), ("inputs", "inputs"), (OUT, OUT)] {
            env.insert(name.to_owned(), folder(path).display().to_string());
        }
        if env.get("PATH").is_some_and(|it| it == PATH) {
            env.insert("PATH".to_owned(), format!("{0}/usr/bin:{0}/bin", root.display()));
        }
        let same = |path: &Path| Bind::new(path, path);
        let binds = setting.inputs.values().chain([root]).map(|path| same(path)).collect();
        let root = Root::Inputs { binds, out: same(place), links: BTreeMap::new() };
        Ok(Spec { policy: self.policy, ..self.spec(root, folder("sh"), folder("build"), env) })
    }

    fn spec(&self, root: Root, shell: PathBuf, cwd: PathBuf, env: BTreeMap<String, String>) -> Spec {
        let args = ["-eu", "-c", &self.script].map(str::to_owned).into();
        let spec = Spec::new(root, Identity::Single, shell);
        Spec { args, env, cwd, time_out: self.time_out, ..spec }
    }
}

/// What lies where, on this machine.
struct Setting<'s> {
    root: &'s Exported,
    /// The file that is the shell.
    shell: &'s Path,
    inputs: BTreeMap<&'s str, PathBuf>,
    /// A folder of this run's own, with the folder `out` in it.
    place: &'s Path,
}

/// The end of what a script said, without what would move a terminal's cursor.
fn last_lines(log: &[u8]) -> String {
    let text = String::from_utf8_lossy(log);
    let lines: Vec<&str> = text.lines().collect();
    let mut told = String::new();
    for line in &lines[lines.len().saturating_sub(LINES)..] {
        for character in line.chars() {
            let _ = match character {
                '\t' => write!(told, "\t"),
                it if it.is_control() => write!(told, "{}", it.escape_default()),
                it => write!(told, "{it}"),
            };
        }
        told.push('\n');
    }
    told.truncate(told.trim_end().len());
    told
}
