//! Runs a static `true` many times, one after the other, each in a root of its own: for `benches/sandbox.py`.
//!
//! `many COUNT FOLDER`: the folder has `bin/true` and `out`. Prints how long one run takes.

use gabion_sandbox::{Bind, Identity, Root, Spec, Tier, run};
use std::path::Path;
use std::time::Instant;

#[expect(clippy::print_stdout, reason = "it answers a person")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    gabion_sandbox::dispatch(&[]);
    let words: Vec<String> = std::env::args().collect();
    let [_, count, folder] = words.as_slice() else { return Err("many COUNT FOLDER".into()) };
    let folder = Path::new(folder);
    let binds = vec![Bind::new(folder.join("bin"), "/bin")];
    let root = Root::Inputs { binds, out: Bind::new(folder.join("out"), "/out"), links: [].into() };
    let spec = Spec::new(root, Identity::Single, "/bin/true");
    let mut times = Vec::new();
    for _ in 0..count.parse::<usize>()? {
        let begun = Instant::now();
        let outcome = run(&spec)?;
        times.push(begun.elapsed());
        if !outcome.success() || outcome.tier < Tier::S2 {
            return Err(format!("{outcome:?}").into());
        }
    }
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    println!("fastest {:?}, median {:?}, 95 of 100 within {:?}", at(0), at(50), at(95));
    Ok(())
}
