//! What a machine says no to, and what is said of it.

use crate::fixture::{folder, tree};
use crate::helpers;
use gabion_sandbox::{Policy, Tier};
use gabion_testkit::has;

/// What a helper answers that is root of a user namespace prepared by a script.
fn answer(prepare: &str, helper: &str) -> String {
    let folder = folder();
    tree(folder.path());
    let script = format!("{prepare} && exec \"$0\" \"$@\"");
    let prefix = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", &script];
    let output = helpers::command(&prefix, helper, folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub(super) fn where_user_namespaces_are_denied_the_refusal_says_what_to_enable() {
    if !has(&["unshare"]) {
        return;
    }
    assert_eq!(answer("true", "run"), "ended with status 0\n");
    let none = answer("echo 0 > /proc/sys/user/max_user_namespaces", "run");
    assert!(
        none.starts_with("E1410 this machine denies the sandbox: no more user namespaces are allowed\n"),
        "{none}"
    );
    assert!(none.contains("sysctl -w user.max_user_namespaces"), "{none}");
    let masked = answer("mount --bind /dev/null /proc/timer_list", "run");
    assert!(masked.starts_with("E1413") && masked.contains("systempaths=unconfined"), "{masked}");
}

/// Landlock and the filter hold without namespaces, and say less is held.
pub(super) fn the_best_effort_reads_what_is_declared_and_is_never_cached() {
    let folder = folder();
    tree(folder.path());
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" \"$@\"";
    let prefix = ["unshare", "--user", "--map-root-user", "sh", "-c", script];
    let output = helpers::command(&prefix, "best", folder.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let refused = ["cat: can't open '../secret': Permission denied", "touch: ../etc/new: Permission denied"];
    assert!(refused.iter().all(|line| said.contains(line)), "{said}");
    assert!(said.contains("Operation not permitted") && !said.contains("refused"), "{said}");
    assert!(said.starts_with("S1 ended with status 0\n") && said.ends_with("0022\n\nhere\n\n"), "{said}");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert!(!folder.path().join("out/late").exists());
    assert!(!Tier::S1.may_be_cached() && Tier::S2.may_be_cached());
}

pub(super) fn off_walls_nothing_in_and_says_so() {
    let folder = folder();
    tree(folder.path());
    let said = helpers::without_namespaces(folder.path(), Policy::Off).unwrap();
    assert!(said.starts_with("S0 ended with status 0\nnot declared"), "{said}");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert!(!folder.path().join("out/late").exists());
}

pub(super) fn a_probe_says_what_works_here_and_what_to_enable() {
    let here = gabion_sandbox::probe();
    assert!(here.is_enough(), "{here:?}");
    let denied = answer("echo 0 > /proc/sys/user/max_user_namespaces", "probe");
    assert!(denied.starts_with("S1 None [run E1410] [ids E14"), "{denied}");
}

pub(super) fn without_namespaces_there_is_no_other_root() {
    let mut inputs = crate::fixture::inputs("true");
    inputs.spec.policy = Policy::Off;
    let error = gabion_sandbox::run(&inputs.spec).unwrap_err();
    assert_eq!(error.code(), "E1408");
}

pub(super) fn a_sandbox_within_a_sandbox_is_refused_in_words() {
    let mut inputs = crate::fixture::inputs("");
    let program = std::env::current_exe().unwrap();
    let gabion_sandbox::Root::Inputs { binds, links, .. } = &mut inputs.spec.root else { return };
    binds.clear();
    binds.push(gabion_sandbox::Bind::new("/usr", "/usr"));
    binds.push(gabion_sandbox::Bind::new(program, "/test"));
    links.extend(["/lib", "/lib64"].map(|link| (link.into(), format!("usr{link}").into())));
    inputs.spec.program = "/test".into();
    inputs.spec.args = [helpers::FLAG, "run", "/tmp"].map(Into::into).into();
    let outcome = gabion_sandbox::run(&inputs.spec).unwrap();
    let said = String::from_utf8(outcome.log).unwrap();
    assert!(said.starts_with("E1411 ") && said.contains("outside of it"), "{said}");
}

/// What `nobody` finds after root has prepared a mount namespace; nothing where this is not root.
fn found_by_nobody(prepare: &str) -> Option<String> {
    if !rustix::process::geteuid().is_root() || !has(&["setpriv", "unshare", "newuidmap"]) {
        return None;
    }
    let folder = folder();
    fs_err::copy(std::env::current_exe().unwrap(), folder.path().join("test")).unwrap();
    let script = format!(
        "{prepare} && exec setpriv --reuid 65534 --regid 65534 --clear-groups ./test {} find /",
        helpers::FLAG
    );
    let mut command = gabion_testkit::program("unshare");
    command.args(["--mount", "sh", "-c", &script]).current_dir(folder.path());
    Some(gabion_testkit::text(&mut command))
}

pub(super) fn a_user_without_a_range_is_told_the_command() {
    let Some(said) = found_by_nobody("mount --bind /dev/null /etc/subuid") else { return };
    assert!(
        said.starts_with("E1414 this machine denies the sandbox: `nobody` has no line in `/etc/subuid`"),
        "{said}"
    );
    assert!(said.contains("--add-subuids 100000-165535 --add-subgids 100000-165535 nobody"), "{said}");
    let short = "echo nobody:200000:100 > ids && mount --bind ids /etc/subuid";
    let Some(said) = found_by_nobody(short) else { return };
    assert!(said.contains("`nobody` has only 100 ids in `/etc/subuid`, 65535 are needed"), "{said}");
}

pub(super) fn what_maps_ids_must_have_the_right_to() {
    let ranges =
        "echo nobody:200000:65536 > ids && mount --bind ids /etc/subuid && mount --bind ids /etc/subgid";
    let powerless = format!(
        "{ranges} && cp /usr/bin/newuidmap . && chmod 755 newuidmap && mount --bind newuidmap /usr/bin/newuidmap"
    );
    let Some(said) = found_by_nobody(&powerless) else { return };
    assert!(said.starts_with("E1417 this machine denies the sandbox: `newuidmap` refuses: "), "{said}");
    assert!(said.contains("set-user-ID"), "{said}");
}

/// Root of a container that may not mount, but may map ids.
pub(super) fn root_without_the_right_to_mount_maps_each_id_to_itself() {
    if !rustix::process::geteuid().is_root() || !has(&["setpriv"]) {
        return;
    }
    let prefix = ["setpriv", "--bounding-set", "-sys_admin"];
    let output = helpers::command(&prefix, "find", "/".as_ref()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "Same\n");
    let none = ["setpriv", "--bounding-set", "-sys_admin,-setuid"];
    let output = helpers::command(&none, "find", "/".as_ref()).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("E14"));
}
