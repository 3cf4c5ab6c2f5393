//! `key new|show|sign-root`, and how every command finds its key.

use super::args::{KeyCommand, KeyNewArgs, KeyShowArgs, KeySignRootArgs};
use super::failure::Failure;
use super::passphrase;
use super::trust::read_text;
use super::ui::Ui;
use crate::exit::Exit;
use crate::file;
use gabion_bundle::{BundleError, KeyInfo, Secret, SigningKey, TrustRoot, public_path, sign_root};
use std::io::Read;
use std::path::{Path, PathBuf};

pub(super) fn run(ui: &Ui, command: &KeyCommand) -> Result<Exit, Failure> {
    match command {
        KeyCommand::New(args) => new(ui, args),
        KeyCommand::Show(args) => show(ui, args),
        KeyCommand::SignRoot(args) => sign(ui, args),
    }
}

/// The socket of the ssh-agent.
fn agent() -> Option<PathBuf> {
    std::env::var_os("SSH_AUTH_SOCK").filter(|it| !it.is_empty()).map(PathBuf::from)
}

/// Loads the signing key `name`: a private key file, the public file of a key that the agent holds, or
/// `agent:SHA256:…`.
pub(super) fn load(name: &Path) -> Result<SigningKey, Failure> {
    let from_file = passphrase::from_file()?;
    let question = format!("passphrase of `{}`: ", name.display());
    let mut given = || from_file.clone().or_else(|| passphrase::ask(&question));
    Ok(SigningKey::load(name, agent().as_deref(), &mut given)?)
}

/// What the key `name` is, without asking for anything.
pub(super) fn info(name: &Path) -> Result<KeyInfo, Failure> {
    Ok(KeyInfo::load(name, agent().as_deref())?)
}

pub(super) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    let read = fs_err::File::open("/dev/urandom").and_then(|mut it| it.read_exact(&mut bytes));
    read.map_err(|error| Failure::usage(format!("no randomness: {error}")))?;
    Ok(bytes)
}

fn new(ui: &Ui, args: &KeyNewArgs) -> Result<Exit, Failure> {
    let public_path = public_path(&args.path);
    for path in [&args.path, &public_path].into_iter().chain(&args.trust) {
        if fs_err::symlink_metadata(path).is_ok() {
            return Err(exists(path));
        }
    }
    let passphrase = new_passphrase(args.no_passphrase)?;
    let key = SigningKey::from_seed(&random()?, &args.comment);
    let public = key.public_line()? + "\n";
    let salted = passphrase.as_deref().map(|it| Ok::<_, Failure>((it, random()?))).transpose()?;
    write_new(&args.path, key.to_openssh(salted)?.as_bytes(), 0o600)?;
    write_new(&public_path, public.as_bytes(), 0o644)?;
    if let Some(trust) = &args.trust {
        write_new(trust, TrustRoot::single(&public)?.to_text().as_bytes(), 0o644)?;
    }
    if ui.json {
        ui.data(serde_json::json!({
            "schema": 1,
            "fingerprint": key.fingerprint(),
            "public": public.trim_end(),
            "encrypted": passphrase.is_some(),
        }));
    } else {
        ui.data(key.fingerprint());
    }
    if passphrase.is_none() {
        ui.warning("the key has no passphrase: whoever reads the file can sign");
    }
    Ok(Exit::Ok)
}

/// The passphrase of a new key: never none by accident.
fn new_passphrase(none: bool) -> Result<Option<String>, Failure> {
    if none {
        return Ok(None);
    }
    let given = match passphrase::from_file()? {
        Some(given) => Some(given).filter(|it| !it.is_empty()),
        None => passphrase::ask_new(),
    };
    given.map(Some).ok_or_else(|| {
        Failure::usage("no passphrase was given for the new key, or two different ones")
            .help("type it on a terminal, put it into the file that `$GABION_PASSPHRASE_FILE` names,\nor say `--no-passphrase`")
    })
}

fn show(ui: &Ui, args: &KeyShowArgs) -> Result<Exit, Failure> {
    let info = KeyInfo::load(&args.key, agent().as_deref())?;
    let secret = match info.secret {
        Secret::Plain => "plain",
        Secret::Encrypted => "encrypted",
        Secret::Agent => "agent",
        Secret::Elsewhere => "elsewhere",
    };
    if ui.json {
        ui.data(serde_json::json!({
            "schema": 1,
            "fingerprint": info.fingerprint,
            "public": info.public,
            "secret": secret,
        }));
    } else {
        ui.data(format!(
            "fingerprint  {}\npublic       {}\nsecret       {secret}",
            info.fingerprint, info.public
        ));
    }
    Ok(Exit::Ok)
}

fn sign(ui: &Ui, args: &KeySignRootArgs) -> Result<Exit, Failure> {
    let root = read_text(&args.root)?;
    let mut path = args.root.as_os_str().to_owned();
    path.push(".sig");
    let path = PathBuf::from(path);
    let before = if path.exists() { read_text(&path)? } else { String::new() };
    let key = load(&args.key)?;
    let signed = sign_root(&root, &before, &key)?;
    replace(&path, signed.as_bytes())?;
    if ui.json {
        ui.data(serde_json::json!({ "schema": 1, "signature": path, "signer": key.fingerprint() }));
    } else {
        ui.note(format!("signed by {}", key.fingerprint()));
    }
    Ok(Exit::Ok)
}

pub(super) fn exists(path: &Path) -> Failure {
    let source = std::io::ErrorKind::AlreadyExists.into();
    let error = BundleError::Io { operation: "create", path: path.to_owned(), source };
    Failure::from(error).help("gabion never writes over a key; name another file")
}

/// Writes a file that must not exist yet.
pub(super) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let failed = |source| BundleError::Io { operation: "create", path: path.to_owned(), source };
    Ok(file::write_new(path, bytes, mode).map_err(failed)?)
}

/// Writes a file whole, in the place of what is there.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |source| BundleError::Io { operation: "write", path: path.to_owned(), source };
    Ok(file::replace(path, bytes).map_err(failed)?)
}
