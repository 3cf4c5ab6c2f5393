//! What a bundle would change on a host, before anything is.

use super::error::LiveError;
use super::generation::{Applied, Generation, ObjectName};
use super::host::Host;
use super::objects;
use super::packages::{OtherSystem, is_for_this_machine};
use super::prepare::mode_of;
use super::steps::{Steps, needs_restart};
use crate::apply::plan;
use crate::k3s::{self, Content};
use gabion_bundle::{Mode, Object, Verified};
use gabion_digest::Digest;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{Read, Seek, Write};

/// What a bundle would change. Its id changes whenever anything of it does, also the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Names this plan: `apply --plan ID` does this and nothing else.
    pub id: String,
    /// What it says.
    #[serde(flatten)]
    pub report: PlanReport,
}

/// What a plan says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PlanReport {
    /// The generation in force, with the digest of its bundle.
    pub from: Option<(u64, String)>,
    /// Digest of the bundle.
    pub to: String,
    /// Its name, and the serial of its promotion.
    pub name: String,
    /// Serial of its promotion.
    pub serial: Option<u64>,
    /// K3s before and after, where they differ.
    pub k3s: Option<(Option<String>, Option<String>)>,
    /// What kind of host it is before and after, where that differs.
    pub mode: Option<(Option<Mode>, Option<Mode>)>,
    /// The system, where it is another one.
    pub system: OtherSystem,
    /// Files that are written, replaced, removed.
    pub files: Vec<String>,
    /// Bytes of them.
    pub bytes: u64,
    /// Images that are new.
    pub new_images: Vec<String>,
    /// Images that no generation in force needs any more.
    pub old_images: Vec<String>,
    /// Objects that are new, changed, and gone.
    pub new_objects: Vec<String>,
    /// Objects with other content.
    pub changed_objects: Vec<String>,
    /// Objects that are taken away.
    pub gone_objects: Vec<String>,
    /// What differs on the host from the generation in force: files and objects that somebody changed. It is put right.
    pub drift: Vec<String>,
    /// What stands still meanwhile.
    pub downtime: Vec<String>,
    /// What going back does not bring back.
    pub one_way: Vec<String>,
}

impl PlanReport {
    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.from.as_ref().is_some_and(|(_, digest)| *digest == self.to)
            && self.files.is_empty()
            && self.drift.is_empty()
            && self.system.slot.is_none()
    }
}

impl Host<'_> {
    /// What `bundle` would change here.
    pub fn plan<R: Read + Seek>(&self, bundle: &mut Verified<R>) -> Result<Plan, LiveError> {
        is_for_this_machine(bundle)?;
        let current = Generation::current(&self.root)?;
        let steps = Steps::of(bundle)?;
        let k3s = bundle.manifest().objects.iter().find_map(|it| match it {
            Object::K3sBinary { version, .. } => Some(version.clone()),
            _ => None,
        });
        let mut report = PlanReport {
            from: current.as_ref().map(|it| (it.number, it.bundle.to_string())),
            to: bundle.digest.to_string(),
            name: bundle.manifest().name.clone(),
            serial: bundle.promotion.as_ref().map(|it| it.promotion.serial),
            ..PlanReport::default()
        };
        let before = current.as_ref().and_then(|it| it.k3s.clone());
        if before != k3s {
            report.k3s = Some((before, k3s));
        }
        let (was, becomes) = (current.as_ref().and_then(|it| it.mode), mode_of(bundle));
        report.mode = (was != becomes).then_some((was, becomes));
        report.system = self.other_system(bundle)?;
        if let Some(slot) = &report.system.slot {
            report.downtime.push(format!("the whole host, while it starts again from the slot `{slot}`"));
        }
        self.plan_files(bundle, &steps, &mut report)?;
        let none = Vec::new();
        let (images, objects) = current.as_ref().map_or((None, &none), |it| (Some(&it.images), &it.objects));
        report.new_images =
            steps.images.iter().filter(|it| images.is_none_or(|all| !all.contains(*it))).cloned().collect();
        report.old_images =
            images.into_iter().flatten().filter(|it| !steps.images.contains(*it)).cloned().collect();
        plan_objects(objects, &steps.inventory(), &mut report);
        if let Some(current) = &current {
            self.plan_drift(current, &mut report)?;
        }
        let text = serde_json::to_string(&report).unwrap_or_default();
        Ok(Plan { id: Digest::of(text.as_bytes()).hex()[..16].to_owned(), report })
    }

    fn plan_files<R: Read + Seek>(
        &self,
        bundle: &mut Verified<R>,
        steps: &Steps,
        report: &mut PlanReport,
    ) -> Result<(), LiveError> {
        let digest = bundle.digest.to_string();
        let mut produce = |content: &Content, out: &mut dyn Write| k3s::produce(bundle, content, out);
        let found = plan(&self.root, &steps.layout, &digest, &mut produce)?;
        found.check_room(&self.root)?;
        if needs_restart(&found.report) {
            report.downtime.push("the API of Kubernetes, while K3s starts anew; programs go on".to_owned());
        }
        let found = found.report;
        report.bytes = found.bytes;
        let with =
            |sign: &str, paths: &[String]| paths.iter().map(|it| format!("{sign} /{it}")).collect::<Vec<_>>();
        report.files =
            [with("+", &found.written), with("~", &found.replaced), with("-", &found.removed)].concat();
        Ok(())
    }

    /// What somebody changed since the generation in force was applied.
    fn plan_drift(&self, current: &Generation, report: &mut PlanReport) -> Result<(), LiveError> {
        report.drift = crate::stamps::changed(&self.root)?.into_iter().map(|it| format!("/{it}")).collect();
        if current.k3s.is_some() && self.cluster().answers() {
            let mut bundle = self.open_pack(current)?;
            let waves = objects::waves(&mut bundle)?;
            let objects: Vec<_> = waves.iter().flat_map(|it| &it.objects).filter(|it| it.stays()).collect();
            report.drift.extend(self.cluster().drift(&objects)?);
        }
        Ok(())
    }
}

fn plan_objects(before: &[Applied], after: &[Applied], report: &mut PlanReport) {
    let there: BTreeMap<&ObjectName, &str> =
        before.iter().map(|it| (&it.object, it.content.as_str())).collect();
    for it in after {
        match there.get(&it.object) {
            None => report.new_objects.push(it.object.to_string()),
            Some(content) if *content != it.content => report.changed_objects.push(it.object.to_string()),
            Some(_) => {}
        }
    }
    for it in objects::gone(before, after) {
        if objects::is_kept(it) {
            continue;
        }
        report.gone_objects.push(it.object.to_string());
    }
    let minor = |version: &Option<String>| {
        version.as_deref().map(|it| it.split('.').take(2).collect::<Vec<_>>().join("."))
    };
    if let Some((Some(before), after)) = &report.k3s
        && minor(&Some(before.clone())) != minor(after)
    {
        let after = after.as_deref().unwrap_or("nothing");
        report.one_way.push(format!(
            "the datastore: from {before} to {after}. Going back restores the snapshot, and loses what was changed since"
        ));
    }
    let definitions = |names: &[String]| -> Vec<String> {
        names.iter().filter(|it| it.starts_with("CustomResourceDefinition ")).cloned().collect()
    };
    for it in definitions(&report.changed_objects) {
        report.one_way.push(format!("{it}: what is stored in a new version is not turned back"));
    }
}
