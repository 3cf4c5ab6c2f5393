//! Programs of others, without the configuration of whoever runs the tests.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// A program with an environment of its own: `PATH`, and a locale in which bytes are UTF-8.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env_clear().env("PATH", path()).env("LC_ALL", "C.UTF-8");
    command
}

/// Where programs are looked for: `PATH`, and the folders of the superuser, which Debian keeps out of everybody else's.
pub(crate) fn path() -> OsString {
    let own = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&own).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    std::env::join_paths(folders).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a command that must succeed; gives what it prints. What it says otherwise stands in the panic.
#[track_caller]
pub fn run(command: &mut Command) -> Vec<u8> {
    let out = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(out.status.success(), "{command:?}: {}: {}", out.status, String::from_utf8_lossy(&out.stderr));
    out.stdout
}

/// The same for what is text.
#[track_caller]
pub fn text(command: &mut Command) -> String {
    String::from_utf8(run(command)).unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_sees_no_variable_of_ours() {
        let seen = text(&mut program("env"));
        let mut names: Vec<&str> = seen.lines().filter_map(|line| line.split('=').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["LC_ALL", "PATH"]);
    }

    #[test]
    fn a_failure_names_the_program_and_what_it_said() {
        let failure = std::panic::catch_unwind(|| run(program("sh").args(["-c", "echo broken >&2; exit 3"])));
        let said = failure.unwrap_err().downcast::<String>().unwrap();
        assert!(said.contains("\"sh\"") && said.contains("broken") && said.contains('3'), "{said}");
    }
}
