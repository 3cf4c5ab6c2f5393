//! What an attacker, a failing medium and a failing machine do to bundles and hosts, and which test does it.
//!
//! Each case stands here once, so that none is lost with a test that somebody renames.

use crate::trust::{INSTALL, PROMOTE, RECIPES, STATE, json, promoters, world};
use crate::world::gabion;
use std::path::Path;
use std::process::Stdio;

/// Number, what is done, and the tests that do it: file and function.
type Case = (u32, &'static str, &'static [(&'static str, &'static str)]);

const SIGNATURES: &str = "bundle/tests/bundle/signatures.rs";
const CONTENT: &str = "bundle/tests/bundle/content.rs";
const SHAPE: &str = "bundle/tests/bundle/shape.rs";
const PROMOTION: &str = "bundle/tests/bundle/promotion.rs";
const ROTATION: &str = "bundle/tests/bundle/rotation.rs";
const FOREIGN: &str = "bundle/tests/bundle/foreign.rs";
const CUT: &str = "host/src/live/tests/cut.rs";
const APPLY: &str = "host/src/live/tests/apply.rs";
const SPOOL: &str = "host/src/spool/tests.rs";
const FAULTS: &str = "store/tests/faults/main.rs";
const TRUST: &str = "tests/e2e/trust.rs";
const SCAN: &str = "src/leak/scan.rs";

/// Who signed what.
#[rustfmt::skip]
const WHO: &[Case] = &[
    (1, "any byte of the tables and signatures flipped", &[(CONTENT, "flipping_any_byte_is_noticed"), ("bundle/tests/bundle/opened.rs", "a_flipped_byte_of_a_table_or_a_signature_does_not_open")]),
    (2, "a signature in another namespace", &[(SIGNATURES, "a_signature_for_another_purpose_is_refused_even_beside_a_good_one")]),
    (3, "a key that has no role", &[(SIGNATURES, "who_signed_decides")]),
    (4, "one signature of two", &[(SIGNATURES, "two_of_three_are_two_keys_and_not_two_signatures")]),
    (5, "the same key twice", &[(SIGNATURES, "two_of_three_are_two_keys_and_not_two_signatures")]),
    (6, "a release signed by a key for roots", &[(SIGNATURES, "a_key_counts_only_for_its_role")]),
    (7, "a new root that only itself signed", &[(ROTATION, "a_root_needs_enough_keys_of_the_old_and_of_the_new")]),
    (8, "a gap in the chain of roots, and an older root", &[(ROTATION, "a_gap_a_rollback_a_missing_signature_and_a_foreign_chain_are_refused"), (TRUST, "a_host_follows_the_chain_of_roots_and_never_goes_back")]),
    (9, "a lower serial", &[(PROMOTION, "nothing_older_than_the_floor_passes_and_a_serial_means_one_bundle"), (TRUST, "a_lower_serial_and_another_bundle_of_the_same_serial_are_refused"), ("tests/e2e/floor.rs", "what_an_operator_brought_to_a_host_is_the_least_that_goes_there_again")]),
    (10, "the same serial with another bundle", &[(PROMOTION, "nothing_older_than_the_floor_passes_and_a_serial_means_one_bundle"), (TRUST, "a_lower_serial_and_another_bundle_of_the_same_serial_are_refused"), ("tests/e2e/floor.rs", "what_an_operator_brought_to_a_host_is_the_least_that_goes_there_again")]),
    (11, "no signature, and no flag that makes it a warning", &[(SIGNATURES, "who_signed_decides"), ("tests/e2e/adversarial.rs", "no_word_of_the_command_line_leaves_a_signature_out")]),
    (12, "a `RELEASE` in another form", &[(CONTENT, "release_has_one_text")]),
    (13, "keys and signatures with a second spelling", &[(SIGNATURES, "a_key_whose_signatures_fit_everything_is_no_key"), (SIGNATURES, "a_second_spelling_of_a_good_signature_is_none")]),
    (14, "ours for ssh-keygen and sha256sum, theirs for us", &[(FOREIGN, "the_commands_that_travel_in_a_bundle_are_enough_to_check_it"), (FOREIGN, "releases_and_promotions_that_ssh_keygen_signed_are_accepted"), (FOREIGN, "promotions_of_ours_are_good_for_ssh_keygen")]),
];

/// What a bundle holds.
#[rustfmt::skip]
const WHAT: &[Case] = &[
    (15, "a member that no table names", &[(SHAPE, "a_member_that_no_table_names_is_refused_wherever_it_stands")]),
    (16, "a member that is missing", &[(SHAPE, "a_member_that_is_missing_or_in_another_place_is_refused")]),
    (17, "another size than the declared one", &[(SHAPE, "a_size_that_is_not_the_declared_one_is_found_before_the_content_is_read")]),
    (18, "a medium that changes after it was verified", &[(CONTENT, "a_medium_that_changes_after_verification_is_noticed_at_use"), (CONTENT, "what_is_extracted_from_a_medium_that_changes_is_not_there_at_all")]),
    (19, "a symlink in the place of a member", &[(SHAPE, "links_devices_pipes_and_folders_stand_for_no_member")]),
    (20, "a hard link in the place of a member", &[(SHAPE, "links_devices_pipes_and_folders_stand_for_no_member")]),
    (21, "a pipe or a device", &[(SHAPE, "links_devices_pipes_and_folders_stand_for_no_member"), (SHAPE, "a_pipe_a_device_and_a_folder_in_the_place_of_a_bundle_hang_nobody")]),
    (22, "a medium that ends or fails in the middle", &[(CONTENT, "a_cut_or_longer_file_is_refused"), (SHAPE, "a_medium_that_fails_in_the_middle_is_told_with_the_place")]),
    (23, "paths that differ by case alone", &[(SHAPE, "paths_that_some_file_systems_take_for_one_cannot_stand_together"), (CONTENT, "release_has_one_text")]),
    (24, "a bundle for another host or architecture", &[(TRUST, "a_host_takes_only_what_is_promoted_for_it_and_remembers_the_serial"), (TRUST, "a_bundle_does_not_say_which_host_this_is"), (APPLY, "a_bundle_for_machines_of_another_kind_is_refused_before_anything_is_begun")]),
];

