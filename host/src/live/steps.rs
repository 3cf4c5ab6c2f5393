//! The steps of a change, each of which can be done again.

use super::change::{Change, Step};
use super::error::LiveError;
use super::generation::{Applied, Generation};
use super::host::{Host, Outcome};
use super::objects::{self, Object, Wait, Wave};
use super::programs::Program;
use crate::apply::{Report, plan};
use crate::error::HostError;
use crate::k3s::{self, Content};
use crate::layout::{Layout, Wanted};
use crate::secrets::{self, SecretsError};
use crate::unit;
use gabion_bundle::{SecretTargets, Verified};
use std::collections::BTreeSet;
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// What systemd may take for one request.
const SYSTEMD: Duration = Duration::from_secs(900);
/// A snapshot of a large datastore.
const SNAPSHOT: Duration = Duration::from_secs(600);
/// Files that K3s reads when it starts, and never again.
const READ_ONCE: [&str; 4] = [
    "usr/local/bin/k3s",
    "etc/rancher/k3s/",
    "etc/systemd/system/k3s.service",
    "etc/systemd/system/k3s.service.d/",
];

/// What a bundle makes of a host, read once.
#[derive(Debug)]
pub(crate) struct Steps {
    pub(crate) layout: Layout<Content>,
    pub(crate) waves: Vec<Wave>,
    /// What all images are called.
    pub(crate) images: BTreeSet<String>,
    /// The archives of images, with what theirs are called.
    archives: Vec<(String, Vec<String>)>,
    has_k3s: bool,
    /// Whether Flux asks this host for artifacts.
    has_artifacts: bool,
    /// Where secrets go.
    secrets: Option<SecretTargets>,
}

impl Steps {
    /// Reads a bundle.
    pub(crate) fn of<R: Read + Seek>(bundle: &mut Verified<R>) -> Result<Self, HostError> {
        let layout = k3s::layout(bundle)?;
        let waves = objects::waves(bundle)?;
        let archives: Vec<(String, Vec<String>)> = layout
            .entries()
            .iter()
            .filter_map(|(path, wanted)| match wanted {
                Wanted::File { source: Content::Images(archive), .. } => {
                    Some((path.clone(), archive.names().map(str::to_owned).collect()))
                }
                _ => None,
            })
            .collect();
        let images = archives.iter().flat_map(|(_, names)| names).cloned().collect();
        let has_k3s = layout.entries().contains_key(READ_ONCE[0]);
        let socket = format!("etc/systemd/system/{}", unit::ARTIFACTS[0].0);
        let has_artifacts = layout.entries().contains_key(&socket);
        let secrets = secrets::targets(bundle)?;
        one_owner(&layout, secrets.as_ref())?;
        Ok(Self { layout, waves, images, archives, has_k3s, has_artifacts, secrets })
    }

    /// The objects that stay in the cluster.
    pub(crate) fn inventory(&self) -> Vec<Applied> {
        objects::inventory(&self.waves)
    }
}

/// A file of the host is the bundle's or holds a secret: whoever wrote last would undo the other.
fn one_owner(layout: &Layout<Content>, secrets: Option<&SecretTargets>) -> Result<(), HostError> {
    let files = secrets.into_iter().flat_map(|it| &it.secrets).filter_map(|it| Some((it, it.file.as_ref()?)));
    for (secret, file) in files {
        if layout.entries().contains_key(file.path.trim_start_matches('/')) {
            let why = format!("`{}` is a file of the bundle and of `secret.{}`", file.path, secret.name);
            return Err(HostError::Unsupported(why));
        }
    }
    Ok(())
}

/// Whether K3s must start anew after these files were written or removed.
pub(crate) fn needs_restart(report: &Report) -> bool {
    let all = report.written.iter().chain(&report.replaced).chain(&report.removed);
    all.into_iter()
        .any(|path| READ_ONCE.iter().any(|it| path == it || (it.ends_with('/') && path.starts_with(it))))
}

