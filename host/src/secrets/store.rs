//! Values on the host: taken in, made, kept, and missing.

use super::FOLDER;
use super::error::SecretsError;
use super::floor::Floor;
use super::sidecar::{Sidecar, Value, is_plain, read_secret};
use crate::error::HostError;
use crate::root::Root;
use crate::seal::Identity;
use crate::trust::TrustState;
use gabion_bundle::{Generate, SECRETS, SecretTargets, Verified};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek};
use zeroize::Zeroizing;

const IDENTITY: &str = "var/lib/gabion/secrets/identity.age";
const VALUES: &str = "var/lib/gabion/secrets/values";
const GENERATED: &str = "var/lib/gabion/secrets/generated";
/// Room for 16 MiB of values in base64.
const LIMIT: u64 = 24 << 20;

/// What the secrets must be for.
#[derive(Debug, Clone, Copy)]
pub struct Expect<'e> {
    /// Name of the bundle.
    pub bundle: &'e str,
    /// What this host is called; what it remembers of itself unless given.
    pub host: Option<&'e str>,
}

/// What was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injected {
    /// The serial in force.
    pub serial: u64,
    /// Names of the values, not the values.
    pub names: Vec<String>,
    /// Whether anything was written.
    pub changed: bool,
}

/// The list of targets of a bundle; `None` where it has no secrets.
pub fn targets<R: Read + Seek>(bundle: &mut Verified<R>) -> Result<Option<SecretTargets>, HostError> {
    if bundle.manifest().member(SECRETS).is_none() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    bundle.copy_member(SECRETS, &mut bytes).map_err(|source| HostError::content(SECRETS, source))?;
    let text = String::from_utf8(bytes).map_err(|_| SecretsError::Targets("it is no text".to_owned()))?;
    let targets = SecretTargets::parse(&text).map_err(SecretsError::Targets)?;
    if targets.bundle != bundle.manifest().name {
        return Err(SecretsError::Targets("it is for another bundle".to_owned()).into());
    }
    Ok(Some(targets))
}

fn folder(root: &Root, path: &str) -> Result<(), HostError> {
    let made = root.make_folder(FOLDER, 0o700).and_then(|()| root.make_folder(path, 0o700));
    made.map_err(|source| HostError::write(path, source))
}

fn write(root: &Root, path: &str, text: &str) -> Result<(), HostError> {
    let written = root.write(path, 0o600, &mut |out| out.write_all(text.as_bytes()));
    written.map_err(|source| HostError::write(path, source))
}

/// A file with secrets in it; `None` where there is none.
pub(super) fn read(root: &Root, path: &str) -> Result<Option<Zeroizing<Vec<u8>>>, HostError> {
    let failed = |source| HostError::read(path, source);
    let Some((file, _)) = root.open_file(path).map_err(failed)? else { return Ok(None) };
    let limit = usize::try_from(LIMIT).unwrap_or(usize::MAX);
    read_secret(file, limit).map(Some).map_err(failed)
}

/// What opens sidecars that are for this host. It is made where there is none; its
/// [`recipient`](Identity::recipient) is what operators seal for.
pub fn identity(root: &Root) -> Result<Identity, HostError> {
    if let Some(bytes) = read(root, IDENTITY)? {
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let all = Identity::parse_all(text).map_err(SecretsError::from)?;
        return all.into_iter().next().ok_or_else(|| HostError::State {
            path: IDENTITY.to_owned(),
            message: "it holds no identity".to_owned(),
        });
    }
    let identity = Identity::generate();
    folder(root, FOLDER)?;
    write(root, IDENTITY, &identity.to_text())?;
    Ok(identity)
}

/// Gives the host the identity that an operator chose for it. One that it has already stays: another one would open nothing
/// that was sealed for it.
pub fn give_identity(root: &Root, given: &Identity) -> Result<(), HostError> {
    if read(root, IDENTITY)?.is_some() {
        let (there, given) = (identity(root)?.recipient().to_string(), given.recipient().to_string());
        if there == given {
            return Ok(());
        }
        return Err(SecretsError::Identity { given, there }.into());
    }
    folder(root, FOLDER)?;
    write(root, IDENTITY, &given.to_text())
}

/// Takes in a sidecar that is sealed for `identity`.
///
/// Whoever calls holds the lock of `root`.
pub fn inject<R: Read>(
    root: &Root,
    sidecar: R,
    identity: &Identity,
    expect: Expect<'_>,
) -> Result<Injected, HostError> {
    take(root, &Sidecar::open(sidecar, std::slice::from_ref(identity))?, expect)
}

/// Takes in the same that is not sealed: what came over a pipe that is.
pub fn inject_plain<R: Read>(root: &Root, plain: R, expect: Expect<'_>) -> Result<Injected, HostError> {
    take(root, &Sidecar::read(plain)?, expect)
}

