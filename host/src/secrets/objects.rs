//! Objects of Kubernetes with the values in them, to be applied and never written down.

use super::store::complete;
use crate::error::HostError;
use crate::root::Root;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gabion_bundle::{KubernetesTarget, SecretTargets};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// An object, and its data by key.
type Target<'t> = (&'t KubernetesTarget, BTreeMap<&'t str, &'t [u8]>);

/// The objects that `targets` asks for, as JSON for a server-side apply, by namespace and name. Keys of one object that
/// several secrets give are in one object. A value that is optional and not there is left out.
///
/// [`generate`](super::generate) comes before.
pub fn objects(root: &Root, targets: &SecretTargets) -> Result<Vec<Zeroizing<String>>, HostError> {
    let values = complete(root, targets)?;
    let mut objects: BTreeMap<(&str, &str), Target<'_>> = BTreeMap::new();
    for secret in &targets.secrets {
        let Some(it) = &secret.kubernetes else { continue };
        let (_, data) = objects.entry((&it.namespace, &it.name)).or_insert_with(|| (it, BTreeMap::new()));
        for (key, name) in it.keys.iter().zip(secret.values()) {
            if let Some(value) = values.get(&name) {
                data.insert(key, value.bytes());
            }
        }
    }
    let some = objects.into_values().filter(|(_, data)| !data.is_empty());
    Ok(some.map(|(target, data)| object(target, &data)).collect())
}

fn object(target: &KubernetesTarget, data: &BTreeMap<&str, &[u8]>) -> Zeroizing<String> {
    let head = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "namespace": target.namespace, "name": target.name },
        "type": target.kind,
    });
    let head = head.to_string();
    let room: usize = data.iter().map(|(key, value)| key.len() + value.len().div_ceil(3) * 4 + 8).sum();
    // Room for all of it at once: a text that grows leaves copies behind.
    let mut out = Zeroizing::new(String::with_capacity(head.len() + room + 16));
    // Without the last brace.
    out.push_str(&head[..head.len() - 1]);
    out.push_str(",\"data\":{");
    for (index, (key, value)) in data.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        // Keys are of letters, digits, `-`, `.` and `_`.
        out.push('"');
        out.push_str(key);
        out.push_str("\":\"");
        STANDARD.encode_string(value, &mut out);
        out.push('"');
    }
    out.push_str("}}");
    out
}
