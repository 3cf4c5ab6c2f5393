//! A project, a store and an upstream of one's own.

use gabion_upstream::{Content, Upstream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) upstream: Upstream,
}

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub(crate) fn gabion(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gabion"));
    command.env_clear().current_dir(folder);
    command.env("GABION_STORE", folder.join(".store")).env("GABION_CONFIG", folder.join("config.toml"));
    command.env("GABION_STATE", folder.join(".state"));
    command
}

impl World {
    /// A project whose `gabion.toml` ends with `recipes`; `https://up.invalid` is the upstream.
    pub(crate) fn new(recipes: &str, files: &[(&str, &[u8])]) -> Self {
        let mut content = Content::default();
        for (path, bytes) in files {
            content.files.insert((*path).to_owned(), bytes.to_vec());
        }
        Self::serving(recipes, content)
    }

    /// The same with an upstream of `content`.
    pub(crate) fn serving(recipes: &str, content: Content) -> Self {
        let upstream = Upstream::start(content).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let toml = format!("[project]\nname = 'p'\nedition = '2026'\ndefault = 'bundle.b'\n{recipes}");
        fs_err::write(folder.path().join("gabion.toml"), toml).unwrap();
        let config = format!("[mirror]\n\"https://up.invalid\" = \"{}\"\n", upstream.url());
        fs_err::write(folder.path().join("config.toml"), config).unwrap();
        Self { folder, upstream }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run(&self, arguments: &str) -> Run {
        gabion(self.folder.path()).args(arguments.split_whitespace()).output().unwrap().into()
    }

    /// Runs and expects success; gives stdout.
    pub(crate) fn ok(&self, arguments: &str) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "gabion {arguments}: {}", run.stderr);
        run.stdout
    }
}
