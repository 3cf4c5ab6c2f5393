//! The claims.

mod program;
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
            chown_to_a_mapped_id_works_and_is_seen_from_inside;
        program:
            the_host_name_the_network_and_other_processes_are_not_seen
            a_write_outside_of_the_output_is_refused;
    }
}
