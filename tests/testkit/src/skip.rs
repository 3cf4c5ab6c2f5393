//! What is not here: said, and a failure where nothing may be missing.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Whether all of `programs` lie in `PATH`; says which does not, and fails for it where `CI` is set.
#[track_caller]
pub fn has(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|name| !is_in_path(name));
    if let Some(name) = missing {
        skip(&format!("`{name}` is not installed"));
    }
    missing.is_none()
}

/// Says why a test or a part of it does not run here; a failure where `CI` is set.
#[track_caller]
pub fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{why}");
    skip_also_in_ci(why);
}

/// The same for what no package brings: a kernel that does not let this user do something.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn skip_also_in_ci(why: &str) {
    eprintln!("skipped: {why}");
}

fn is_in_path(name: &str) -> bool {
    let is_program =
        |path: &Path| path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0);
    std::env::split_paths(&crate::program::path()).any(|folder| is_program(&folder.join(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_its_name_alone() {
        assert!(has(&["sh", "env"]) && has(&[]));
        assert!(!is_in_path("a-program-that-nobody-wrote") && !is_in_path("."));
    }
}
