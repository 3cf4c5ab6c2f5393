//! Accounts, before the programs of shadow and sudo.

use crate::{Installed, is_installed, is_root, layer, settings, text, write};
use gabion_harden::{HardenError, Layer};
use gabion_testkit::program;

#[test]
fn pwck_and_grpck_find_nothing() {
    if !is_installed() || !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write(&layer(&settings()), folder.path());
    // Homes and shells are not looked for where there is no system.
    for path in ["root", "nonexistent"] {
        fs_err::create_dir_all(folder.path().join(path)).unwrap();
    }
    for path in ["bin/bash", "usr/sbin/nologin"] {
        let path = folder.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, "").unwrap();
        gabion_testkit::run(program("chmod").arg("+x").arg(&path));
    }
    let check = |name: &str| program(name).args(["-r", "--root"]).arg(folder.path()).output().unwrap();
    for (name, file) in [("pwck", "passwd"), ("grpck", "group")] {
        let out = check(name);
        assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stdout));
        let file = folder.path().join("etc").join(file);
        let good = fs_err::read_to_string(&file).unwrap();
        fs_err::write(&file, good.clone() + "ops:x:1000\n").unwrap();
        assert!(!check(name).status.success(), "{name} takes anything");
        fs_err::write(&file, good).unwrap();
    }
}

#[test]
fn every_password_is_locked() {
    let layer = layer(&settings());
    let shadow = text(&layer, "/etc/shadow");
    assert_eq!(shadow, "root:!*:20280:0:99999:7:::\nnobody:*:20280:0:99999:7:::\nops:!:20780:0:99999:7:::\n");
    assert!(text(&layer, "/etc/passwd").ends_with("ops:x:1000:1000::/home/ops:/bin/bash\n"));
    assert!(text(&layer, "/etc/group").contains("adm:x:4:ops\n"));
    assert!(text(&layer, "/etc/gshadow").contains("adm:*::ops\n"));
    assert_eq!(text(&layer, "/etc/subuid"), "ops:100000:65536\n");
    let owner = |layer: &Layer, path: &str| match layer.nodes.get(&path.parse().unwrap()) {
        Some(gabion_harden::Node::File { mode, uid, gid, .. }) => (*mode, *uid, *gid),
        other => panic!("{path}: {other:?}"),
    };
    assert_eq!(owner(&layer, "/etc/shadow"), (0o640, 0, 42));
    assert_eq!(owner(&layer, "/home/ops/.ssh/authorized_keys"), (0o600, 1000, 1000));
}

#[test]
fn sudo_reads_the_rule_of_a_user() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("90-ops");
    fs_err::write(&file, text(&layer(&settings()), "/etc/sudoers.d/90-ops")).unwrap();
    gabion_testkit::run(program("visudo").arg("--check").arg("--file").arg(&file));
    fs_err::write(&file, "ops ALL=(ALL:ALL) NOPASSWRD: ALL\n").unwrap();
    assert!(!program("visudo").arg("-cf").arg(&file).output().unwrap().status.success());
}

#[test]
fn names_and_numbers_of_the_packages_are_theirs() {
    let taken = |name: &str, uid: i64| {
        let mut settings = settings();
        let mut user = settings.users.values().next().unwrap().clone();
        user.uid = uid.try_into().unwrap();
        user.groups = vec!["wheel".parse().unwrap()];
        settings.users = [(name.parse().unwrap(), user)].into();
        gabion_harden::layer(&settings, &Installed).unwrap_err()
    };
    let errors = taken("nobody", 1000);
    assert!(
        errors.contains(&HardenError::Taken { what: "nobody".to_owned(), file: "etc/passwd" }),
        "{errors:?}"
    );
    let group = HardenError::UnknownGroup { user: "nobody".to_owned(), group: "wheel".to_owned() };
    assert!(errors.contains(&group), "{errors:?}");
}
