//! The cluster of the host, through `k3s kubectl` and `k3s ctr`.

use super::error::LiveError;
use super::generation::Applied;
use super::health::{Health, called, health, stuck};
use super::network::is_beyond;
use super::objects::{Object, Wait, Wave, list, stub};
use super::programs::{Program, Programs, Said};
use gabion_bundle::Mode;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

/// Who owns the fields that are applied here.
const MANAGER: &str = "--field-manager=gabion";
/// What one question may take.
const ASK: Duration = Duration::from_secs(120);
/// What one archive of images may take on a slow disk.
const IMPORT: Duration = Duration::from_secs(1800);

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until the API server answers, and until what a wave waits for is so.
    pub limit: Duration,
    /// The longest pause between two questions.
    pub pause: Duration,
}

impl Default for Patience {
    /// Ten minutes; every five seconds.
    fn default() -> Self {
        Self { limit: Duration::from_secs(600), pause: Duration::from_secs(5) }
    }
}

/// The cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cluster<'p> {
    pub(crate) programs: &'p Programs,
    pub(crate) patience: Patience,
}

impl Cluster<'_> {
    /// Asks until the answer is good; what is bad is not asked again.
    fn until(&self, what: &str, ask: &mut dyn FnMut() -> Result<Health, LiveError>) -> Result<(), LiveError> {
        let begin = Instant::now();
        let mut pause = Duration::from_millis(50).min(self.patience.pause);
        loop {
            let last = match ask()? {
                Health::Good => return Ok(()),
                Health::Bad(why) => return Err(LiveError::Unhealthy(vec![format!("{what}: {why}")])),
                Health::Waits(why) => why,
            };
            if begin.elapsed() + pause > self.patience.limit {
                let seconds = self.patience.limit.as_secs();
                return Err(LiveError::Deadline {
                    what: what.to_owned(),
                    seconds,
                    last: format!(": {last}"),
                });
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(self.patience.pause);
        }
    }

    fn kubectl(&self, arguments: &[&str], input: Option<&[u8]>) -> Result<Said, LiveError> {
        let arguments: Vec<&str> = ["kubectl"].into_iter().chain(arguments.iter().copied()).collect();
        self.programs.ask(Program::K3s, &arguments, input, ASK)
    }

    fn kubectl_changes(&self, arguments: &[&str], input: &[u8]) -> Result<Said, LiveError> {
        let arguments: Vec<&str> = ["kubectl"].into_iter().chain(arguments.iter().copied()).collect();
        // Waiting for deletions and webhooks takes its time.
        self.programs.run(Program::K3s, &arguments, Some(input), self.patience.limit.max(ASK))
    }

    /// Whether the API server answers now.
    pub(crate) fn answers(&self) -> bool {
        self.kubectl(&["get", "--raw=/readyz"], None).is_ok_and(|it| it.good)
    }

    /// Waits for the API server.
    pub(crate) fn ready(&self) -> Result<(), LiveError> {
        self.until("the API server", &mut || {
            let said = self.kubectl(&["get", "--raw=/readyz"], None)?;
            Ok(if said.good { Health::Good } else { Health::Waits(last_line(&said.err)) })
        })
    }

    /// What the images are called that containerd has.
    pub(crate) fn images(&self) -> Result<BTreeSet<String>, LiveError> {
        let said =
            self.programs.ask(Program::K3s, &["ctr", "-n", "k8s.io", "images", "ls", "-q"], None, ASK)?;
        if !said.good {
            return Err(program("k3s ctr images ls", &said));
        }
        Ok(said.text().lines().map(str::to_owned).collect())
    }

    /// Gives an archive of images to containerd.
    pub(crate) fn import(&self, archive: &Path) -> Result<(), LiveError> {
        let archive = archive.to_string_lossy();
        let arguments = ["ctr", "-n", "k8s.io", "images", "import", "--all-platforms", &archive];
        self.programs.run(Program::K3s, &arguments, None, IMPORT).map(drop)
    }

    /// Applies a wave and waits for what it says. Hooks run only where `runs` says so.
    pub(crate) fn wave(
        &self,
        wave: &Wave,
        mode: Option<Mode>,
        runs: &dyn Fn(&Object) -> bool,
    ) -> Result<(), LiveError> {
        let goes = |it: &&Object| !it.is_probe && (it.hook.is_none() || runs(it));
        let objects: Vec<&Object> = wave.objects.iter().filter(goes).collect();
        if objects.is_empty() {
            return Ok(());
        }
        let of = |policy: &str| -> Vec<Applied> {
            let has =
                |it: &&&Object| it.hook.as_ref().is_some_and(|it| it.delete.iter().any(|it| it == policy));
            objects.iter().filter(has).map(|it| it.applied()).collect()
        };
        self.delete(&of("before-hook-creation"))?;
        let input = list(objects.iter().map(|it| it.json.as_str()));
        self.apply(&wave.name, &input)?;
        if wave.wait == Wait::Nothing {
            return Ok(());
        }
        let names: Vec<Applied> = objects.iter().map(|it| it.applied()).collect();
        self.until(&format!("the wave `{}`", wave.name), &mut || Ok(self.not_good(&names, mode)?.health()))?;
        self.delete(&of("hook-succeeded"))
    }

    /// Runs a job of the gate to its end, and takes it away whatever it says.
    pub(crate) fn probe(&self, job: &Object) -> Result<(), LiveError> {
        let names = [job.applied()];
        // An interrupted run may have left it, and a job is run once.
        self.delete(&names)?;
        let what = format!("the probe `{}`", job.name);
        self.apply(&what, &list([job.json.as_str()]))?;
        let ended = self.until(&what, &mut || Ok(self.not_good(&names, None)?.health()));
        let gone = self.delete(&names);
        match ended {
            Err(LiveError::Deadline { last, .. }) => Err(LiveError::Unhealthy(vec![format!("{what}{last}")])),
            other => other.and(gone),
        }
    }

    /// Server-side apply. What a webhook or a kind that is not served yet refuses is tried again for a while.
    pub(crate) fn apply(&self, wave: &str, input: &[u8]) -> Result<(), LiveError> {
        let arguments = ["apply", "--server-side", "--force-conflicts", MANAGER, "-f", "-"];
        self.until(&format!("applying the wave `{wave}`"), &mut || match self
            .kubectl_changes(&arguments, input)
        {
            Ok(_) => Ok(Health::Good),
            Err(LiveError::Program { said, .. }) if comes_later(&said) => Ok(Health::Waits(last_line(&said))),
            Err(error) => Err(error),
        })
    }

    /// Objects as the cluster has them; those that are not there are missing.
    pub(crate) fn get(&self, names: &[Applied]) -> Result<Vec<Value>, LiveError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let stubs: Vec<String> = names.iter().map(stub).collect();
        let input = list(stubs.iter().map(String::as_str));
        let said = self.kubectl(&["get", "--ignore-not-found", "-o", "json", "-f", "-"], Some(&input))?;
        if !said.good {
            return Err(program("k3s kubectl get", &said));
        }
        items("k3s kubectl get", &said)
    }

    /// Objects that would change if they were applied again: somebody changed them since.
    pub(crate) fn drift(&self, objects: &[&Object]) -> Result<Vec<String>, LiveError> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let input = list(objects.iter().map(|it| it.json.as_str()));
        let arguments = [
            "apply",
            "--server-side",
            "--force-conflicts",
            MANAGER,
            "--dry-run=server",
            "-o",
            "json",
            "-f",
            "-",
        ];
        let said = self.kubectl(&arguments, Some(&input))?;
        if !said.good {
            return Err(program("k3s kubectl apply --dry-run=server", &said));
        }
        let would: BTreeMap<String, Value> = by_name(items("k3s kubectl apply", &said)?);
        let names: Vec<Applied> = objects.iter().map(|it| it.applied()).collect();
        let is = by_name(self.get(&names)?);
        let differ = would.into_iter().filter(|(name, it)| is.get(name) != Some(it));
        Ok(differ.map(|(name, _)| name).collect())
    }

    /// What of these is not as it is meant to be. Of a host whose mode is known, what needs a network is told apart.
    pub(crate) fn not_good(&self, names: &[Applied], mode: Option<Mode>) -> Result<NotGood, LiveError> {
        let found = self.get(names)?;
        let there: BTreeSet<String> = found.iter().map(called).collect();
        let missing = names.iter().map(|it| it.object.to_string()).filter(|it| !there.contains(it));
        let waits = missing.map(|it| format!("{it} is not there")).collect();
        let mut it = NotGood { waits, ..NotGood::default() };
        let find = |name: &Applied| self.get(std::slice::from_ref(name)).ok()?.pop();
        for object in &found {
            let (is_bad, why) = match health(object) {
                Health::Good => continue,
                Health::Waits(why) => (false, why),
                Health::Bad(why) => (true, why),
            };
            let said = format!("{}: {why}", called(object));
            match mode.filter(|_| is_beyond(object, &find)) {
                Some(mode) => it.beyond.push(format!("{said}; {}", not_waited_for(mode))),
                None if is_bad => it.bad = it.bad.or(Some(said)),
                None => it.waits.push(said),
            }
        }
        Ok(it)
    }

    /// Takes objects out of the cluster; those of kinds that it does not know are gone already.
    pub(crate) fn delete(&self, objects: &[Applied]) -> Result<(), LiveError> {
        if objects.is_empty() {
            return Ok(());
        }
        let stubs: Vec<String> = objects.iter().map(stub).collect();
        let input = list(stubs.iter().map(String::as_str));
        let arguments = ["delete", "--ignore-not-found", "--wait=true", "-f", "-"];
        match self.kubectl_changes(&arguments, &input) {
            Ok(_) => Ok(()),
            Err(LiveError::Program { said, .. })
                if said.lines().all(|it| it.contains("no matches for kind")) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// What is wrong with the node and its pods.
    pub(crate) fn wrong(&self, k3s: Option<&str>) -> Result<Vec<String>, LiveError> {
        let mut wrong = Vec::new();
        let said = self.kubectl(&["get", "nodes", "-o", "json"], None)?;
        let nodes = if said.good { items("k3s kubectl get nodes", &said)? } else { Vec::new() };
        if nodes.is_empty() {
            wrong.push("the node is not there".to_owned());
        }
        for node in &nodes {
            if let Health::Waits(why) | Health::Bad(why) = health(node) {
                wrong.push(format!("{}: {why}", called(node)));
            }
            let kubelet = node["status"]["nodeInfo"]["kubeletVersion"].as_str().unwrap_or("nothing");
            if let Some(k3s) = k3s.filter(|it| *it != kubelet) {
                wrong.push(format!("{}: its kubelet is {kubelet}, not {k3s}", called(node)));
            }
        }
        let said = self.kubectl(&["get", "pods", "--all-namespaces", "-o", "json"], None)?;
        let pods = if said.good { items("k3s kubectl get pods", &said)? } else { Vec::new() };
        wrong.extend(pods.iter().filter_map(|it| Some(format!("{}: {}", called(it), stuck(it)?))));
        Ok(wrong)
    }

    /// Waits until `wrong` finds nothing.
    pub(crate) fn until_right(
        &self,
        wrong: &mut dyn FnMut() -> Result<Vec<String>, LiveError>,
    ) -> Result<(), LiveError> {
        let mut last = Vec::new();
        let waited = self.until("the health gate", &mut || {
            last = wrong()?;
            Ok(if last.is_empty() { Health::Good } else { Health::Waits(last.join("; ")) })
        });
        match waited {
            Err(LiveError::Deadline { .. }) => Err(LiveError::Unhealthy(last)),
            other => other,
        }
    }
}

/// What is not as it is meant to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NotGood {
    /// Not yet.
    pub(crate) waits: Vec<String>,
    /// The first that never will be.
    pub(crate) bad: Option<String>,
    /// What servers of others decide.
    pub(crate) beyond: Vec<String>,
}

