//! `secrets set|remove|list|rotate-recipients|check|key new`.
//!
//! Values come from stdin or a file, never from the command line, which everybody on the machine can read; none is
//! ever printed.

use super::args::{
    SecretsCommand, SecretsFileArgs, SecretsKeyCommand, SecretsKeyNewArgs, SecretsRemoveArgs,
    SecretsRotateArgs, SecretsSetArgs,
};
use super::bundle::io;
use super::failure::Failure;
use super::project::Session;
use super::{key, passphrase};
use crate::exit::Exit;
use crate::recipe::kinds::targets;
use crate::recipe::{Address, Body, Kind, Project};
use gabion_bundle::SecretTargets;
use gabion_host::cli::Unsealed;
use gabion_host::seal::{Identity, Recipient};
use gabion_host::secrets::{Sidecar, Value};
use std::io::{BufRead, IsTerminal, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

pub(super) fn run(session: &Session<'_>, command: &SecretsCommand) -> Result<Exit, Failure> {
    match command {
        SecretsCommand::Set(args) => set(session, args),
        SecretsCommand::Remove(args) => remove(session, args),
        SecretsCommand::List(args) => list(session, args),
        SecretsCommand::RotateRecipients(args) => rotate(session, args),
        SecretsCommand::Check(args) => check(session, args),
        SecretsCommand::Key(SecretsKeyCommand::New(args)) => new_key(session, args),
    }
}

/// A bundle of the project: what it says of secrets, and its host.
struct Of {
    targets: SecretTargets,
    host: Option<String>,
}

fn of(project: &Project, name: &str) -> Result<Of, Failure> {
    let address = Address::new(Kind::Bundle, name);
    let recipe = address.and_then(|address| project.recipes.get(&address));
    let Some((recipe, Body::Bundle(bundle))) = recipe.map(|it| (it, &it.body)) else {
        return Err(Failure::usage(format!("there is no `bundle.{name}`")));
    };
    let secrets = bundle.secrets.iter().filter_map(|it| project.recipes.get(&it.value.address));
    Ok(Of {
        targets: targets(recipe.address.name(), secrets),
        host: bundle.host.as_ref().map(|it| it.value.address.name().to_owned()),
    })
}

/// The file with the identities that open sidecars, if one is named or configured.
fn identity_file(session: &Session<'_>, given: Option<&Path>) -> Option<PathBuf> {
    given.or(session.config.secrets_identity.as_deref()).map(Path::to_owned)
}

fn identities(session: &Session<'_>, given: Option<&Path>) -> Result<(PathBuf, Vec<Identity>), Failure> {
    let path = identity_file(session, given).ok_or_else(|| {
        Failure::usage("nothing opens the sidecar: no identity is named").help(
            "name one with `--identity`, or set `secrets-identity` in the configuration; \
             `gabion secrets key new` makes one",
        )
    })?;
    let all = Identity::parse_all(private(&path)?.text())?;
    Ok((path, all))
}

/// The text of a file that nobody but its owner can read.
pub(super) fn private(path: &Path) -> Result<Unsealed, Failure> {
    let failed = |source| io("read", path, source);
    let mode = fs_err::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        let what = format!("`{}` can be read by others than its owner", path.display());
        return Err(Failure::usage(what).help(format!("run `chmod 600 {}`", path.display())));
    }
    Ok(Unsealed::new(fs_err::read_to_string(path).map_err(failed)?))
}

/// The first line of what age sealed (<https://c2sp.org/age>).
const SEALED: &[u8] = b"age-encryption.org/v1\n";

/// Values as they go over a pipe: from a sidecar, which is opened with the configured identity, or unsealed already; `-` is
/// standard input.
pub(super) fn unsealed(session: &Session<'_>, path: &Path) -> Result<Unsealed, Failure> {
    let sidecar = if path == Path::new("-") {
        Sidecar::read(std::io::stdin().lock())?
    } else {
        let failed = |source| io("read", path, source);
        let mut file = std::io::BufReader::new(fs_err::File::open(path).map_err(failed)?);
        if file.fill_buf().map_err(failed)?.starts_with(SEALED) {
            Sidecar::open(file, &identities(session, None)?.1)?
        } else {
            Sidecar::read(file)?
        }
    };
    Ok(Unsealed::new(std::mem::take(&mut *sidecar.to_text())))
}

fn open(session: &Session<'_>, args: &SecretsFileArgs) -> Result<(Sidecar, PathBuf), Failure> {
    let (path, identities) = identities(session, args.identity.as_deref())?;
    let file = fs_err::File::open(&args.file).map_err(|source| io("open", &args.file, source))?;
    let sidecar = Sidecar::open(std::io::BufReader::new(file), &identities)?;
    if sidecar.bundle != args.bundle {
        let what = format!("`{}` is for the bundle `{}`", args.file.display(), sidecar.bundle);
        return Err(Failure::usage(what));
    }
    Ok((sidecar, path))
}

