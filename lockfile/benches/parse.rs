//! How long a lock of ten thousand entries takes to read and write: `cargo bench -p gabion-lockfile`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use gabion_lockfile::Lock;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

fn main() {
    let mut text = String::from("version = 1\n");
    for number in 0..10_000_u32 {
        let digest = gabion_digest::Sha256::of(&number.to_le_bytes());
        let _written = write!(
            text,
            "\n[[artifact]]\nid = \"fetch.artifact-{number:05}\"\nkind = \"file\"\n\
             request = \"github:acme/artifact-{number:05} ~1.2\"\nversion = \"v1.2.{number}\"\n\
             url = \"https://github.com/acme/artifact-{number:05}/releases/download/v1.2.{number}/a.tar.gz\"\n\
             size = {number}\nsha256 = \"{digest}\"\nplatform = \"linux/amd64\"\ntrust = \"checksum-file:SHA256SUMS\"\n"
        );
    }
    let Ok(lock) = Lock::parse(&text) else { return println!("the sample does not parse") };
    println!("{} entries, {} bytes", lock.len(), text.len());
    println!("parse {:?}", best(|| Lock::parse(&text)));
    println!("write {:?}", best(|| lock.to_text()));
}

/// The shortest of twenty runs, without freeing what they give.
fn best<T>(run: impl Fn() -> T) -> Duration {
    let times = (0..20).map(|_| {
        let start = Instant::now();
        let value = std::hint::black_box(run());
        let time = start.elapsed();
        drop(value);
        time
    });
    times.min().unwrap_or_default()
}
