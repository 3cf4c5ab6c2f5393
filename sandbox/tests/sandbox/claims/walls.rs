//! What a program cannot see, and cannot do.

use crate::fixture::{folder, inputs, said, shell, tree};
use gabion_sandbox::{Bind, End, Identity, Root, SandboxError, Spec, Step, run};
use std::os::unix::fs::symlink;
use std::path::Path;

pub(super) fn the_host_name_the_network_and_other_processes_are_not_seen() {
    let (outcome, log) =
        said("hostname; tail -n +3 /proc/net/dev | cut -d: -f1; cat /proc/net/route; echo /proc/[0-9]*");
    assert!(outcome.success(), "{log}");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!((lines[0], lines[1].trim()), ("localhost", "lo"));
    assert!(lines[2].starts_with("Iface") && lines.len() == 4, "{log}");
    // Itself, and the first process.
    assert_eq!(lines[3], "/proc/1 /proc/2");
}

pub(super) fn the_first_process_cannot_be_killed_from_inside() {
    let (outcome, log) = said("exec 2>/dev/null; kill -9 1; kill -STOP 1; echo alive; kill -9 -1; echo gone");
    assert_eq!((outcome.end, log.as_str()), (End::Exited(0), "alive\ngone\n"));
}

pub(super) fn only_declared_inputs_are_seen() {
    let (_, log) = said(
        "echo /* /in/* /out/* /usr/*; cat /proc/cpuinfo /proc/version /proc/cmdline; id -u; id -g; ls -A /dev",
    );
    assert_eq!(
        log,
        "/bin /build /dev /in /out /proc /run /tmp /usr /in/file /out/* /usr/bin\n1000\n100\nfd\nfull\nnull\nrandom\n\
         shm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n"
    );
}

pub(super) fn a_write_outside_of_the_output_is_refused() {
    let script = "cat /in/file > /out/copy; echo changed 2>/dev/null > /in/file; \
                  for place in /in /usr/bin / /usr /proc /proc/sys/kernel /out /tmp /run /build /dev; do \
                    touch $place/new 2>/dev/null && echo $place; done; true";
    let inputs = inputs(script);
    let folder = inputs.folder.path().to_owned();
    let outcome = run(&inputs.spec).unwrap();
    assert_eq!(outcome.end, End::Exited(0));
    assert_eq!(
        String::from_utf8(outcome.log)
            .unwrap()
            .lines()
            .filter(|line| !line.contains("denied")
                && !line.contains("nonexistent")
                && !line.contains("Read-only"))
            .collect::<Vec<_>>(),
        ["/out", "/tmp", "/run", "/build", "/dev"]
    );
    assert_eq!(fs_err::read(folder.join("out/copy")).unwrap(), b"declared");
    assert_eq!(fs_err::read(folder.join("in/file")).unwrap(), b"declared");
    assert!(!folder.join("in/new").exists());
}

pub(super) fn what_has_broken_out_of_sandboxes_is_refused() {
    let attempts = [
        ("chmod u+s /out/file", "set-user-ID"),
        ("chmod g+s /out/file", "set-group-ID"),
        ("mknod /out/node c 1 3", "a device"),
        ("mount -t tmpfs tmpfs /tmp", "mount"),
        ("umount /proc/sys", "umount"),
        ("unshare -U true", "a user namespace"),
        ("unshare -n true", "a network namespace"),
        ("chroot /tmp true", "chroot"),
        ("hostname other", "the host name"),
        ("ip link add type dummy", "an interface"),
        ("echo x > /proc/sys/kernel/hostname", "a setting of the kernel"),
        ("test -f /proc/sysrq-trigger", "sysrq"),
        ("dmesg", "the log of the kernel"),
        ("chown 33 /out/file", "another owner"),
    ];
    let script: String =
        attempts.map(|(attempt, name)| format!("({attempt}) >/dev/null 2>&1 && echo {name}\n")).concat();
    let (_, log) =
        said(&format!("touch /out/file\nchmod 755 /out/file || echo chmod is refused\n{script}true"));
    assert_eq!(log, "");
}

/// Root of a worker may do what configuring a system takes, and nothing that reaches the machine.
pub(super) fn root_of_a_worker_cannot_reach_the_machine() {
    let said = crate::claims::worker::work_in_a_tree("try");
    assert_eq!(said, "0\nended with status 0\n");
}

pub(super) fn a_tree_keeps_nothing_and_leads_nowhere() {
    let (folder, outside) = (folder(), folder());
    tree(folder.path());
    fs_err::remove_dir(folder.path().join("run")).unwrap();
    symlink(outside.path(), folder.path().join("run")).unwrap();
    let run_in_tree =
        |script| run(&shell(Root::Tree { path: folder.path().to_owned() }, Identity::Single, script));
    let refused = || {
        let error = run_in_tree("true").unwrap_err();
        assert!(
            matches!(&error, SandboxError::Setup { step: Step::Mount, place, .. } if place == "/run"),
            "{error:?}"
        );
        assert!(error.help().unwrap().contains("`run`"));
        fs_err::remove_file(folder.path().join("run")).unwrap();
    };
    refused();
    symlink("etc", folder.path().join("run")).unwrap();
    refused();
    fs_err::create_dir(folder.path().join("run")).unwrap();
    assert!(run_in_tree("touch /run/gone /tmp/gone /dev/gone; echo kept > /bin/kept").unwrap().success());
    let left = |name: &str| fs_err::read_dir(folder.path().join(name)).unwrap().count();
    assert_eq!(["proc", "dev", "tmp", "etc"].map(left), [0; 4]);
    assert_eq!(fs_err::read(folder.path().join("bin/kept")).unwrap(), b"kept\n");
    assert_eq!(fs_err::read_dir(outside.path()).unwrap().count(), 0);
}

pub(super) fn each_mistake_has_its_own_name() {
    let with = |change: fn(&mut Spec)| {
        let mut inputs = inputs("true");
        change(&mut inputs.spec);
        let error = run(&inputs.spec).unwrap_err();
        (error.code(), error.to_string())
    };
    let program = with(|spec| spec.program = "/bin/none".into());
    assert_eq!(program, ("E1402", "the sandbox could not start the program `/bin/none`".into()));
    let no_cwd = with(|spec| spec.cwd = "/none".into());
    assert_eq!(no_cwd.0, "E1402");
    let bind = with(|spec| add(spec, Bind::new("/nowhere/at/all", "/x")));
    assert_eq!(bind, ("E1402", "the sandbox could not bind `/nowhere/at/all`".into()));
    let below_read_only = with(|spec| add(spec, Bind::new("/tmp", "/in/below")));
    assert_eq!(below_read_only, ("E1402", "the sandbox could not bind `/in/below`".into()));
    let machine = shell(Root::Tree { path: "/".into() }, Identity::Single, "true");
    assert!(matches!(run(&machine), Err(SandboxError::Path { .. })));
    for path in ["relative", "/a/../b", "/"] {
        let mut inputs = inputs("true");
        add(&mut inputs.spec, Bind::new("/tmp", path));
        assert!(matches!(run(&inputs.spec), Err(SandboxError::Path { path: it }) if it == Path::new(path)));
    }
}

fn add(spec: &mut Spec, bind: Bind) {
    if let Root::Inputs { binds, .. } = &mut spec.root {
        binds.push(bind);
    }
}