fn save(args: &SecretsFileArgs, sidecar: &Sidecar) -> Result<(), Failure> {
    let mut sealed = Vec::new();
    sidecar.seal(&mut sealed)?.map_err(|source| io("write", &args.file, source))?;
    key::replace(&args.file, &sealed)
}

/// The next serial: there is none above the last one.
fn raise(sidecar: &mut Sidecar) -> Result<(), Failure> {
    let next = sidecar.serial.checked_add(1);
    sidecar.serial = next.ok_or_else(|| Failure::usage("the sidecar has the highest serial there is"))?;
    Ok(())
}

fn recipients<'r>(texts: impl IntoIterator<Item = &'r String>) -> Result<Vec<String>, Failure> {
    let parsed = texts.into_iter().map(|it| Ok(it.parse::<Recipient>()?.to_string()));
    parsed.collect()
}

fn set(session: &Session<'_>, args: &SecretsSetArgs) -> Result<Exit, Failure> {
    let project = session.load_if_any()?;
    let known = project.map(|it| of(it, &args.file.bundle)).transpose()?;
    if let Some(known) = &known
        && !known.targets.values().contains_key(&args.name)
    {
        return Err(unknown(&known.targets, &args.name));
    }
    let mut sidecar = if fs_err::symlink_metadata(&args.file.file).is_ok() {
        let sidecar = open(session, &args.file)?.0;
        if args.host.as_ref().is_some_and(|host| *host != sidecar.host) {
            let what = format!("the sidecar is for the host `{}`", sidecar.host);
            return Err(Failure::usage(what).help("another host gets a file of its own"));
        }
        sidecar
    } else {
        let host = args.host.clone().or_else(|| known.as_ref()?.host.clone());
        let host = host
            .ok_or_else(|| Failure::usage("the new sidecar is for no host").help("name one with `--host`"))?;
        Sidecar::new(&args.file.bundle, &host)
    };
    sidecar.recipients.extend(recipients(args.recipients.iter())?);
    if let Some(project) = project {
        sidecar.recipients.extend(recipients(project.settings.recipients.iter())?);
    }
    let value = value(args)?;
    if value.bytes().ends_with(b"\n") {
        session.ui.note("the value ends with the end of a line, which is part of it");
    }
    sidecar.values.insert(args.name.clone(), value);
    raise(&mut sidecar)?;
    save(&args.file, &sidecar)?;
    session.ui.note(format!(
        "sealed `{}` in {} (serial {})",
        args.name,
        args.file.file.display(),
        sidecar.serial
    ));
    Ok(Exit::Ok)
}

fn unknown(targets: &SecretTargets, name: &str) -> Failure {
    let names: Vec<String> = targets.values().into_keys().collect();
    let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Failure::usage(format!("`bundle.{}` has no secret `{name}`", targets.bundle))
        .help(format!("it has {known}; a secret is declared as `[secret.NAME]` and listed in `secrets`"))
}

/// The value: from a file, from the terminal without showing it, or from stdin.
fn value(args: &SecretsSetArgs) -> Result<Value, Failure> {
    let read = |name: &Path, from: &mut dyn Read| {
        Value::read(from).map_err(|source| io("read", name, source).into())
    };
    if let Some(path) = &args.from {
        let mut file = fs_err::File::open(path).map_err(|source| io("open", path, source))?;
        return read(path, &mut file);
    }
    if std::io::stdin().is_terminal() {
        let typed = passphrase::ask(&format!("value of `{}`: ", args.name));
        let typed = typed.ok_or_else(|| Failure::usage("no value was typed"))?;
        return Ok(Value::new(typed.into_bytes()));
    }
    read(Path::new("stdin"), &mut std::io::stdin().lock())
}

fn remove(session: &Session<'_>, args: &SecretsRemoveArgs) -> Result<Exit, Failure> {
    let (mut sidecar, _) = open(session, &args.file)?;
    if sidecar.values.remove(&args.name).is_none() {
        return Err(Failure::usage(format!("there is no value `{}`", args.name)));
    }
    raise(&mut sidecar)?;
    save(&args.file, &sidecar)?;
    session.ui.note(format!("removed `{}` (serial {})", args.name, sidecar.serial));
    Ok(Exit::Ok)
}

