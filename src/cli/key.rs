//! `key new`.

use super::args::KeyNewArgs;
use super::failure::Failure;
use super::ui::Ui;
use crate::exit::Exit;
use gabion_bundle::{BundleError, SigningKey, TrustRoot};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

pub(super) fn new(ui: &Ui, args: &KeyNewArgs) -> Result<Exit, Failure> {
    let mut seed = [0; 32];
    let random = fs_err::File::open("/dev/urandom").and_then(|mut it| it.read_exact(&mut seed));
    random.map_err(|error| Failure::usage(format!("no randomness: {error}")))?;
    let key = SigningKey::from_seed(&seed, &args.comment);
    let public = key.public_line()? + "\n";
    write_new(&args.path, key.to_openssh()?.as_bytes(), 0o600)?;
    let mut public_path = args.path.clone().into_os_string();
    public_path.push(".pub");
    write_new(&PathBuf::from(public_path), public.as_bytes(), 0o644)?;
    if let Some(trust) = &args.trust {
        write_new(trust, TrustRoot::single(&public)?.to_text().as_bytes(), 0o644)?;
    }
    ui.data(key.fingerprint());
    ui.note("the key has no passphrase: `ssh-keygen -p -f KEY` gives it one");
    Ok(Exit::Ok)
}

/// Writes a file that must not exist yet.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    use fs_err::os::unix::fs::OpenOptionsExt;
    let mut options = fs_err::OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(mode).open(path);
    let written = opened.and_then(|mut file| file.write_all(bytes));
    written.map_err(|source| BundleError::Io { operation: "create", path: path.to_owned(), source }.into())
}