impl Host<'_> {
    /// Takes a change from where it stands to its end.
    pub(super) fn forward<R: Read + Seek + Send>(
        &self,
        change: &mut Change,
        to: &Generation,
        from: Option<&Generation>,
        steps: &Steps,
        bundle: &mut Verified<R>,
    ) -> Result<Outcome, LiveError> {
        if change.step < Step::Services {
            self.need_secrets(steps)?;
        }
        loop {
            match change.step {
                Step::Snapshot => {
                    if from.is_some() && steps.has_k3s && self.cluster().answers() {
                        self.snap(to.number)?;
                    }
                    change.next(&self.root, Step::Slot)?;
                }
                Step::Slot => match self.slot(change, to, bundle)? {
                    Some(restarts) => return Ok(restarts),
                    None => change.next(&self.root, Step::Files)?,
                },
                Step::Files => {
                    self.files(change, steps, bundle)?;
                    change.next(&self.root, Step::Services)?;
                }
                Step::Services => {
                    if steps.has_k3s {
                        self.services(change, steps.has_artifacts)?;
                    }
                    change.next(&self.root, Step::Images)?;
                }
                Step::Images => {
                    if steps.has_k3s {
                        self.images(steps)?;
                    }
                    change.next(&self.root, Step::Objects)?;
                }
                Step::Objects => {
                    if steps.has_k3s {
                        self.objects(steps, to, from)?;
                    }
                    change.next(&self.root, Step::Gate)?;
                }
                Step::Gate => {
                    self.gate(steps, to)?;
                    return self.in_force(change, to, steps);
                }
                Step::Probation => {
                    return Ok(Outcome::Waits {
                        generation: to.number,
                        until: change.until.unwrap_or_default(),
                    });
                }
            }
        }
    }

    /// The generation is in force; whether it stays may be up to somebody who still reaches the host.
    fn in_force(&self, change: &mut Change, to: &Generation, steps: &Steps) -> Result<Outcome, LiveError> {
        to.put_in_force(&self.root)?;
        crate::stamps::save(&self.root, &to.bundle.to_string(), steps.layout.entries().keys())?;
        let why = change.back.clone().unwrap_or_default();
        self.event(if change.back.is_some() { "returned" } else { "applied" }, to, &why)?;
        let again = change.from == Some(change.to);
        match change.confirm.filter(|_| change.back.is_none() && change.from.is_some() && !again) {
            None => {
                change.confirm = None;
                self.settle(change)
            }
            Some(seconds) => {
                change.until = Some(self.now().saturating_add(seconds));
                change.next(&self.root, Step::Probation)?;
                self.watch(change)?;
                Ok(Outcome::Waits { generation: to.number, until: change.until.unwrap_or_default() })
            }
        }
    }

    /// Lets systemd go back when nobody confirms in time; where there is no systemd, the next `recover` does.
    pub(super) fn watch(&self, change: &Change) -> Result<(), LiveError> {
        if !self.programs.has(Program::SystemdRun) {
            return Ok(());
        }
        let left = change.until.unwrap_or_default().saturating_sub(self.now());
        let name = format!("--unit=gabion-return-{}-{left}", change.to);
        let after = format!("--on-active={}", left.max(1));
        let arguments = [
            "--collect",
            &name,
            &after,
            "--timer-property=AccuracySec=1s",
            "/var/lib/gabion/bin/gabion-host",
            "recover",
        ];
        self.programs.run(Program::SystemdRun, &arguments, None, SYSTEMD).map(drop)
    }

    /// Files of the root. That K3s must start anew is written down before the first of them changes.
    pub(super) fn files<R: Read + Seek>(
        &self,
        change: &mut Change,
        steps: &Steps,
        bundle: &mut Verified<R>,
    ) -> Result<(), LiveError> {
        let digest = bundle.digest.to_string();
        let mut produce = |content: &Content, out: &mut dyn Write| k3s::produce(bundle, content, out);
        let plan = plan(&self.root, &steps.layout, &digest, &mut produce)?;
        plan.check_room(&self.root)?;
        if needs_restart(&plan.report) && !change.restart {
            change.restart = true;
            change.save(&self.root)?;
        }
        let report = plan.execute(&self.root, &mut produce)?;
        if let Some(targets) = &steps.secrets {
            secrets::files(&self.root, targets)?;
        }
        if report.changed() + report.removed.len() > 0 {
            self.say(format!("files: wrote {}, removed {}", report.changed(), report.removed.len()));
        }
        Ok(())
    }

    pub(super) fn systemctl(&self, arguments: &[&str]) -> Result<(), LiveError> {
        self.programs.run(Program::Systemctl, arguments, None, SYSTEMD).map(drop)
    }

    /// K3s runs, with the files that are there now.
    fn services(&self, change: &mut Change, artifacts: bool) -> Result<(), LiveError> {
        self.systemctl(&["daemon-reload"])?;
        self.systemctl(&["enable", "k3s.service"])?;
        if let Some(snapshot) = change.restore.clone() {
            self.restore(&snapshot)?;
            change.restore = None;
            change.restart = true;
            change.save(&self.root)?;
        }
        if change.restart {
            self.say("K3s: starting anew");
            self.systemctl(&["restart", "k3s.service"])?;
        } else {
            self.systemctl(&["start", "k3s.service"])?;
        }
        if artifacts {
            // Accepting connections is all that it does: those that are open go on.
            self.systemctl(&["restart", unit::ARTIFACTS[0].0])?;
        }
        let answered = self.cluster().ready();
        if let (Err(LiveError::Deadline { .. }), Some(failed), true) =
            (&answered, change.from, change.back.is_some())
        {
            // Dead with the older program too: what is left is the datastore as it was.
            if let Some(snapshot) = self.snapshot(failed)? {
                self.restore(&snapshot)?;
                self.systemctl(&["restart", "k3s.service"])?;
                return self.cluster().ready();
            }
        }
        answered
    }

    /// Every image is there under every name.
    fn images(&self, steps: &Steps) -> Result<(), LiveError> {
        let cluster = self.cluster();
        let there = cluster.images()?;
        let lacks = |there: &BTreeSet<String>, names: &[String]| names.iter().any(|it| !there.contains(it));
        let missing: Vec<_> = steps.archives.iter().filter(|(_, names)| lacks(&there, names)).collect();
        for (path, _) in &missing {
            cluster.import(&Path::new("/").join(path))?;
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.say(format!("images: imported {} archives", missing.len()));
        let there = cluster.images()?;
        let lost: Vec<String> =
            steps.images.difference(&there).map(|it| format!("containerd has no `{it}`")).collect();
        if lost.is_empty() { Ok(()) } else { Err(LiveError::Unhealthy(lost)) }
    }

    /// Objects in their waves; then what this generation has not goes.
    fn objects(&self, steps: &Steps, to: &Generation, from: Option<&Generation>) -> Result<(), LiveError> {
        let cluster = self.cluster();
        let before: &[Applied] = from.map_or(&[], |it| &it.objects);
        let known: BTreeSet<&str> = before.iter().map(|it| it.from.as_str()).collect();
        let runs = |object: &Object| {
            let moment = if known.contains(object.from.as_str()) { "upgrade" } else { "install" };
            let events = object.hook.iter().flat_map(|it| &it.events);
            events
                .into_iter()
                .any(|it| it.strip_prefix("pre-").or_else(|| it.strip_prefix("post-")) == Some(moment))
        };
        // Where their namespaces are, and before what mounts them.
        let behind = steps.waves.iter().position(|it| it.wait == Wait::Active).map_or(0, |it| it + 1);
        for (at, wave) in steps.waves.iter().enumerate() {
            if at == behind {
                self.secrets(steps)?;
            }
            cluster.wave(wave, to.mode, &runs)?;
            self.say(format!("wave {}: {} objects", wave.name, wave.objects.len()));
        }
        if behind == steps.waves.len() {
            self.secrets(steps)?;
        }
        let gone: Vec<Applied> = objects::gone(before, &to.objects).into_iter().cloned().collect();
        let (kept, gone): (Vec<_>, Vec<_>) = gone.into_iter().partition(objects::is_kept);
        cluster.delete(&gone)?;
        for it in kept {
            self.say(format!(
                "{} is in no bundle any more and stays: what it holds would go with it",
                it.object
            ));
        }
        Ok(())
    }

    /// Refuses to begin without a value; those that the host makes itself are made.
    fn need_secrets(&self, steps: &Steps) -> Result<(), LiveError> {
        let Some(targets) = &steps.secrets else { return Ok(()) };
        secrets::generate(&self.root, targets).map_err(LiveError::from)?;
        let names = secrets::missing(&self.root, targets)?;
        if names.is_empty() {
            return Ok(());
        }
        Err(HostError::from(SecretsError::Missing { bundle: targets.bundle.clone(), names }).into())
    }

    /// Secrets of the cluster, from what the host keeps: no bundle and no record has them.
    fn secrets(&self, steps: &Steps) -> Result<(), LiveError> {
        let Some(targets) = &steps.secrets else { return Ok(()) };
        let objects = secrets::objects(&self.root, targets)?;
        self.say(format!("secrets: {} objects", objects.len()));
        let input = Zeroizing::new(objects::list(objects.iter().map(|it| it.as_str())));
        self.cluster().apply("secrets", &input)
    }

    /// What is not healthy; then what is not because of servers of others.
    pub(super) fn wrong(
        &self,
        to: &Generation,
        has_k3s: bool,
    ) -> Result<(Vec<String>, Vec<String>), LiveError> {
        let (mut wrong, mut beyond) = (self.failed_units()?, Vec::new());
        if has_k3s {
            let cluster = self.cluster();
            wrong.extend(cluster.wrong(to.k3s.as_deref())?);
            let found = cluster.not_good(&to.objects, to.mode)?;
            wrong.extend(found.bad.into_iter().chain(found.waits));
            beyond = found.beyond;
            let there = cluster.images()?;
            wrong.extend(to.images.difference(&there).map(|it| format!("containerd has no `{it}`")));
        }
        Ok((wrong, beyond))
    }

    /// Everything is healthy; then what must be denied is denied.
    fn gate(&self, steps: &Steps, to: &Generation) -> Result<(), LiveError> {
        let mut others = Vec::new();
        self.cluster().until_right(&mut || {
            let (wrong, beyond) = self.wrong(to, steps.has_k3s)?;
            others = beyond;
            Ok(wrong)
        })?;
        for it in &others {
            self.say(it);
        }
        let objects = steps.waves.iter().flat_map(|it| &it.objects);
        for job in objects.filter(|it| it.is_probe && steps.has_k3s) {
            self.cluster().probe(job)?;
            self.say(format!("probe {}: as it must be", job.name));
        }
        Ok(())
    }

    /// Units of systemd that failed.
    fn failed_units(&self) -> Result<Vec<String>, LiveError> {
        if !self.programs.has(Program::Systemctl) {
            return Ok(Vec::new());
        }
        let arguments = ["list-units", "--state=failed", "--plain", "--no-legend", "--no-pager"];
        let said = self.programs.ask(Program::Systemctl, &arguments, None, SYSTEMD)?;
        let text = said.text();
        let units = text.lines().filter_map(|it| it.split_whitespace().next());
        Ok(units.map(|it| format!("the unit {it} failed")).collect())
    }

    // Snapshots of the datastore, one for each change, named after the generation that it leads to.

    fn snap(&self, number: u64) -> Result<(), LiveError> {
        if self.snapshot(number)?.is_some() {
            return Ok(());
        }
        let name = snapshot_name(number);
        self.say("snapshot of the datastore");
        self.programs.run(Program::K3s, &["etcd-snapshot", "save", "--name", &name], None, SNAPSHOT).map(drop)
    }

    /// The file of the snapshot that was made before the change to this generation.
    pub(super) fn snapshot(&self, number: u64) -> Result<Option<String>, LiveError> {
        let names = self.root.names(SNAPSHOTS).map_err(|source| HostError::read(SNAPSHOTS, source))?;
        // K3s adds the node's name and the time: `gabion-before-3-vps-1700000000`.
        let begin = format!("{}-", snapshot_name(number));
        Ok(names.into_iter().rfind(|it| it.starts_with(&begin)).map(|it| format!("/{SNAPSHOTS}/{it}")))
    }

    pub(super) fn forget_snapshots(&self, number: u64) -> Result<(), LiveError> {
        let names = self.root.names(SNAPSHOTS).map_err(|source| HostError::read(SNAPSHOTS, source))?;
        let begin = format!("{}-", snapshot_name(number));
        for name in names.iter().filter(|it| it.starts_with(&begin)) {
            self.programs.run(Program::K3s, &["etcd-snapshot", "delete", name], None, SNAPSHOT)?;
        }
        Ok(())
    }

    /// Puts the datastore back (docs.k3s.io, "Backup and Restore": `--cluster-reset-restore-path`).
    fn restore(&self, snapshot: &str) -> Result<(), LiveError> {
        self.say(format!("datastore: back to {snapshot}"));
        self.systemctl(&["stop", "k3s.service"])?;
        // K3s refuses a second reset while this mark of the first is there.
        let mark = "var/lib/rancher/k3s/server/db/reset-flag";
        self.root.remove(mark).map_err(|source| HostError::write(mark, source))?;
        let path = format!("--cluster-reset-restore-path={snapshot}");
        self.programs.run(Program::K3s, &["server", "--cluster-reset", &path], None, SNAPSHOT).map(drop)
    }
}

const SNAPSHOTS: &str = "var/lib/rancher/k3s/server/db/snapshots";

fn snapshot_name(number: u64) -> String {
    format!("gabion-before-{number}")
}
