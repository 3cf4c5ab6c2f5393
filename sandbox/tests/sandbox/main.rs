//! What a sandbox promises, as root and as nobody in particular.
//!
//! A harness of its own: a sandbox starts this program again, and [`gabion_sandbox::dispatch`] must come first.

mod claims;
mod fixture;
mod harness;
mod workers;

fn main() -> std::process::ExitCode {
    gabion_sandbox::dispatch(&workers::ALL);
    harness::main(&claims::all())
}
