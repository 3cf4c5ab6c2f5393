//! The real gpg, with keys of its own.

use crate::{program, run, text};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// When keys are made.
const MADE: &str = "--faked-system-time=1700000000!";
/// When texts are signed.
const SIGNED: &str = "--faked-system-time=1700000100!";

/// A home of gpg, gone with its owner. Keys are made at 1 700 000 000 seconds and sign 100 seconds later.
#[derive(Debug)]
pub struct Gpg(TempDir);

impl Gpg {
    /// A home without a key.
    #[expect(clippy::new_without_default, reason = "a folder is made")]
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")))
    }

    /// The folder.
    pub fn home(&self) -> &Path {
        self.0.path()
    }

    /// gpg in this home; it asks nobody.
    pub fn command(&self) -> Command {
        let mut command = program("gpg");
        command.args(["--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]);
        command.env("GNUPGHOME", self.home());
        command
    }

    /// Makes a key as `--quick-gen-key` takes it; gives its fingerprint.
    pub fn key(&self, name: &str, kind: &str, usage: &str, life: &str) -> String {
        run(self.command().arg(MADE).args(["--quick-gen-key", name, kind, usage, life]));
        let keys = text(self.command().args(["--list-keys", "--with-colons", name]));
        let prints = keys.lines().filter_map(|row| row.strip_prefix("fpr:")).map(|row| row.trim_matches(':'));
        prints.map(str::to_owned).next().unwrap_or_else(|| panic!("no key of `{name}`: {keys}"))
    }

    /// Adds a subkey to a key, as `--quick-add-key` takes it.
    pub fn add_subkey(&self, key: &str, kind: &str, usage: &str, life: &str) {
        run(self.command().arg(MADE).args(["--quick-add-key", key, kind, usage, life]));
    }

    /// All public keys.
    pub fn export(&self, armored: bool) -> Vec<u8> {
        run(self.command().args(armored.then_some("--armor")).arg("--export"))
    }

    /// `words` signed in the clear by `key`, with `more` options.
    pub fn sign(&self, key: &str, words: &str, more: &[&str]) -> Vec<u8> {
        let file = self.home().join("text");
        fs_err::write(&file, words).unwrap_or_else(|error| panic!("{error}"));
        let mut command = self.command();
        command.arg(SIGNED).args(more).args(["--local-user", key, "--output", "-", "--clear-sign"]);
        run(command.arg(file))
    }
}
