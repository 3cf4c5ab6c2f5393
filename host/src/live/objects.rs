//! The objects of a bundle, in the waves in which they reach the cluster (`formats/kube/FORMAT.md`, "Waves").

use super::generation::{Applied, ObjectName};
use crate::error::HostError;
use gabion_bundle::Verified;
use gabion_digest::Digest;
use serde::Deserialize;
use std::io::{Read, Seek};

const WAVES: &str = "deploy/waves.json";
const OBJECTS: &str = "deploy/objects.jsonl";
/// What a job of the gate is annotated with.
const PROBE: &str = "gabion.dev/probe";

/// What is waited for behind a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Wait {
    Nothing,
    Established,
    Active,
    Available,
    Complete,
}

/// What the annotations of a hook of Helm say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Hook {
    pub(crate) events: Vec<String>,
    pub(crate) delete: Vec<String>,
}

/// An object and what is applied.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) name: ObjectName,
    pub(crate) api_version: String,
    pub(crate) from: String,
    pub(crate) hook: Option<Hook>,
    /// Whether it is for the gate alone: a job that tries what must be let through and what must be denied.
    pub(crate) is_probe: bool,
    pub(crate) json: String,
}

/// Objects that are applied together.
#[derive(Debug, Clone)]
pub(crate) struct Wave {
    pub(crate) name: String,
    pub(crate) wait: Wait,
    pub(crate) objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Listed {
    waves: Vec<ListedWave>,
}

#[derive(Deserialize)]
struct ListedWave {
    name: String,
    wait: Wait,
    objects: Vec<ListedObject>,
}

#[derive(Deserialize)]
struct ListedObject {
    object: ObjectName,
    api_version: String,
    from: String,
    #[serde(default)]
    hook: Option<Hook>,
}

/// The waves of a bundle; none where it has no objects.
pub(crate) fn waves<R: Read + Seek>(bundle: &mut Verified<R>) -> Result<Vec<Wave>, HostError> {
    if bundle.manifest().member(WAVES).is_none() {
        return Ok(Vec::new());
    }
    let mut text = |member: &str| {
        let mut bytes = Vec::new();
        bundle.copy_member(member, &mut bytes).map_err(|source| HostError::content(member, source))?;
        String::from_utf8(bytes).map_err(|_| HostError::Unsupported(format!("its `{member}` is no text")))
    };
    let wrong = |why: String| HostError::Unsupported(format!("its `{WAVES}` is not understood: {why}"));
    let listed: Listed = serde_json::from_str(&text(WAVES)?).map_err(|error| wrong(error.to_string()))?;
    let objects = text(OBJECTS)?;
    let mut lines = objects.lines();
    let mut waves = Vec::new();
    for wave in listed.waves {
        let mut objects = Vec::new();
        for it in wave.objects {
            let json = lines.next().ok_or_else(|| wrong(format!("`{OBJECTS}` has fewer objects")))?;
            let ListedObject { object: name, api_version, from, hook } = it;
            let is_probe = name.kind == "Job" && is_probe(json);
            objects.push(Object { name, api_version, from, hook, is_probe, json: json.to_owned() });
        }
        waves.push(Wave { name: wave.name, wait: wave.wait, objects });
    }
    match lines.next() {
        Some(_) => Err(wrong(format!("`{OBJECTS}` has more objects"))),
        None => Ok(waves),
    }
}

/// Whether an object says that it is for the gate.
fn is_probe(json: &str) -> bool {
    let object: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    object["metadata"]["annotations"][PROBE] == "true"
}

impl Object {
    /// Whether it stays in the cluster as long as its bundle is in force.
    pub(crate) fn stays(&self) -> bool {
        self.hook.is_none() && !self.is_probe
    }

    /// As a generation remembers it.
    pub(crate) fn applied(&self) -> Applied {
        Applied {
            object: self.name.clone(),
            api_version: self.api_version.clone(),
            from: self.from.clone(),
            content: Digest::of(self.json.as_bytes()).hex(),
        }
    }
}

/// What stays in the cluster as long as it is there: an inventory has no hooks and no probes.
pub(crate) fn inventory(waves: &[Wave]) -> Vec<Applied> {
    let objects = waves.iter().flat_map(|it| &it.objects).filter(|it| it.stays());
    objects.map(Object::applied).collect()
}

/// What goes with a change from `before` to `after`, last applied first.
pub(crate) fn gone<'b>(before: &'b [Applied], after: &[Applied]) -> Vec<&'b Applied> {
    let there: std::collections::BTreeSet<&ObjectName> = after.iter().map(|it| &it.object).collect();
    before.iter().rev().filter(|it| !there.contains(&it.object)).collect()
}

/// Whether an object is left in the cluster when no bundle has it any more: with it would go what nobody can make again.
pub(crate) fn is_kept(it: &Applied) -> bool {
    let ObjectName { group, kind, .. } = &it.object;
    matches!(
        (group.as_str(), kind.as_str()),
        ("", "Namespace" | "PersistentVolumeClaim" | "PersistentVolume")
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
    )
}

/// Objects as one `List`, for `kubectl … -f -`.
pub(crate) fn list<'o>(objects: impl IntoIterator<Item = &'o str>) -> Vec<u8> {
    let mut out = br#"{"apiVersion":"v1","kind":"List","items":["#.to_vec();
    for (at, json) in objects.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend(json.as_bytes());
    }
    out.extend(b"]}\n");
    out
}

/// An object by its name alone.
pub(crate) fn stub(it: &Applied) -> String {
    let mut metadata = serde_json::Map::new();
    metadata.insert("name".to_owned(), it.object.name.clone().into());
    if let Some(namespace) = &it.object.namespace {
        metadata.insert("namespace".to_owned(), namespace.clone().into());
    }
    serde_json::json!({ "apiVersion": it.api_version, "kind": it.object.kind, "metadata": metadata })
        .to_string()
}
