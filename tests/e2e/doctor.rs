//! `doctor`: what it says of this machine, and of one that says no.

use gabion_testkit::{has, program, skip_also_in_ci};

/// `gabion doctor sandbox --json` as root of a user namespace that a script prepares.
fn doctor(prepare: &str) -> Option<(Option<i32>, serde_json::Value)> {
    let script = format!("{prepare} && exec {} doctor sandbox --json", env!("CARGO_BIN_EXE_gabion"));
    if !has(&["unshare"]) {
        return None;
    }
    let output =
        program("unshare").args(["--user", "--map-root-user", "sh", "-c", &script]).output().unwrap();
    if output.stdout.is_empty() {
        skip_also_in_ci("this kernel lets the user make no user namespace");
        return None;
    }
    Some((output.status.code(), serde_json::from_slice(&output.stdout).unwrap()))
}

#[test]
fn the_doctor_says_which_walls_hold_and_what_to_enable() {
    let Some((exit, report)) = doctor("true") else { return };
    assert!(["S2", "S3"].contains(&report["tier"].as_str().unwrap()), "{report}");
    // One id alone is mapped here: programs can run, but no root file system can be made.
    assert_eq!((exit, &report["enough"], &report["ids"]), (Some(1), &false.into(), &serde_json::Value::Null));
    let Some((exit, report)) = doctor("echo 0 > /proc/sys/user/max_user_namespaces") else { return };
    assert_eq!((exit, &report["enough"]), (Some(1), &false.into()));
    let run = &report["findings"][0];
    assert_eq!((run["what"].as_str(), run["code"].as_str()), (Some("run"), Some("E1410")));
    assert!(run["help"].as_str().unwrap().contains("user.max_user_namespaces"), "{run}");
}
