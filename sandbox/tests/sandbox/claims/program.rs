//! What a run of a program promises.

use crate::fixture::{inputs, said};
use gabion_sandbox::{End, run};

pub(super) fn the_host_name_the_network_and_other_processes_are_not_seen() {
    let (outcome, log) = said(
        "hostname; ls /sys/class/net 2>/dev/null; cat /proc/net/dev | tail -n +3 | cut -d: -f1; \
                               cat /proc/net/route; echo /proc/[0-9]*",
    );
    assert!(outcome.success(), "{log}");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!((lines[0], lines[1].trim()), ("localhost", "lo"));
    assert!(lines[2].starts_with("Iface") && lines.len() == 4, "{log}");
    assert_eq!(lines[3], "/proc/1 /proc/2");
}

pub(super) fn a_write_outside_of_the_output_is_refused() {
    let script = "cat /in/file > /out/copy; for place in /in /usr/bin / /etc /out /tmp /build; do
                    touch $place/new 2>/dev/null && echo $place; done; true";
    let inputs = inputs(script);
    let out = inputs.folder.path().join("out");
    let outcome = run(inputs.spec).unwrap();
    assert_eq!(outcome.end, End::Exited(0));
    assert_eq!(String::from_utf8(outcome.log).unwrap(), "/out\n/tmp\n/build\n");
    assert_eq!(fs_err::read(out.join("copy")).unwrap(), b"declared");
    assert!(!inputs.folder.path().join("in/new").exists());
}
