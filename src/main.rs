//! Gabion: one signed, reproducible bundle for a whole platform.

fn main() -> std::process::ExitCode {
    gabion_sandbox::dispatch(&gabion::WORKERS);
    gabion::cli::main().code().into()
}
