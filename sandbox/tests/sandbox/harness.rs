//! Runs claims one by one, then all of them again as a user who is not root.

use gabion_testkit::has;
use std::panic::catch_unwind;
use std::process::{Command, ExitCode};

/// A claim and what proves it.
pub(crate) type Claim = (&'static str, fn());

/// Says that this process is the second round.
const SECOND: &str = "GABION_SANDBOX_TEST_AS_NOBODY";
/// The user of the second round, and the ranges that it gets.
const NOBODY: &str = "65534";
const RANGES: &str = "nobody:200000:65536\n";

pub(crate) fn main(claims: &[Claim], words: &[String]) -> ExitCode {
    let filter = words.iter().find(|it| !it.starts_with('-')).cloned().unwrap_or_default();
    let chosen: Vec<&Claim> = claims.iter().filter(|(name, _)| name.contains(&filter)).collect();
    let who = if rustix::process::geteuid().is_root() { "root" } else { "a user" };
    let mut failed = chosen.iter().filter(|(name, proof)| !prove(name, who, *proof)).count();
    if rustix::process::geteuid().is_root() && std::env::var_os(SECOND).is_none() {
        failed += usize::from(!again_as_nobody(&filter));
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stderr, reason = "what a harness of tests is for")]
fn prove(name: &str, who: &str, proof: fn()) -> bool {
    let held = catch_unwind(proof).is_ok();
    eprintln!("as {who}: {name} ... {}", if held { "ok" } else { "FAILED" });
    held
}

/// In a mount namespace where `nobody` has subordinate ids: the machine's own files are left alone.
fn again_as_nobody(filter: &str) -> bool {
    if !has(&["unshare", "setpriv", "newuidmap", "newgidmap", "busybox"]) {
        return true;
    }
    let folder = tempfile::Builder::new().permissions(mode(0o755)).tempdir_in("/tmp").unwrap();
    let (program, ranges) = (folder.path().join("test"), folder.path().join("ranges"));
    fs_err::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs_err::write(&ranges, RANGES).unwrap();
    let script = "mount --bind $0 /etc/subuid && mount --bind $0 /etc/subgid && exec setpriv --reuid $2 --regid $2 \
                  --clear-groups $1 $3";
    let status = Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .args([&ranges, &program])
        .args([NOBODY, filter])
        .env(SECOND, "1")
        .current_dir(folder.path())
        .status();
    status.unwrap().success()
}

pub(crate) fn mode(bits: u32) -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(bits)
}
