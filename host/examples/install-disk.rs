//! Installs a compressed image that lies in a file, as it would one of a bundle: for tests on real machines, which need
//! neither signatures nor a bundle for that.

use clap::Parser;
use gabion_host::cli::install_disk::{InstallDiskArgs, line};
use gabion_host::disk::{Event, Facts, Source, install};
use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    args: InstallDiskArgs,
    /// The compressed image.
    #[arg(long)]
    image: PathBuf,
    /// Its bytes when it is not compressed.
    #[arg(long)]
    size: u64,
    /// A file whose content is laid into the new system, at `etc/laid`.
    #[arg(long)]
    lay: Option<String>,
    /// Writes nothing.
    #[arg(long)]
    dry_run: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = String::new();
            let mut cause: Option<&dyn std::error::Error> = Some(&*error);
            while let Some(it) = cause {
                text = format!("{text}error: {it}\n");
                cause = it.source();
            }
            let _ = io::stderr().write_all(text.as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), Box<dyn std::error::Error>> {
    let facts = Facts::gather(Path::new("/"))?;
    writeln!(io::stdout(), "{}", serde_json::to_string(&facts)?)?;
    let mut image = File::options().read(true).open(&cli.image)?;
    let mut produce = |image: &mut File, out: &mut dyn Write| {
        image.rewind()?;
        io::copy(image, out).map(drop)
    };
    let mut source = Source {
        from: &mut image,
        produce: &mut produce,
        size: cli.size,
        architecture: Some("amd64".into()),
    };
    let mut events = |event: Event| {
        let is_often =
            matches!(&event, Event::Wrote { done, total } | Event::Checked { done, total } if done != total);
        if !is_often {
            let _ = writeln!(io::stderr(), "{}", line(&event));
        }
    };
    let report = install(&facts, &mut source, &cli.args.options(cli.dry_run), &mut events, |_, root, _| {
        let Some(text) = &cli.lay else { return Ok(()) };
        root.write("etc/laid", 0o644, &mut |out| out.write_all(text.as_bytes()))
            .map_err(|error| gabion_host::HostError::Unsupported(error.to_string()))
    })?;
    writeln!(io::stdout(), "{}", serde_json::to_string(&report)?)?;
    Ok(())
}
