//! What a run promises of the program itself: how it ends, what it says, and what it inherits.

use crate::fixture::{inputs, said};
use crate::helpers;
use gabion_sandbox::{End, Log, run};
use std::io::{Read, Seek};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// A device cannot be synced, so whoever is told that it was did not ask the kernel.
pub(super) fn a_program_that_need_not_sync_does_not() {
    let log = |no_sync| {
        let mut inputs = inputs("sync /dev/null; sync -d /dev/null; sync");
        inputs.spec.no_sync = no_sync;
        let outcome = run(&inputs.spec).unwrap();
        assert!(outcome.success() && outcome.tier.may_be_cached());
        String::from_utf8(outcome.log).unwrap()
    };
    assert_eq!(log(false).matches("nvalid argument").count(), 2, "{}", log(false));
    assert!(!log(true).contains("nvalid argument"), "{}", log(true));
}

pub(super) fn a_status_and_a_signal_are_told_apart() {
    assert_eq!(said("exit 3").0.end, End::Exited(3));
    assert_eq!(said("kill -9 $$").0.end, End::Signalled(9));
    let fine = said("true").0;
    assert!(fine.success() && fine.tier.may_be_cached());
}

pub(super) fn what_takes_too_long_is_ended_with_everything_below() {
    let mut inputs = inputs("(sleep 2; touch /out/late) & (sleep 2; touch /out/late)");
    inputs.spec.time_out = Some(Duration::from_millis(300));
    let begun = Instant::now();
    assert_eq!(run(&inputs.spec).unwrap().end, End::TimedOut);
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    std::thread::sleep(Duration::from_secs(2));
    assert!(!inputs.folder.path().join("out/late").exists());
}

pub(super) fn a_daemon_left_behind_dies_with_the_step() {
    let inputs = inputs("setsid sh -c '(trap \"\" TERM HUP; sleep 1; touch /out/late) & ' ; touch /out/done");
    assert!(run(&inputs.spec).unwrap().success());
    std::thread::sleep(Duration::from_millis(1500));
    let out = inputs.folder.path().join("out");
    assert!(out.join("done").exists() && !out.join("late").exists());
}

pub(super) fn a_step_dies_with_its_parent() {
    let folder = crate::fixture::folder();
    let mut parent = helpers::command(&[], "late", folder.path()).spawn().unwrap();
    let (begun, late) = (folder.path().join("etc/begun"), folder.path().join("etc/late"));
    let patience = Instant::now();
    while !begun.exists() {
        assert!(patience.elapsed() < Duration::from_secs(20), "the step never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert!(!late.exists());
}

pub(super) fn the_callers_umask_environment_and_descriptors_do_not_reach_the_program() {
    let open = fs_err::File::open("/dev/zero").unwrap();
    rustix::io::fcntl_setfd(open.as_fd(), rustix::io::FdFlags::empty()).unwrap();
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let (outcome, log) = said(
        "umask; env; ls /proc/self/fd | tr '\\n' ' '; cat /proc/self/fd/0; pwd; \
                               grep -E 'Sig(Ign|Blk)|NoNewPrivs|Groups' /proc/self/status; true",
    );
    rustix::process::umask(before);
    assert!(outcome.success(), "{log}");
    let lines: Vec<&str> = log.lines().collect();
    // The shell adds `PWD` and `SHLVL`, and `ls` has the folder open that it lists.
    let words: Vec<&str> =
        lines.iter().map(|line| line.trim()).filter(|line| !line.starts_with("Groups")).collect();
    let expected = [
        "0022",
        "PATH=/bin",
        "PWD=/",
        "SHLVL=1",
        "0 1 2 3 /",
        "NoNewPrivs:\t1",
        "SigBlk:\t0000000000000000",
        "SigIgn:\t0000000000000000",
    ];
    let mut sorted = words.clone();
    sorted.sort_unstable();
    let mut wanted = expected.to_vec();
    wanted.sort_unstable();
    assert_eq!(sorted, wanted, "{log}");
}

pub(super) fn a_program_counts_one_processor_where_asked() {
    assert_eq!(said("nproc").1, "1\n");
    let mut all = inputs("nproc");
    all.spec.one_cpu = false;
    let processors = std::thread::available_parallelism().unwrap().get();
    assert_eq!(String::from_utf8(run(&all.spec).unwrap().log).unwrap(), format!("{processors}\n"));
}

pub(super) fn a_long_log_keeps_its_end_and_says_so() {
    let mut long = inputs("seq 1 100000");
    long.spec.log = Log::Keep(12);
    let outcome = run(&long.spec).unwrap();
    assert_eq!(String::from_utf8(outcome.log).unwrap(), "99999\n100000\n"[1..]);
    assert!(outcome.cut);
    assert!(!said("echo short").0.cut);
}

pub(super) fn a_log_in_a_file_holds_both_streams_in_order() {
    let mut inputs = inputs("echo one; echo two >&2; echo three");
    let mut file = tempfile::tempfile().unwrap();
    inputs.spec.log = Log::File(file.try_clone().unwrap());
    assert_eq!(run(&inputs.spec).unwrap().log, b"");
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "one\ntwo\nthree\n");
}

pub(super) fn many_runs_at_once_do_not_meet() {
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..16)
            .map(|number| scope.spawn(move || said(&format!("sleep 0.1; echo {number}; echo $$")).1))
            .collect();
        for (number, run) in runs.into_iter().enumerate() {
            assert_eq!(run.join().unwrap(), format!("{number}\n2\n"));
        }
    });
}
