//! Layers as bytes that stay, and as other programs read them.

use gabion_digest::Sha256;
use gabion_layer::{LayerError, LayerWriter, Meta, Packed, Packing, unpacked};
use gabion_testkit::{has, program, run, text};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::{Read, Write};

const ROOT: Meta = Meta { mode: 0o755, uid: 0, gid: 0 };
const TIME: u64 = 1_700_000_000;

fn attributes(pairs: &[(&str, &[u8])]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    pairs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect()
}

fn long() -> String {
    format!("{}/file", ["a-folder-with-a-name"; 6].join("-"))
}

/// One entry of every sort.
fn written(out: impl Write) -> Result<(), LayerError> {
    let (none, long) = (attributes(&[]), long());
    let mut layer = LayerWriter::new(out, TIME);
    layer.directory(long.strip_suffix("/file").unwrap().as_bytes(), ROOT, &none)?;
    let far = Meta { mode: 0o4755, uid: 3_000_000, gid: 65_534 };
    layer.file(long.as_bytes(), far, 6, &none, &b"stones"[..])?;
    layer.directory(b"tmp", Meta { mode: 0o1777, ..ROOT }, &none)?;
    layer.directory(b"usr", ROOT, &attributes(&[("user.note", b"a = b\n\xff")]))?;
    layer.symlink(b"usr/again", ROOT, long.as_bytes())?;
    let capability =
        attributes(&[("security.capability", b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0")]);
    layer.file(b"usr/ping", ROOT, 3, &capability, &b"one"[..])?;
    layer.hard_link(b"usr/ping6", ROOT, b"usr/ping")?;
    layer.file("usr/zürich".as_bytes(), ROOT, 0, &none, &b""[..])?;
    layer.finish()?.flush()?;
    Ok(())
}

fn packed(packing: Packing) -> Vec<u8> {
    let mut out = Packed::new(packing, Vec::new()).unwrap();
    written(&mut out).unwrap();
    out.finish().unwrap()
}

/// Bytes that no encoder gets at once, part of them hard to pack.
fn large() -> Vec<u8> {
    let mut seed = 7_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    (0..3_000_000_u32).map(|it| if it % 7 < 3 { next() } else { (it / 1000) as u8 }).collect()
}

/// When this test fails, bytes moved: a new version of the format, and of the step that makes layers.
#[test]
fn the_bytes_of_a_layer_are_held() {
    let of = |packing| Sha256::of(&packed(packing)).to_string();
    let large = |packing| {
        let mut out = Packed::new(packing, Vec::new()).unwrap();
        out.write_all(&large()).unwrap();
        Sha256::of(&out.finish().unwrap()).to_string()
    };
    let found: Vec<String> = Packing::ALL.into_iter().flat_map(|it| [of(it), large(it)]).collect();
    assert_eq!(found, GOLDEN);
}

const GOLDEN: [&str; 6] = [
    "sha256:57f8a6a96ac39dfedbe898b1e3bc2c876a92a7bb891d90b5616480be09fcc5e8",
    "sha256:4ff820a85aa3d0253e7074559a938c42f59e0f42e59c69ac1f6b252290800289",
    "sha256:5b8fe12f2c0fb1fe3154c58d2f9d833c25fd79a0a6682cb53f6720433b46e51e",
    "sha256:81598a4c23a245d73cdb4584a15bd5dbdad64770f837bf2e442eb40517e114ec",
    "sha256:2d3a72dc4168198cf67a09d8368b962f8c3f9ef34c6377f5df8ade92719bbfe3",
    "sha256:30a2960c57260b437ea705d26b46a5a12e224048090026292dedd2af31ee7dc7",
];

#[test]
fn how_bytes_come_leaves_no_trace() {
    let large = large();
    for packing in Packing::ALL {
        let by = |size: usize| {
            let mut out = Packed::new(packing, Vec::new()).unwrap();
            for piece in large.chunks(size) {
                out.write_all(piece).unwrap();
                out.flush().unwrap();
            }
            out.finish().unwrap()
        };
        let whole = by(usize::MAX);
        for size in [1000, 65_536, 262_143, 262_144, 1_000_003] {
            assert!(by(size) == whole, "{packing:?} by {size}");
        }
        let mut back = Vec::new();
        unpacked(whole.as_slice()).unwrap().read_to_end(&mut back).unwrap();
        assert!(back == large, "{packing:?}");
    }
}

#[test]
fn other_programs_read_what_was_written() {
    if !has(&["tar", "gzip", "zstd", "python3"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (packing, name) in
        [(Packing::Gzip, "l.tar.gz"), (Packing::Zstd, "l.tar.zst"), (Packing::Plain, "l.tar")]
    {
        fs_err::write(path(name), packed(packing)).unwrap();
    }
    assert!(run(program("gzip").arg("-dc").arg(path("l.tar.gz"))) == packed(Packing::Plain));
    assert!(run(program("zstd").arg("-dc").arg(path("l.tar.zst"))) == packed(Packing::Plain));
    let mut tar = program("tar");
    tar.args(["--utc", "--full-time", "--numeric-owner", "--xattrs", "--quoting-style=literal", "-tvf"]);
    let listed = text(tar.arg(path("l.tar")));
    let words: Vec<Vec<&str>> = listed.lines().map(|it| it.split_whitespace().collect()).collect();
    let long = long();
    let expected = [
        ("drwxr-xr-x", "0/0", format!("{}/", long.strip_suffix("/file").unwrap())),
        ("-rwsr-xr-x", "3000000/65534", long.clone()),
        ("drwxrwxrwt", "0/0", "tmp/".to_owned()),
        ("drwxr-xr-x*", "0/0", "usr/".to_owned()),
        ("lrwxrwxrwx", "0/0", format!("usr/again -> {long}")),
        ("-rwxr-xr-x", "0/0", "usr/ping".to_owned()),
        ("hrwxr-xr-x", "0/0", "usr/ping6 link to usr/ping".to_owned()),
        ("-rwxr-xr-x", "0/0", "usr/zürich".to_owned()),
    ];
    assert_eq!(words.len(), expected.len(), "{listed}");
    for (words, (mode, owner, name)) in words.iter().zip(expected) {
        assert!(words[0] == mode && words[1] == owner && words[5..].join(" ") == name, "{words:?}");
        assert!(words[3] == "2023-11-14" && words[4].starts_with("22:13:20"), "{words:?}");
    }
    let script = "import sys, tarfile\nfor it in tarfile.open(sys.argv[1]):\n    print(it.name, it.uid, {k: v.encode('utf-8', 'surrogateescape') for k, v in it.pax_headers.items() if 'xattr' in k})";
    let python = text(program("python3").args(["-c", script]).arg(path("l.tar")));
    assert!(python.contains(r"usr 0 {'SCHILY.xattr.user.note': b'a = b\n\xff'}"), "{python}");
    assert!(
        python.contains("3000000 {}") && python.contains("'SCHILY.xattr.security.capability': b'\\x01"),
        "{python}"
    );
}

#[test]
fn what_readers_would_take_for_something_else_is_refused() {
    let none = attributes(&[]);
    let refused = |paths: &[&str], why: &str| {
        let mut layer = LayerWriter::new(Vec::new(), TIME);
        let added: Result<(), LayerError> =
            paths.iter().try_for_each(|path| layer.file(path.as_bytes(), ROOT, 0, &none, &b""[..]));
        let error = added.unwrap_err().to_string();
        assert!(error.contains(why), "no `{why}`: {error}");
    };
    refused(&["etc/.wh.passwd"], "would remove a file");
    refused(&[".wh..wh..opq"], "would remove a file");
    for bad in ["", "/etc", "a//b", "a/", "./a", "a/../b", "a\0b"] {
        refused(&[bad], "plain names");
    }
    refused(&["b", "a"], "does not follow");
    refused(&["a", "a"], "does not follow");
    for (size, content) in [(3, "four"), (5, "four")] {
        let error = LayerWriter::new(Vec::new(), 0).file(b"a", ROOT, size, &none, content.as_bytes());
        assert!(matches!(error, Err(LayerError::Size { .. })), "{size}");
    }
    assert!(LayerWriter::new(Vec::new(), 0).symlink(b"a", ROOT, b"").is_err());
}

proptest! {
    /// The `tar` crate, which wrote nothing of it, reads every path back.
    #[test]
    fn any_path_is_read_back(parts in prop::collection::vec("[a-z.é]{1,60}", 1..6), size in 0_usize..2000) {
        let path = parts.join("/");
        prop_assume!(!parts.iter().any(|it| it == "." || it == ".." || it.starts_with(".wh.")));
        let content = vec![b'x'; size];
        let mut layer = LayerWriter::new(Vec::new(), TIME);
        layer.file(path.as_bytes(), ROOT, size as u64, &attributes(&[]), content.as_slice()).unwrap();
        let bytes = layer.finish().unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        prop_assert_eq!(&*entry.path_bytes(), path.as_bytes());
        let mut read = Vec::new();
        entry.read_to_end(&mut read).unwrap();
        prop_assert_eq!(read, content);
    }
}
