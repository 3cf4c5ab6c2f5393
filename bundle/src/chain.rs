//! From the trust root that somebody was given to the newest one that it vouches for.

use crate::BundleError;
use crate::manifest::Manifest;
use crate::role::Role;
use crate::time::Time;
use crate::trust::TrustRoot;
use gabion_keys::Signatures;
use std::collections::BTreeMap;

/// No root, and no set of signatures over one, is larger.
pub(crate) const LIMIT: u64 = 1 << 20;

/// The members of a bundle that are roots of a chain, by version: `trust/root.N.json`.
pub(crate) fn members(manifest: &Manifest) -> BTreeMap<u32, String> {
    let version = |path: &str| -> Option<u32> {
        let digits = path.strip_prefix("trust/root.")?.strip_suffix(".json")?;
        digits.parse().ok().filter(|version: &u32| version.to_string() == digits)
    };
    manifest.members.iter().filter_map(|it| Some((version(&it.path)?, it.path.clone()))).collect()
}

/// The root behind `root`, if enough keys of both signed it: those that `root` says may, and those that
/// the new one itself says may. Every signature must fit, and both are judged at the moment `now`.
pub fn next_root(
    root: &TrustRoot,
    text: &str,
    signatures: &str,
    now: Time,
) -> Result<TrustRoot, BundleError> {
    let version = root.version.saturating_add(1);
    let wrong = |why: String| BundleError::Chain { version, why };
    let next = TrustRoot::parse(text).map_err(|error| wrong(error.to_string()))?;
    if next.version != version {
        return Err(wrong(format!("the root that should be it calls itself {}", next.version)));
    }
    let (signatures, rest) = Signatures::read(signatures).map_err(|what| wrong(what.to_owned()))?;
    if !rest.is_empty() {
        return Err(wrong("there is something behind its signatures".to_owned()));
    }
    signatures.check(Role::Root.namespace(), text.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    for judge in [root, &next] {
        let counts = |name: &str| judge.standing(Role::Root, name, now);
        judge
            .accept(Role::Root, &signatures.signers(), counts)
            .map_err(|error| wrong(format!("by the rules of root {}, {error}", judge.version)))?;
    }
    Ok(next)
}

/// Follows the chain in a bundle as far as it goes; `read` gives a member's bytes.
pub(crate) fn follow(
    root: &TrustRoot,
    manifest: &Manifest,
    now: Time,
    read: &mut dyn FnMut(&str) -> Result<String, BundleError>,
) -> Result<TrustRoot, BundleError> {
    let mut root = root.clone();
    for (version, path) in members(manifest) {
        // What the given root already knows is history.
        if version <= root.version {
            continue;
        }
        if version != root.version + 1 {
            return Err(BundleError::Chain { version: root.version + 1, why: "it is missing".to_owned() });
        }
        let signatures = format!("{path}.sig");
        if manifest.member(&signatures).is_none() {
            return Err(BundleError::Chain { version, why: "it is not signed".to_owned() });
        }
        root = next_root(&root, &read(&path)?, &read(&signatures)?, now)?;
    }
    Ok(root)
}