/// The machine.
#[rustfmt::skip]
const WHERE: &[Case] = &[
    (67, "killed before any change, and a naive writer that is caught", &[(CUT, "a_cut_at_any_step_of_a_change_ends_in_the_new_generation"), (CUT, "a_cut_at_any_step_of_the_way_back_ends_in_the_old_generation"), (CUT, "a_host_without_a_journal_is_caught_by_the_sweep"), ("host/src/apply/tests.rs", "a_cut_at_any_step_leaves_nothing_behind_for_another_bundle"), (SPOOL, "the_power_may_fail_before_any_change"), (FAULTS, "killed_at_any_write_the_store_is_whole_and_the_next_run_succeeds"), (FAULTS, "four_processes_that_are_killed_at_random_leave_a_whole_store")]),
    (68, "what a crash may leave of writes that were not synced", &[(FAULTS, "data_is_synced_before_its_name_and_names_before_records")]),
    (69, "a full disk at any write, a failing one, a read-only one, nobody who reads", &[(CUT, "a_full_disk_at_any_write_leaves_the_old_generation_or_the_new_one"), (SPOOL, "a_disk_that_is_full_in_the_middle_keeps_what_came"), (FAULTS, "a_disk_that_fails_or_is_full_costs_the_run_and_nothing_else"), ("store/tests/store/refusals.rs", "a_read_only_store_that_is_complete_can_be_used"), ("tests/e2e/adversarial.rs", "nobody_who_reads_stops_an_install_in_the_middle")]),
    (70, "two changes at once, and a garbage collection beside a build", &[(APPLY, "two_who_change_a_host_at_once_are_one_and_one_who_waits"), (FAULTS, "leases_hold_against_garbage_collection_that_never_waits")]),
    (71, "a generation that does not get healthy, and the floor", &[(APPLY, "what_does_not_get_healthy_goes_back_by_itself"), ("tests/e2e/hands.rs", "a_run_that_is_cut_has_raised_the_floor_and_the_same_bundle_goes_on")]),
    (72, "planted secrets, however they are packed", &[(SCAN, "a_key_is_found_however_it_is_packed"), (SCAN, "a_key_is_found_where_windows_meet_and_behind_damage")]),
];

#[test]
fn every_case_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut last = 0;
    for (number, what, tests) in WHO.iter().chain(WHAT).chain(WHERE) {
        assert!(*number > last && !tests.is_empty(), "{number}: {what}");
        last = *number;
        for (file, test) in *tests {
            let text = fs_err::read_to_string(root.join(file)).unwrap();
            assert!(
                text.contains(&format!("fn {test}()")) || text.contains(&format!("(\"{test}\", ")),
                "{number}, {what}: `{file}` has no `{test}`"
            );
        }
    }
    assert_eq!((WHO.len(), WHAT.len(), WHERE.len()), (14, 10, 6));
}

#[test]
fn no_word_of_the_command_line_leaves_a_signature_out() {
    let world = world(RECIPES);
    for of in ["bundle verify", "bundle extract", "host install", "host apply", "host plan", "host push"] {
        let help = world.ok(&format!("{of} --help")).to_lowercase();
        for word in
            ["--insecure", "--no-verify", "--skip", "--force", "--unsigned", "--ignore", "--allow-unsigned"]
        {
            assert!(!help.contains(word), "`gabion {of}` has `{word}`");
        }
    }
}

/// Starts the program with both outputs closed to whoever would read them.
fn unread(folder: &Path, arguments: &str) -> Option<i32> {
    let mut command = gabion(folder);
    command.args(arguments.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    child.wait().unwrap().code()
}

#[test]
fn nobody_who_reads_stops_an_install_in_the_middle() {
    let world = world(RECIPES);
    promoters(&world);
    world.ok(&format!("{PROMOTE} --serial 5 --host prod"));
    assert_eq!(unread(world.folder.path(), &format!("{INSTALL} --host prod")), Some(0));
    let state = json(&fs_err::read_to_string(world.path(STATE)).unwrap());
    assert_eq!(state["bundles"]["b"]["serial"], 5);
    // All of it is there: a second run has nothing to write.
    let again = json(&world.ok(&format!("{INSTALL} --json")));
    assert_eq!((&again["written"], &again["replaced"]), (&json("[]"), &json("[]")));
    // Who reads nothing of a failure is told by the code.
    assert_eq!(unread(world.folder.path(), &format!("{INSTALL} --host other")), Some(6));
}
