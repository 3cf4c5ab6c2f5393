//! The real git.

use crate::program;
use std::path::Path;
use std::process::Command;

/// git in `folder`, without anybody's configuration, by one author at one time.
pub fn git(folder: &Path) -> Command {
    let mut command = program("git");
    command.current_dir(folder).envs([
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ("GIT_AUTHOR_NAME", "a"),
        ("GIT_AUTHOR_EMAIL", "a@example.org"),
        ("GIT_AUTHOR_DATE", "1700000000 +0000"),
        ("GIT_COMMITTER_NAME", "c"),
        ("GIT_COMMITTER_EMAIL", "c@example.org"),
        ("GIT_COMMITTER_DATE", "1700000000 +0000"),
        ("GIT_TERMINAL_PROMPT", "0"),
    ]);
    command
}
