//! The file against damage, and against what must not go in.

use crate::kit::{check, key, looking, promoted, promoters, release_of, signed, spec, trust, with_table};
use gabion_bundle::{
    BundleError, Class, Object, Policy, Release, Source, Spec, assemble, extract, read_table, verify,
};
use std::io::Cursor;

#[test]
fn the_same_content_is_the_same_file_and_the_digest_is_that_of_release() {
    let (first, second) = (signed(&spec()), signed(&spec()));
    assert_eq!(first, second);
    let verified = verify(Cursor::new(&first), &looking(&trust(&key(7)))).unwrap();
    let release_size = first[512..].iter().position(|byte| *byte == 0).unwrap();
    assert_eq!(verified.digest, gabion_digest::Sha256::of(&first[512..512 + release_size]));
    assert_eq!(verified.size, first.len() as u64);
}

#[test]
fn flipping_any_byte_is_noticed() {
    // The slot holds a release's signature and a promotion with its own.
    let good = promoted(&spec(), 7);
    let trust = promoters();
    check(&good, &trust).unwrap();
    let mut bytes = good.clone();
    for at in 0..bytes.len() {
        for flip in [1, 0x80] {
            bytes[at] ^= flip;
            let error = check(&bytes, &trust).expect_err(&format!("byte {at} flipped by {flip}"));
            assert_ne!(error.class(), Class::Other, "byte {at}: {error}");
            bytes[at] ^= flip;
        }
    }
    assert_eq!(bytes, good);
}

#[test]
fn a_cut_or_longer_file_is_refused() {
    let good = signed(&spec());
    let trust = trust(&key(7));
    for size in (0..good.len()).step_by(512) {
        assert_eq!(check(&good[..size], &trust).unwrap_err().class(), Class::Integrity, "{size} bytes");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(check(&longer, &trust).unwrap_err().class(), Class::Integrity);
}

#[test]
fn a_medium_that_changes_after_verification_is_noticed_at_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.gabion");
    let bytes = signed(&spec());
    fs_err::write(&path, &bytes).unwrap();
    let file = fs_err::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let mut verified = verify(&file, &looking(&trust(&key(7)))).unwrap();
    let mut out = Vec::new();
    verified.copy_member("content/fetch.a/a.txt", &mut out).unwrap();
    assert_eq!(out, b"stones\n");
    let at = bytes.windows(7).position(|it| it == b"stones\n").unwrap();
    let mut changed = bytes;
    changed[at] = b'S';
    fs_err::write(&path, &changed).unwrap();
    out.clear();
    let error = verified.copy_member("content/fetch.a/a.txt", &mut out).unwrap_err();
    assert_eq!((error.kind(), out.len()), (std::io::ErrorKind::InvalidData, 0));
}

#[test]
fn paths_that_a_tool_could_misread_cannot_go_in() {
    for path in ["../x", "/x", "-x", "a//b", "a/./b", "a b", "a\nb", "RELEASE", "bundle.json"] {
        let mut spec = spec();
        spec.members.push((path.to_owned(), Source::Bytes(Vec::new())));
        assert!(
            matches!(assemble(&spec, &mut Cursor::new(Vec::new())), Err(BundleError::Content { .. })),
            "{path}"
        );
    }
}

