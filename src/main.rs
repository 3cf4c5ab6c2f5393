//! Gabion: one signed, reproducible bundle for a whole platform.

fn main() -> std::process::ExitCode {
    gabion::cli::main().code().into()
}