/// The key of fingerprints, which lies beside the identity and is made where it is missing.
fn fingerprint_key(identity: &Path) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let mut path = identity.as_os_str().to_owned();
    path.push(".fingerprints");
    let path = PathBuf::from(path);
    match fs_err::read(&path) {
        Ok(bytes) => {
            let bytes = Zeroizing::new(bytes);
            let key: Result<[u8; 32], _> = bytes.as_slice().try_into();
            let what = || Failure::usage(format!("`{}` is no key of fingerprints", path.display()));
            key.map(Zeroizing::new).map_err(|_| what().help("move it away; a new one is made"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let made = Zeroizing::new(key::random()?);
            key::write_new(&path, &*made, 0o600)?;
            Ok(made)
        }
        Err(source) => Err(io("read", &path, source).into()),
    }
}

fn list(session: &Session<'_>, args: &SecretsFileArgs) -> Result<Exit, Failure> {
    let (sidecar, identity) = open(session, args)?;
    let key = fingerprint_key(&identity)?;
    let print = |name: &str, value: &Value| value.fingerprint(&key, name).hex()[..16].to_owned();
    let shown: Vec<(&String, String)> =
        sidecar.values.iter().map(|(name, value)| (name, print(name, value))).collect();
    if session.ui.json {
        let values: Vec<_> = shown
            .iter()
            .map(|(name, print)| serde_json::json!({ "name": name, "fingerprint": print }))
            .collect();
        session.ui.data(serde_json::json!({
            "schema": 1,
            "bundle": sidecar.bundle,
            "host": sidecar.host,
            "serial": sidecar.serial,
            "recipients": sidecar.recipients,
            "values": values,
        }));
        return Ok(Exit::Ok);
    }
    for (name, print) in &shown {
        session.ui.data(format!("{print}  {name}"));
    }
    session.ui.note(format!(
        "{} values for `{}`, serial {}, {} recipients",
        shown.len(),
        sidecar.host,
        sidecar.serial,
        sidecar.recipients.len()
    ));
    Ok(Exit::Ok)
}

fn rotate(session: &Session<'_>, args: &SecretsRotateArgs) -> Result<Exit, Failure> {
    let (mut sidecar, _) = open(session, &args.file)?;
    let project = session.load_if_any()?;
    let own = project.map(|it| it.settings.recipients.as_slice()).unwrap_or_default();
    // What is sealed stays the same, and so does the serial: a host that took it has nothing to do.
    sidecar.recipients = recipients(own.iter().chain(&args.recipients))?.into_iter().collect();
    save(&args.file, &sidecar)?;
    session.ui.note(format!("sealed for {} recipients", sidecar.recipients.len()));
    session.ui.note("who could open it before has its values still: set new ones where that matters");
    Ok(Exit::Ok)
}

fn check(session: &Session<'_>, args: &SecretsFileArgs) -> Result<Exit, Failure> {
    let targets = of(session.load()?, &args.bundle)?.targets;
    let (sidecar, _) = open(session, args)?;
    let wanted = targets.values();
    let missing = wanted.iter().filter(|(name, spared)| !**spared && !sidecar.values.contains_key(*name));
    let missing: Vec<&String> = missing.map(|(name, _)| name).collect();
    let needless: Vec<&String> = sidecar.values.keys().filter(|it| !wanted.contains_key(*it)).collect();
    if session.ui.json {
        session.ui.data(serde_json::json!({ "schema": 1, "missing": missing, "unknown": needless }));
    }
    if missing.is_empty() && needless.is_empty() {
        session.ui.note(format!("every secret of `bundle.{}` has a value", targets.bundle));
        return Ok(Exit::Ok);
    }
    let told = |what: &str, names: &[&String]| {
        let names: Vec<&str> = names.iter().map(|it| it.as_str()).collect();
        if names.is_empty() { None } else { Some(format!("{what}: {}", names.join(", "))) }
    };
    let told = [told("no value for", &missing), told("no secret for", &needless)];
    let told: Vec<String> = told.into_iter().flatten().collect();
    Err(Failure {
        code: "E1207",
        message: format!("the sidecar does not fit `bundle.{}`: {}", targets.bundle, told.join("; ")),
        help: Some("`gabion secrets set` gives a value, `gabion secrets remove` takes one out".to_owned()),
        exit: Exit::Failure,
        diagnostics: None,
    })
}

fn new_key(session: &Session<'_>, args: &SecretsKeyNewArgs) -> Result<Exit, Failure> {
    if fs_err::symlink_metadata(&args.output).is_ok() {
        return Err(key::exists(&args.output));
    }
    let identity = Identity::generate();
    key::write_new(&args.output, identity.to_text().as_bytes(), 0o600)?;
    fingerprint_key(&args.output)?;
    let recipient = identity.recipient().to_string();
    if session.ui.json {
        session.ui.data(serde_json::json!({ "schema": 1, "recipient": recipient }));
    } else {
        session.ui.data(recipient);
    }
    Ok(Exit::Ok)
}