#[test]
fn members_of_several_pieces_are_checked_piece_by_piece() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big");
    let bytes: Vec<u8> = (0..40_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs_err::write(&path, &bytes).unwrap();
    let hashed = gabion_digest::hash_bytes(&bytes);
    let source =
        Source::File { path: path.clone(), size: hashed.size, blob: hashed.blob, sha256: hashed.sha256 };
    let mut spec = spec();
    spec.members.push(("content/fetch.big/big".to_owned(), source));
    let good = signed(&spec);
    let mut verified = verify(Cursor::new(&good), &looking(&trust(&key(7)))).unwrap();
    assert_eq!(verified.manifest().member("content/fetch.big/big").unwrap().pieces.len(), 3);
    let mut out = Vec::new();
    verified.copy_member("content/fetch.big/big", &mut out).unwrap();
    assert!(out == bytes);
    // On demand and not: every byte is bound by its piece alone.
    let root = trust(&key(7));
    let quick = Policy { full: false, ..looking(&root) };
    let mut bad = good.clone();
    for at in (bad.len() - 40_000_000..bad.len() - 2_000).step_by(9_999_991) {
        bad[at] ^= 1;
        assert_eq!(check(&bad, &root).unwrap_err().class(), Class::Integrity);
        assert_eq!(verify(Cursor::new(&bad), &quick).unwrap_err().class(), Class::Integrity);
        bad[at] ^= 1;
    }
    // The digest of the whole binds nothing that the pieces do not, and is checked on demand.
    let other = gabion_digest::Digest::of(b"something else").to_string();
    let lied = with_table(&good, &hashed.blob.digest().to_string(), &other);
    assert_eq!(check(&lied, &root).unwrap_err().class(), Class::Integrity);
    verify(Cursor::new(&lied), &quick).unwrap();
    // The file changes while the bundle is being made, or was never what it is said to be.
    let refused = |spec: &gabion_bundle::Spec| {
        let error = assemble(spec, &mut Cursor::new(Vec::new())).unwrap_err();
        assert!(matches!(error, BundleError::Source { .. }) && error.class() == Class::Integrity);
    };
    fs_err::write(&path, &bytes[1..]).unwrap();
    refused(&spec);
    let mut flipped = bytes.clone();
    flipped[20_000_000] ^= 1;
    fs_err::write(&path, &flipped).unwrap();
    refused(&spec);
    fs_err::write(&path, &bytes).unwrap();
    let lie = gabion_digest::Sha256::of(b"something else");
    spec.members.pop();
    let source = Source::File { path: path.clone(), size: hashed.size, blob: hashed.blob, sha256: lie };
    spec.members.push(("content/fetch.big/big".to_owned(), source));
    refused(&spec);
}

#[test]
fn release_has_one_text() {
    let good = String::from_utf8(release_of(&signed(&spec())).to_vec()).unwrap();
    assert_eq!(Release::parse(&good).unwrap().to_string(), good);
    let lines: Vec<&str> = good.lines().collect();
    let join = |lines: &[&str]| lines.join("\n") + "\n";
    let mut swapped = lines.clone();
    swapped.swap(4, 5);
    let mut headers = lines.clone();
    headers.swap(1, 2);
    let last = *lines.last().unwrap();
    for bad in [
        good.replace('\n', "\r\n"),
        good.replacen('\n', " \n", 1),
        good.trim_end().to_owned(),
        format!("{good}\n"),
        format!("{good}{last}\n"),
        join(&swapped),
        join(&headers),
        good.replacen("# platform", "# serial: 1\n# platform", 1),
        good.replacen("# name", "# Name", 1),
        good.replacen("v1", "v2", 1),
        good.replacen("  content", " *content", 1),
        good.replacen("content/fetch.a", "content/../a", 1),
        good.replacen("content/fetch.a", "/content/a", 1),
        good.replacen("content/fetch.a", "content/f\u{e4}tch", 1),
        good.to_uppercase(),
        good.replacen("platform", "plat\x1b[2J", 1),
        good.replacen("name: platform", "name: plat\x1b[2J", 1),
        good.replacen("name: platform", "name: Platform", 1),
        good.replacen("name: platform", "name: -", 1),
        good.replacen("name: platform", "name: ", 1),
        good.replacen("linux/amd64", "linux/\x1b]0;", 1),
        good.replacen("linux/amd64", "linux", 1),
        good.replacen("linux/amd64", "linux/arm/v7/x", 1),
        good.replacen("linux/amd64", "linux//v7", 1),
        format!("\u{feff}{good}"),
    ] {
        assert!(bad != good && Release::parse(&bad).is_none(), "{bad}");
    }
}

#[test]
fn what_is_extracted_from_a_medium_that_changes_is_not_there_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.gabion");
    let bytes = signed(&spec());
    fs_err::write(&path, &bytes).unwrap();
    let file = fs_err::File::open(&path).unwrap();
    let mut verified = verify(&file, &looking(&trust(&key(7)))).unwrap();
    let members: Vec<String> = verified.manifest().members.iter().map(|it| it.path.clone()).collect();
    let output = folder.path().join("out");
    extract(&mut verified, &members, &output).unwrap();
    assert_eq!(fs_err::read(output.join("content/fetch.a/a.txt")).unwrap(), b"stones\n");
    // Never into a folder that is there.
    assert!(matches!(extract(&mut verified, &members, &output), Err(BundleError::Io { .. })));
    let at = bytes.windows(15).position(|it| it == b"kind: Namespace").unwrap();
    let mut changed = bytes;
    changed[at] = b'K';
    fs_err::write(&path, &changed).unwrap();
    let error = extract(&mut verified, &members, &folder.path().join("other")).unwrap_err();
    assert_eq!(error.class(), Class::Integrity, "{error}");
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 2, "the bundle and the first folder");
}

