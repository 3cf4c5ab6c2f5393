//! What a sandbox promises, as root and as nobody in particular.
//!
//! A harness of its own: a sandbox starts this program again, and [`gabion_sandbox::dispatch`] must come first.

mod claims;
mod fixture;
mod harness;
mod helpers;
mod workers;

fn main() -> std::process::ExitCode {
    gabion_sandbox::dispatch(&workers::ALL);
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [flag, name, argument] if flag == helpers::FLAG => helpers::main(name, argument.as_ref()),
        words => harness::main(&claims::all(), words),
    }
}
