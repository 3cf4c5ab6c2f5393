//! Reads indexes and resolves a closure over them, as locking does it: for `benches/disk.py`.
//!
//! `resolve INSTALL EXCLUDE INDEX…`: names with commas between them, then the indexes, not compressed. Prints how many
//! packages there are, how many the closure has, and how long reading and resolving took.

use gabion_apt::{Candidates, Wish, packages};
use std::time::Instant;

#[expect(clippy::print_stdout, reason = "it answers a person")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [install, exclude, indexes @ ..] = words.as_slice() else {
        return Err("resolve INSTALL EXCLUDE INDEX…".into());
    };
    let texts = indexes.iter().map(fs_err::read_to_string).collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    let (mut candidates, mut count) = (Candidates::default(), 0);
    for (number, text) in texts.iter().enumerate() {
        for package in packages(text) {
            candidates.add(package?, number);
            count += 1;
        }
    }
    candidates.seal()?;
    let read = begun.elapsed();
    let wish = Wish {
        install: install.split(',').collect(),
        exclude: exclude.split(',').collect(),
        essential: true,
        recommends: false,
    };
    let begun = Instant::now();
    let closure = candidates.closure(&wish)?;
    let resolved = begun.elapsed();
    println!(
        "{count} packages, {} in the closure; read in {read:?}, resolved in {resolved:?}",
        closure.0.len()
    );
    Ok(())
}