#[test]
fn a_folder_may_be_named_with_a_slash_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = signed(&spec());
    let mut verified = verify(Cursor::new(&bytes), &looking(&trust(&key(7)))).unwrap();
    let members: Vec<String> = verified.manifest().members.iter().map(|it| it.path.clone()).collect();
    let output = format!("{}/out/", folder.path().display());
    extract(&mut verified, &members, output.as_ref()).unwrap();
    assert_eq!(fs_err::read(folder.path().join("out/content/fetch.a/a.txt")).unwrap(), b"stones\n");
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1, "a rest was left");
    for nowhere in ["/", "..", "a/.."] {
        let output = folder.path().join(nowhere);
        assert!(matches!(extract(&mut verified, &members, &output), Err(BundleError::Io { .. })));
    }
}

#[test]
fn what_an_unverified_table_says_cannot_command_a_terminal() {
    let good = signed(&spec());
    for (from, to) in [
        ("content/fetch.a", r"content/\u001ba"),
        ("content/fetch.a", "content/f\u{9b}ch.a"),
        ("content/fetch.a", "content/\u{7f}etch.a"),
        ("\"inline\"", r#""i\nine""#),
    ] {
        let error = read_table(&mut Cursor::new(with_table(&good, from, to))).unwrap_err();
        assert!(error.to_string().ends_with("`bundle.json` is not in its one form"), "{error}");
    }
    read_table(&mut Cursor::new(with_table(&good, "content/fetch.a", "content/other.a"))).unwrap();
    let refused = |change: fn(&mut Spec)| {
        let mut spec = spec();
        change(&mut spec);
        let error = assemble(&spec, &mut Cursor::new(Vec::new())).unwrap_err();
        assert!(matches!(error, BundleError::Content { .. }), "{error}");
    };
    refused(|spec| spec.name = "Platform".to_owned());
    refused(|spec| spec.platform = "amd64".to_owned());
    refused(|spec| {
        spec.objects.push(Object::K3sImages { member: "\x1b[2J".to_owned() });
    });
}

/// Members without content, as many, with paths of this length.
fn many(count: usize, length: usize) -> Spec {
    let mut spec = spec();
    for number in 0..count {
        let path = format!("content/{number:0>width$}", width = length - "content/".len());
        spec.members.push((path, Source::Bytes(Vec::new())));
    }
    spec
}

#[test]
fn each_of_a_hundred_thousand_members_is_found_at_once() {
    let spec = many(100_000, 100);
    let bytes = signed(&spec);
    let mut verified = verify(Cursor::new(&bytes), &looking(&trust(&key(7)))).unwrap();
    let start = std::time::Instant::now();
    for (path, _) in &spec.members {
        assert_eq!(verified.manifest().member(path).unwrap().path, *path);
        verified.copy_member(path, &mut std::io::sink()).unwrap();
    }
    assert!(verified.manifest().member("content/").is_none());
    // Looking at every member for each would take ten thousand million comparisons.
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn tables_that_are_too_large_are_neither_read_nor_written() {
    let good = signed(&spec());
    let header = |size: u64| {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes().copy_from_slice(&good[..512]);
        header.set_size(size);
        header.set_cksum();
        header
    };
    for (size, expected) in [((32 << 20) + 1, "larger than it can be"), (32 << 20, "ends inside `RELEASE`")] {
        let bytes = [header(size).as_bytes(), &good[512..]].concat();
        let error = check(&bytes, &trust(&key(7))).unwrap_err();
        assert!(error.class() == Class::Integrity && error.to_string().contains(expected), "{error}");
    }
    for (spec, table) in [(many(120_000, 230), "RELEASE"), (many(400_000, 15), "bundle.json")] {
        let error = assemble(&spec, &mut Cursor::new(Vec::new())).unwrap_err();
        assert!(error.to_string().contains(table), "{error}");
        assert!(matches!(error, BundleError::Content { .. }));
    }
}
