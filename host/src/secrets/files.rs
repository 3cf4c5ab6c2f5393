//! Files of the host with a value in them.

use super::FOLDER;
use super::error::SecretsError;
use super::store::{complete, read};
use crate::error::HostError;
use crate::kept;
use crate::root::{Root, split};
use gabion_bundle::{FileTarget, SecretTargets};
use std::collections::{BTreeMap, BTreeSet};

/// Which files hold values, by bundle.
const FILES: &str = "var/lib/gabion/secrets/files.json";
const LIMIT: u64 = 4 << 20;
/// Longest `etc/passwd` or `etc/group` that is looked into.
const ACCOUNTS: u64 = 16 << 20;

type Known = BTreeMap<String, BTreeSet<String>>;

struct File<'t> {
    path: &'t str,
    mode: u32,
    owner: (u32, u32),
    value: &'t [u8],
}

/// Writes the files that `targets` asks for, and removes those that an older bundle of the name asked for; gives the
/// paths that changed, without the first slash. What is right already is left alone; a file of others is kept beside.
///
/// Whoever calls holds the lock of `root`; [`generate`](super::generate) comes before.
pub fn files(root: &Root, targets: &SecretTargets) -> Result<Vec<String>, HostError> {
    let values = complete(root, targets)?;
    let mut wanted = Vec::new();
    for secret in &targets.secrets {
        let Some(file) = &secret.file else { continue };
        let Some(value) = values.get(&secret.name) else { continue };
        wanted.push(arrange(root, file, value.bytes())?);
    }
    let mut known = load(root)?;
    let others: BTreeSet<String> = known
        .iter()
        .filter(|(bundle, _)| **bundle != targets.bundle)
        .flat_map(|(_, it)| it.clone())
        .collect();
    let before = known.get(&targets.bundle).cloned().unwrap_or_default();
    let mut changed = Vec::new();
    for file in &wanted {
        if is_there(root, file)? {
            continue;
        }
        let failed = |source| HostError::write(file.path, source);
        if root.is_folder(file.path).map_err(failed)? {
            return Err(HostError::Folder { path: file.path.to_owned() });
        }
        let ours = before.contains(file.path) || others.contains(file.path);
        if !ours && root.exists(file.path).map_err(failed)? {
            let kept = kept::reserve(root, file.path)?;
            root.keep(file.path, &kept).map_err(failed)?;
        }
        changed.push(file);
    }
    let paths: BTreeSet<String> = wanted.iter().map(|it| it.path.to_owned()).collect();
    let gone: Vec<&String> = before.difference(&paths).filter(|it| !others.contains(*it)).collect();
    // What is written stands in the list before it is there, and what is removed until it is gone.
    known.insert(targets.bundle.clone(), paths.union(&before).cloned().collect());
    save(root, &known)?;
    for file in &changed {
        let failed = |source| HostError::write(file.path, source);
        root.make_folder(split(file.path).0, 0o755).map_err(failed)?;
        root.write_for(file.path, file.mode, file.owner, &mut |out| out.write_all(file.value))
            .map_err(failed)?;
    }
    for path in &gone {
        root.remove(path).map_err(|source| HostError::write(path, source))?;
    }
    known.insert(targets.bundle.clone(), paths.clone());
    known.retain(|_, paths| !paths.is_empty());
    save(root, &known)?;
    let changed = changed.into_iter().map(|it| it.path.to_owned());
    Ok(changed.chain(gone.into_iter().cloned()).collect())
}

fn arrange<'t>(root: &Root, file: &'t FileTarget, value: &'t [u8]) -> Result<File<'t>, HostError> {
    let path = file.place().map_err(SecretsError::Targets)?;
    let mode = file.bits().map_err(SecretsError::Targets)?;
    let owner = match &file.owner {
        None => Root::writer_ids(),
        Some(owner) => lookup(root, path, owner)?,
    };
    Ok(File { path, mode, owner, value })
}

/// User and group that `owner` means on this host; a user alone brings its own group.
fn lookup(root: &Root, path: &str, owner: &str) -> Result<(u32, u32), HostError> {
    let (user, group) = owner.split_once(':').map_or((owner, None), |(user, group)| (user, Some(group)));
    let unknown = |owner: &str| SecretsError::Owner { path: path.to_owned(), owner: owner.to_owned() };
    let fields = |file: &str, name: &str| -> Result<Option<Vec<u32>>, HostError> {
        let bytes = root.read(file, ACCOUNTS).map_err(|source| HostError::read(file, source))?;
        let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
        // passwd(5) and group(5): the name, the password, then numbers.
        let line = text.lines().map(|line| line.split(':')).find_map(|mut line| {
            (line.next() == Some(name))
                .then(|| line.skip(1).take(2).map_while(|it| it.parse().ok()).collect())
        });
        Ok(line)
    };
    let number = |name: &str| name.parse::<u32>().ok();
    let account = match number(user) {
        Some(id) => vec![id, id],
        None => fields("etc/passwd", user)?.unwrap_or_default(),
    };
    let &[uid, gid] = account.as_slice() else { return Err(unknown(user).into()) };
    let gid = match group {
        None => gid,
        Some(group) => match number(group) {
            Some(id) => id,
            None => {
                let found = fields("etc/group", group)?.and_then(|it| it.first().copied());
                found.ok_or_else(|| unknown(group))?
            }
        },
    };
    Ok((uid, gid))
}

fn is_there(root: &Root, file: &File<'_>) -> Result<bool, HostError> {
    let failed = |source| HostError::read(file.path, source);
    let Some(mode_and_owner) = root.mode_and_owner(file.path).map_err(failed)? else { return Ok(false) };
    if mode_and_owner != (file.mode, file.owner) {
        return Ok(false);
    }
    let size = root.open_file(file.path).map_err(failed)?.map(|(_, found)| found.size);
    if size != Some(file.value.len() as u64) {
        return Ok(false);
    }
    Ok(read(root, file.path)?.is_some_and(|there| *there == file.value))
}

fn load(root: &Root) -> Result<Known, HostError> {
    let bytes = root.read(FILES, LIMIT).map_err(|source| HostError::read(FILES, source))?;
    let damaged =
        |error: serde_json::Error| HostError::State { path: FILES.to_owned(), message: error.to_string() };
    bytes.map_or_else(|| Ok(Known::new()), |it| serde_json::from_slice(&it).map_err(damaged))
}

fn save(root: &Root, known: &Known) -> Result<(), HostError> {
    if load(root)? == *known {
        return Ok(());
    }
    let failed = |source| HostError::write(FILES, source);
    let text = serde_json::to_string_pretty(known).unwrap_or_default();
    root.make_folder(FOLDER, 0o700).map_err(failed)?;
    root.write(FILES, 0o600, &mut |out| writeln!(out, "{text}")).map_err(failed)
}
