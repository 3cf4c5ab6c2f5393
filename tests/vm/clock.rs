//! How long things take, said on stderr.

use std::time::Instant;

/// Does `work` and says how long it took.
#[expect(clippy::print_stderr, reason = "what takes minutes says how many")]
pub(crate) fn phase<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let done = work();
    eprintln!("phase: {name}: {:.0} s", begin.elapsed().as_secs_f64());
    done
}
