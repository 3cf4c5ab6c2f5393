//! What comes to a host: over the pipe of a push, out of a bundle, from its own dpkg.

use super::text;
use gabion_bundle::DiskPackages;
use gabion_dpkg::{Version, installed};
use gabion_host::wire::{RemoteFile, serve};
use gabion_host::{Root, artifacts};
use std::io::{Cursor, Read, Seek, SeekFrom, sink};
use std::path::Path;

/// Whoever has the file says these bytes; the reader goes straight on, jumps, and comes back.
pub(crate) fn wire_reads(bytes: &[u8]) {
    let Ok(mut remote) = RemoteFile::open(bytes, sink()) else { return };
    assert!(remote.said().len() <= bytes.len());
    let mut part = vec![0; 3000];
    for to in [0, 0, 40, 1 << 20, 10, u64::MAX >> 1] {
        let read = remote.seek(SeekFrom::Start(to)).and_then(|_| remote.read(&mut part));
        let Ok(count) = read else { break };
        // No byte is made up: what is given came.
        assert!(count == 0 || bytes.windows(count).any(|it| *it == part[..count]));
    }
    assert!(remote.received() <= bytes.len() as u64);
}

/// Whoever reads says these bytes; nothing is given that the file has not.
pub(crate) fn wire_serves(bytes: &[u8]) {
    let file: Vec<u8> = (0..5000_u32).map(|it| (it % 251) as u8).collect();
    let mut given = Vec::new();
    let served = serve(Cursor::new(&file), "hello", bytes, &mut given);
    // A question has 13 bytes, and so has what stands in front of its answer; a greeting has 28 and its text.
    let questions = bytes.len() as u64 / 13;
    let most = 28 + 5 + questions * (13 + file.len() as u64);
    assert!(given.len() as u64 <= most, "{} for {} questions", given.len(), questions);
    if let Ok(served) = served {
        assert!(served.bytes <= questions * file.len() as u64 && served.result.len() <= bytes.len());
    }
}

/// A question to a host that has no bundle: at most one short answer, and nothing of the host in it.
pub(crate) fn artifact_question(bytes: &[u8]) {
    let Ok(root) = Root::open(Path::new("/sys")) else { return };
    let mut answer = Vec::new();
    assert!(artifacts::serve(&root, bytes, &mut answer).is_ok(), "nothing is damaged");
    let known = ["200 ", "400 ", "404 ", "405 ", "431 "].map(|it| format!("HTTP/1.1 {it}"));
    assert!(answer.is_empty() || known.iter().any(|it| answer.starts_with(it.as_bytes())));
    assert!(answer.len() < 1 << 10 && text(&answer).matches("HTTP/1.1 ").count() < 2);
}

/// `/var/lib/dpkg/status`.
pub(crate) fn dpkg_status(bytes: &[u8]) {
    for it in installed(text(bytes)).unwrap_or_default() {
        assert!(!it.name.is_empty() && !it.arch.is_empty());
        assert_eq!(Version::parse(it.version.as_str()), Some(it.version));
    }
}

/// `deploy/packages.json`.
pub(crate) fn packages(bytes: &[u8]) {
    if let Ok(all) = DiskPackages::parse(text(bytes)) {
        assert_eq!(all.to_text().as_bytes(), bytes);
    }
}
