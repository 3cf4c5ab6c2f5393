//! The claims.

mod denied;
mod program;
mod walls;
mod worker;

use crate::harness::Claim;

macro_rules! claims {
    ($($module:ident: $($name:ident)*;)*) => {
        vec![$($((stringify!($name), $module::$name as fn())),*),*]
    };
}

pub(crate) fn all() -> Vec<Claim> {
    claims! {
        worker:
            input_goes_in_and_output_comes_out
            output_streams_while_the_worker_runs
            a_refusal_and_a_panic_come_back_in_words
            a_worker_that_is_not_known_says_so
            what_a_worker_leaves_behind_dies_with_it
            chown_to_a_mapped_id_works_and_is_seen_from_inside
            a_capability_of_a_file_is_the_same_bytes_for_root_and_users;
        program:
            a_status_and_a_signal_are_told_apart
            what_takes_too_long_is_ended_with_everything_below
            a_daemon_left_behind_dies_with_the_step
            a_step_dies_with_its_parent
            the_callers_umask_environment_and_descriptors_do_not_reach_the_program
            a_program_counts_one_processor_where_asked
            a_program_that_need_not_sync_does_not
            a_long_log_keeps_its_end_and_says_so
            a_log_in_a_file_holds_both_streams_in_order
            many_runs_at_once_do_not_meet;
        walls:
            the_host_name_the_network_and_other_processes_are_not_seen
            the_first_process_cannot_be_killed_from_inside
            only_declared_inputs_are_seen
            a_write_outside_of_the_output_is_refused
            what_has_broken_out_of_sandboxes_is_refused
            root_of_a_worker_cannot_reach_the_machine
            a_tree_keeps_nothing_and_leads_nowhere
            each_mistake_has_its_own_name;
        denied:
            where_user_namespaces_are_denied_the_refusal_says_what_to_enable
            the_best_effort_reads_what_is_declared_and_is_never_cached
            off_walls_nothing_in_and_says_so
            a_probe_says_what_works_here_and_what_to_enable
            without_namespaces_there_is_no_other_root
            a_sandbox_within_a_sandbox_is_refused_in_words
            a_user_without_a_range_is_told_the_command
            what_maps_ids_must_have_the_right_to
            root_without_the_right_to_mount_maps_each_id_to_itself;
    }
}
