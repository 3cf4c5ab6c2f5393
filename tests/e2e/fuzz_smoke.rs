//! Every fuzz target on its seeds and on mutations of them: no panic, and no input that takes long.
//!
//! The mutations come from a generator with a fixed seed: a run that fails fails again.

#[path = "../../fuzz/targets.rs"]
mod targets;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use targets::TARGETS;

/// Mutations of each target.
const ROUNDS: usize = 400;
/// The most that the mutations of one target take; a slow machine tries fewer.
const BUDGET: Duration = Duration::from_secs(8);
/// No input of these sizes may take so long, even on a machine with other work.
const LONG: Duration = Duration::from_secs(5);

/// xorshift64*: enough to choose places and bytes.
struct Generator(u64);

impl Generator {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }
}

/// What breaks parsers more often than chance would.
const TOKENS: [&[u8]; 24] = [
    b"",
    b"\0",
    b"\n",
    b"\n\n",
    b"\r\n",
    b"\"",
    b"[",
    b"{",
    b"=",
    b"-",
    b"\xff\xfe",
    b"18446744073709551616",
    b"-1",
    "\u{202e}".as_bytes(),
    b"<<<<<<< ours\n",
    b"${",
    b"{{",
    b"}}",
    b"(",
    b": ",
    b"- ",
    b"*",
    b"**",
    b"&a",
];

/// One to four changes of `seed`, some with bytes of `other`.
fn mutate(seed: &[u8], other: &[u8], generator: &mut Generator) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=generator.below(4) {
        let at = generator.below(bytes.len() + 1);
        let to = (at + generator.below(64)).min(bytes.len());
        match generator.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << generator.below(8),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..to)),
            3 => {
                let token = TOKENS[generator.below(TOKENS.len())];
                drop(bytes.splice(at..at, token.iter().copied()));
            }
            4 => {
                let again = bytes[at..to].to_vec();
                drop(bytes.splice(at..at, again));
            }
            _ => {
                let from = generator.below(other.len() + 1);
                let piece = &other[from..(from + generator.below(512)).min(other.len())];
                drop(bytes.splice(at..to, piece.iter().copied()));
            }
        }
    }
    bytes
}

fn seeds(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    let mut paths: Vec<PathBuf> = fs_err::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs_err::read(path).unwrap())).collect()
}

/// Runs `target` on a thread of its own, which a hang cannot leave.
fn outcome(target: fn(&[u8]), bytes: &[u8], long: Duration) -> Result<(), String> {
    let (bytes, (end, ended)) = (bytes.to_vec(), mpsc::channel());
    std::thread::spawn(move || drop(end.send(std::panic::catch_unwind(|| target(&bytes)))));
    match ended.recv_timeout(long) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err("panics".to_owned()),
        Err(_) => Err(format!("takes more than {long:?}")),
    }
}

/// Runs `target`; where it panics or takes long, the input is left in the temporary folder and named.
fn run(name: &str, target: fn(&[u8]), bytes: &[u8]) {
    if let Err(why) = outcome(target, bytes, LONG) {
        let left = std::env::temp_dir().join(format!("gabion-fuzz-{name}"));
        fs_err::write(&left, bytes).unwrap();
        panic!("`{name}` {why} on `{}`", left.display());
    }
}

#[test]
fn no_parser_of_foreign_bytes_panics_or_hangs() {
    for (number, (name, target)) in TARGETS.into_iter().enumerate() {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "`{name}` has no seeds");
        run(name, target, b"");
        for (_, seed) in &seeds {
            run(name, target, seed);
        }
        let (mut generator, start) = (Generator(0x9e37_79b9_7f4a_7c15 ^ number as u64), Instant::now());
        for _ in 0..rounds() {
            if start.elapsed() > BUDGET {
                break;
            }
            let [(_, seed), (_, other)] = [(); 2].map(|()| &seeds[generator.below(seeds.len())]);
            run(name, target, &mutate(seed, other, &mut generator));
        }
    }
}

/// How many mutations of each target; `GABION_CASES` says more.
fn rounds() -> usize {
    std::env::var("GABION_CASES").ok().and_then(|it| it.parse().ok()).unwrap_or(ROUNDS)
}

#[test]
fn a_parser_that_panics_or_hangs_is_told() {
    let panics: fn(&[u8]) = |bytes| assert!(bytes.is_empty(), "as it must");
    let hangs: fn(&[u8]) = |_| std::thread::sleep(Duration::from_secs(60));
    assert_eq!(outcome(panics, b"", LONG), Ok(()));
    assert_eq!(outcome(panics, b"a", LONG), Err("panics".to_owned()));
    assert!(outcome(hangs, b"", Duration::from_millis(10)).is_err_and(|it| it.starts_with("takes more")));
}