/// Takes in what was read already.
pub fn take(root: &Root, sidecar: &Sidecar, expect: Expect<'_>) -> Result<Injected, HostError> {
    if sidecar.bundle != expect.bundle {
        let (given, known) = (sidecar.bundle.clone(), expect.bundle.to_owned());
        return Err(SecretsError::Other { what: "bundle", given, known }.into());
    }
    let host = TrustState::load(root)?.named(expect.host)?.host;
    match host {
        _ if sidecar.host == "*" => {}
        Some(host) if host == sidecar.host => {}
        Some(known) => {
            return Err(SecretsError::Other { what: "host", given: sidecar.host.clone(), known }.into());
        }
        None => return Err(SecretsError::Unnamed { given: sidecar.host.clone() }.into()),
    }
    let floor = Floor::load(root)?;
    let key = identity(root)?.key("gabion 2026 floor of secrets v1");
    let raised = floor.raised(sidecar, &key)?;
    let path = format!("{VALUES}/{}.json", sidecar.bundle);
    let text = sidecar.to_text();
    let same = read(root, &path)?.is_some_and(|there| *there == text.as_bytes());
    if raised != floor {
        // First, so that no cut leaves it low.
        raised.save(root)?;
    }
    if !same {
        folder(root, VALUES)?;
        write(root, &path, &text)?;
    }
    let names = sidecar.values.keys().cloned().collect();
    Ok(Injected { serial: sidecar.serial, names, changed: !same || raised != floor })
}

fn kept(root: &Root, folder: &str, bundle: &str) -> Result<Option<Sidecar>, HostError> {
    if !is_plain(bundle) {
        return Err(SecretsError::Targets(format!("`{bundle}` names no bundle")).into());
    }
    let path = format!("{folder}/{bundle}.json");
    let Some(text) = read(root, &path)? else { return Ok(None) };
    let damaged = |error: SecretsError| HostError::State { path: path.clone(), message: error.to_string() };
    Sidecar::parse(&text).map(Some).map_err(damaged)
}

/// Every value that this host has for `bundle`; one that was given goes before one that was made here.
pub(super) fn values(root: &Root, bundle: &str) -> Result<BTreeMap<String, Value>, HostError> {
    let mut all = kept(root, GENERATED, bundle)?.map(|it| it.values).unwrap_or_default();
    all.extend(kept(root, VALUES, bundle)?.into_iter().flat_map(|it| it.values));
    Ok(all)
}

/// Makes every value that may be made and is not there; gives their names. What was made is kept, whatever bundle
/// comes later.
pub fn generate(root: &Root, targets: &SecretTargets) -> Result<Vec<String>, HostError> {
    let there = values(root, &targets.bundle)?;
    let mut made = Vec::new();
    let mut all = None;
    for secret in &targets.secrets {
        let Some(how) = &secret.generate else { continue };
        for name in secret.values().into_iter().filter(|name| !there.contains_key(name)) {
            let all = match &mut all {
                Some(all) => all,
                none => none.insert(
                    kept(root, GENERATED, &targets.bundle)?
                        .unwrap_or_else(|| Sidecar::new(&targets.bundle, "*")),
                ),
            };
            all.values.insert(name.clone(), random(how)?);
            made.push(name);
        }
    }
    if let Some(all) = all {
        folder(root, GENERATED)?;
        write(root, &format!("{GENERATED}/{}.json", targets.bundle), &all.to_text())?;
    }
    Ok(made)
}

fn random(how: &Generate) -> Result<Value, HostError> {
    let mut source = fs_err::File::open("/dev/urandom").map_err(SecretsError::Random)?;
    let made = match how {
        Generate::Bytes { bytes } => {
            let mut value = vec![0; usize::try_from(*bytes).unwrap_or_default()];
            source.read_exact(&mut value).map(|()| value)
        }
        Generate::Text { alphabet, length } => characters(&mut source, alphabet.as_bytes(), *length),
    };
    Ok(Value::new(made.map_err(SecretsError::Random)?))
}

/// So many characters, each as likely as the other: bytes above the largest multiple of the alphabet are thrown away.
fn characters(source: &mut impl Read, alphabet: &[u8], length: u32) -> io::Result<Vec<u8>> {
    let count = alphabet.len().clamp(1, 256);
    let length = usize::try_from(length).unwrap_or_default();
    let mut out = Vec::with_capacity(length);
    let mut buffer = Zeroizing::new([0; 256]);
    while out.len() < length {
        source.read_exact(&mut *buffer)?;
        let fair = buffer.iter().map(|it| usize::from(*it)).filter(|it| *it < 256 / count * count);
        let left = length - out.len();
        out.extend(fair.take(left).filter_map(|it| alphabet.get(it % count)));
    }
    Ok(out)
}

/// The values without which this host cannot do what `targets` says. Those that it makes itself are not among them.
pub fn missing(root: &Root, targets: &SecretTargets) -> Result<Vec<String>, HostError> {
    let there = values(root, &targets.bundle)?;
    let wanted = targets.values().into_iter().filter(|(name, spared)| !spared && !there.contains_key(name));
    Ok(wanted.map(|(name, _)| name).collect())
}

/// What every target needs to be put, or which values are missing.
pub(super) fn complete(root: &Root, targets: &SecretTargets) -> Result<BTreeMap<String, Value>, HostError> {
    let there = values(root, &targets.bundle)?;
    let needed =
        targets.secrets.iter().filter(|it| !it.optional).flat_map(gabion_bundle::SecretTarget::values);
    let names: Vec<String> = needed.filter(|name| !there.contains_key(name)).collect();
    if !names.is_empty() {
        return Err(SecretsError::Missing { bundle: targets.bundle.clone(), names }.into());
    }
    Ok(there)
}