impl NotGood {
    /// The health of all together. What others decide is no part of it.
    fn health(self) -> Health {
        match self.bad {
            Some(bad) => Health::Bad(bad),
            None if self.waits.is_empty() => Health::Good,
            None => Health::Waits(self.waits.join(", ")),
        }
    }
}

fn not_waited_for(mode: Mode) -> &'static str {
    match mode {
        Mode::Sealed => "it needs a network, which a sealed host has not",
        Mode::Connected => "that is up to servers of others, and is not waited for",
    }
}

/// Whether what is refused now may be taken in a moment: a webhook or a kind that is not served yet, a busy server.
fn comes_later(said: &str) -> bool {
    [
        "no matches for kind",
        "failed calling webhook",
        "failed to call webhook",
        "conversion webhook",
        "the server is currently unable",
        "the server could not find the requested resource",
        "connection refused",
        "context deadline exceeded",
        "i/o timeout",
        "etcdserver:",
        "is being terminated",
        "is being deleted",
        "Too many requests",
    ]
    .iter()
    .any(|it| said.contains(it))
}

fn last_line(text: &str) -> String {
    text.lines().rev().find(|it| !it.trim().is_empty()).unwrap_or("no answer").trim().to_owned()
}

fn program(name: &str, said: &Said) -> LiveError {
    LiveError::Program { program: name.to_owned(), end: said.end.clone(), said: last_line(&said.err) }
}

/// The objects of an answer: of a list, or the one that it is.
fn items(name: &str, said: &Said) -> Result<Vec<Value>, LiveError> {
    if said.out.iter().all(u8::is_ascii_whitespace) {
        return Ok(Vec::new());
    }
    let wrong =
        |error: serde_json::Error| LiveError::Answer { program: name.to_owned(), message: error.to_string() };
    let mut value: Value = serde_json::from_slice(&said.out).map_err(wrong)?;
    match value["items"].take() {
        Value::Array(items) => Ok(items),
        _ => Ok(vec![value]),
    }
}

/// Objects without what every write of any field changes.
fn by_name(objects: Vec<Value>) -> BTreeMap<String, Value> {
    let clean = |mut object: Value| {
        let name = called(&object);
        if let Some(metadata) = object["metadata"].as_object_mut() {
            for key in ["managedFields", "resourceVersion", "generation"] {
                metadata.remove(key);
            }
        }
        (name, object)
    };
    objects.into_iter().map(clean).collect()
}
