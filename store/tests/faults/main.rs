//! Faults: killed at each system call that writes, refused by the disk, many processes at once.
//!
//! This stands beside the store and not in the program's tests because the store alone writes here, and a small
//! program has few system calls to count. It has a `main` of its own: the tests run this same program again under
//! `strace`, as [`work`], and nothing else in it may write. The folders are in memory, where a sync is free; what a
//! kill can do is the same there.

mod order;
mod storm;
mod strace;
mod work;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// A store to be broken.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

const TESTS: [(&str, fn()); 5] = [
    ("killed_at_any_write_the_store_is_whole_and_the_next_run_succeeds", strace::kill_everywhere),
    ("a_disk_that_fails_or_is_full_costs_the_run_and_nothing_else", strace::fail_everywhere),
    ("data_is_synced_before_its_name_and_names_before_records", order::check),
    ("four_processes_that_are_killed_at_random_leave_a_whole_store", storm::run),
    ("leases_hold_against_garbage_collection_that_never_waits", storm::leases),
];

#[expect(clippy::print_stdout, reason = "this is a test runner")]
fn main() -> ExitCode {
    if let Some(code) = work::asked() {
        return code;
    }
    let filters: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let chosen =
        |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let list = std::env::args().any(|it| it == "--list");
    for (name, test) in TESTS.iter().filter(|(name, _)| chosen(name)) {
        if list {
            println!("{name}: test");
            continue;
        }
        let began = Instant::now();
        test();
        println!("test {name} ... ok ({:.1} s)", began.elapsed().as_secs_f32());
    }
    ExitCode::SUCCESS
}