#[test]
fn every_target_has_a_fuzzer_of_its_name() {
    let manifest = include_str!("../../fuzz/Cargo.toml").parse::<toml::Table>().unwrap();
    let bins = manifest["bin"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap());
    assert_eq!(bins.collect::<Vec<_>>(), TARGETS.map(|(name, _)| name));
}

#[test]
fn the_seeds_are_what_their_parsers_accept() {
    let of = |name: &str| seeds(name).into_iter().map(|(_, bytes)| bytes);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    for seed in of("lock") {
        gabion_lockfile::Lock::parse(&text(seed)).unwrap();
    }
    for seed in of("apt_lock") {
        gabion_lockfile::AptLock::parse(&text(seed)).unwrap();
    }
    for seed in of("apt_keyring") {
        gabion_apt::Keyring::parse(&seed).unwrap();
    }
    let keys = gabion_apt::Keyring::parse(include_bytes!("../../recipes/trust/demo-archive.asc")).unwrap();
    let pinned = keys.fingerprints();
    let by = gabion_apt::Signers { pinned: &pinned, needed: 1, now: 2_000_000_000 };
    for seed in of("apt_signed") {
        gabion_apt::verify_clearsigned(&seed, &keys, &by).unwrap();
    }
    for seed in of("apt_release") {
        gabion_apt::Release::parse(&text(seed)).unwrap();
    }
    for seed in of("apt_packages") {
        assert!(gabion_apt::packages(&text(seed)).all(|it| it.is_ok()));
    }
    for seed in of("bundle") {
        gabion_bundle::read_table(&mut std::io::Cursor::new(seed)).unwrap();
    }
    for seed in of("bundle_manifest") {
        assert!(gabion_bundle::Manifest::parse(&text(seed)).is_some());
    }
    let promotions = of("bundle_promotion").map(text);
    assert!(promotions.into_iter().any(|it| gabion_bundle::SignedPromotion::parse(&it).is_ok()));
    for seed in of("helm_index") {
        assert!(gabion_helm::RepositoryIndex::parse(&seed).unwrap().entries().count() > 0);
    }
    let chart = |seed: &[u8]| gabion_helm::read_chart(seed, &gabion_helm::Limits::default());
    assert_eq!(of("helm_chart").filter(|seed| chart(seed).is_ok()).count(), 2);
    for seed in of("helm_provenance") {
        gabion_helm::Provenance::verify(&seed, &keys, &by).unwrap();
    }
    for seed in of("oci_document") {
        gabion_oci::Document::reopen(seed).unwrap();
    }
    for seed in of("oci_reference") {
        text(seed).trim_end().parse::<gabion_oci::Reference>().unwrap();
    }
    for seed in of("oci_challenge") {
        assert!(!gabion_oci::challenges(&text(seed)).unwrap().is_empty());
    }
    for seed in of("git_capabilities") {
        gabion_git::Capabilities::read(&seed[..]).unwrap();
    }
    for seed in of("git_refs") {
        gabion_git::RefName::new("v1").unwrap().choose(&seed[..]).unwrap();
    }
    for seed in of("git_fetch") {
        let pack = gabion_git::PackStream::open(&seed[..]).unwrap();
        let file = std::io::Cursor::new(Vec::new());
        gabion_git::Objects::read(pack, file, gabion_git::Limits::default()).unwrap();
    }
    for seed in of("store_tree") {
        gabion_store::Tree::parse(&text(seed)).unwrap();
    }
    for seed in of("oci_config") {
        serde_json::from_slice::<serde_json::Value>(&seed).unwrap();
    }
    for seed in of("yaml") {
        assert!(gabion_yaml::documents(&text(seed)).unwrap().len() > 10);
    }
    for seed in of("kube") {
        assert!(!gabion_kube::documents(&text(seed), "seed").unwrap().is_empty());
    }
    for seed in of("kube_rules") {
        gabion_kube::Rules::default().with(&text(seed), "seed").unwrap();
    }
    for seed in of("kube_pattern") {
        text(seed).lines().next().unwrap().parse::<gabion_kube::Pattern>().unwrap();
    }
    for seed in of("cache_statement") {
        gabion_cache::Statement::parse(&text(seed)).unwrap();
    }
    for seed in of("cache_record") {
        assert!(text(seed).contains("-----BEGIN SSH SIGNATURE-----"));
    }
    for seed in of("trust_root") {
        gabion_bundle::TrustRoot::parse(&text(seed)).unwrap();
    }
}
