//! Archives that were made to be read in two ways, or to fill a disk.

use flate2::Compression;
use flate2::write::GzEncoder;
use gabion_helm::{Limits, read_chart};
use std::fmt::Write as _;
use std::io::Write;
use tar::{EntryType, Header};

const CHART: &[u8] = b"apiVersion: v2\nname: web\nversion: 1.0.0\n";

/// A member with a header that is right, and a path that is written as it is given.
fn member(kind: u8, path: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_entry_type(EntryType::new(kind));
    header.set_cksum();
    let mut out = header.as_bytes().to_vec();
    out.extend(content);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn file(path: &str, content: &[u8]) -> Vec<u8> {
    member(b'0', path.as_bytes(), content)
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut content = String::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let digits = if rest.len() + 2 < 100 { 2 } else { 3 };
        write!(content, "{}{rest}", rest.len() + digits).unwrap();
    }
    member(b'x', b"PaxHeader", content.as_bytes())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// The chart with more members, and its end.
fn tar(more: &[Vec<u8>]) -> Vec<u8> {
    [file("web/Chart.yaml", CHART), more.concat(), vec![0; 1024]].concat()
}

#[track_caller]
fn refused(packed: &[u8], code: &str, part: &str) {
    let error = read_chart(packed, &Limits::default()).unwrap_err();
    let text = error.to_string();
    assert!(error.code() == code && text.contains(part), "{}: {text}", error.code());
    assert!(error.help().is_some());
}

#[test]
fn a_plain_chart_is_read_also_from_many_parts() {
    let plain = tar(&[file("web/values.yaml", b"a: 1\n"), member(b'5', b"web/crds/", b"")]);
    for packed in [gzip(&plain), [gzip(&plain[..700]), gzip(&plain[700..]), gzip(b"")].concat()] {
        let chart = read_chart(packed.as_slice(), &Limits::default()).unwrap();
        assert_eq!((chart.values.as_deref(), chart.crds), (Some(&b"a: 1\n"[..]), false));
    }
}

#[test]
fn paths_that_lead_out_of_the_chart_are_refused() {
    for path in ["../x", "web/../x", "/web/x", "web//x", "./web/x", "web/./x", "web/x/", "..", "web/.."] {
        refused(&gzip(&tar(&[file(path, b"")])), "E0812", "leads out");
    }
    for path in ["web/a\nb", "web\\x", "web/\x1b[2J", "web/\u{85}"] {
        refused(&gzip(&tar(&[file(path, b"")])), "E0812", "control characters");
    }
    refused(&gzip(&tar(&[member(b'0', b"web/\xff", b"")])), "E0812", "not UTF-8");
    refused(&gzip(&tar(&[file("x", b"")])), "E0812", "beside");
    refused(&gzip(&tar(&[file("other/x", b"")])), "E0812", "second folder");
    let long = |path: String| vec![pax(&[("path", &path)]), file("web/short", b"")];
    refused(&gzip(&tar(&long(format!("web/{}", "a".repeat(256))))), "E0812", "too long");
    refused(&gzip(&tar(&long(format!("web{}", "/a".repeat(64))))), "E0812", "too deep");
    refused(&gzip(&tar(&long("web/../../x".to_owned()))), "E0812", "leads out");
    let gnu = |name: &[u8]| vec![member(b'L', b"././@LongLink", name), file("web/short", b"")];
    refused(&gzip(&tar(&gnu(b"../x\0"))), "E0812", "leads out");
    refused(&gzip(&tar(&gnu(b"web/x\0y\0"))), "E0812", "control characters");
}

#[test]
fn members_that_are_no_files_are_refused() {
    // Links, devices, a pipe, contiguous and sparse files, long links, volumes, and what nobody knows.
    for kind in *b"1234678SKVMNDAZ" {
        refused(&gzip(&tar(&[member(kind, b"web/x", b"")])), "E0812", "no file and no folder");
    }
    refused(&gzip(&tar(&[member(b'5', b"web/x", b"hidden")])), "E0812", "folder with content");
}

#[test]
fn a_path_is_there_once() {
    refused(&gzip(&tar(&[file("web/Chart.yaml", CHART)])), "E0812", "twice");
    refused(&gzip(&tar(&[file("web/a", b""), file("web/a/b", b"")])), "E0812", "lies in a file");
    refused(&gzip(&tar(&[file("web/a/b", b""), file("web/a", b"")])), "E0812", "twice");
    refused(&gzip(&tar(&[file("web/a", b""), member(b'5', b"web/a/", b"")])), "E0812", "twice");
    let renamed = [pax(&[("path", "web/Chart.yaml")]), file("web/other", b"name: evil\n")];
    refused(&gzip(&tar(&renamed)), "E0812", "twice");
}

#[test]
fn headers_that_readers_understand_differently_are_refused() {
    let next = || file("web/x", b"x");
    for (key, value) in [
        ("size", "0"),
        ("GNU.sparse.name", "y"),
        ("linkpath", "/etc"),
        ("SCHILY.xattr.a", "b"),
        ("hdrcharset", "BINARY"),
    ] {
        refused(&gzip(&tar(&[pax(&[(key, value)]), next()])), "E0811", &format!("sets `{key}`"));
    }
    let fine = pax(&[("mtime", "1.5"), ("path", "web/y")]);
    assert!(read_chart(gzip(&tar(&[fine.clone(), next()])).as_slice(), &Limits::default()).is_ok());
    refused(&gzip(&tar(&[fine.clone(), fine.clone(), next()])), "E0811", "two headers");
    refused(&gzip(&tar(&[fine.clone(), member(b'L', b"l", b"web/z\0"), next()])), "E0811", "two headers");
    refused(&gzip(&tar(&[fine.clone(), member(b'g', b"g", b""), next()])), "E0811", "two headers");
    refused(&gzip(&tar(&[fine])), "E0811", "no member");
    refused(&gzip(&tar(&[pax(&[("path", "web/y"), ("path", "web/z")]), next()])), "E0811", "twice");
    refused(&gzip(&tar(&[member(b'g', b"g", b"14 path=web/a\n"), next()])), "E0811", "sets `path`");
    for content in ["99 path=a\n", "x path=a\n", "9 path=a", "0 \n", "10 path=ab", "+9 path=a\n", "4 a\n"] {
        refused(&gzip(&tar(&[member(b'x', b"x", content.as_bytes()), next()])), "E0811", "cannot be read");
    }
    let mut wrong = tar(&[next()]);
    wrong[1024] ^= 1;
    refused(&gzip(&wrong), "E0811", "checksum");
}

#[test]
fn the_end_is_the_end() {
    let plain = tar(&[]);
    refused(&gzip(&[&plain[..], b"x"].concat()), "E0811", "behind its end");
    refused(&gzip(&[&plain[..], &tar(&[])[..]].concat()), "E0811", "behind its end");
    refused(&gzip(&plain[..1024]), "E0811", "breaks off");
    refused(&gzip(&plain[..800]), "E0811", "");
    let packed = gzip(&plain);
    refused(&packed[..packed.len() - 5], "E0811", "");
    refused(&[&packed[..], b"garbage"].concat(), "E0811", "");
    refused(&plain, "E0811", "");
    refused(b"", "E0811", "");
    let mut flipped = packed.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    assert!(read_chart(flipped.as_slice(), &Limits::default()).is_err());
    // Zeros are padding, in any number.
    assert!(read_chart(gzip(&[plain, vec![0; 10_240]].concat()).as_slice(), &Limits::default()).is_ok());
}

#[test]
fn bombs_stop_at_the_limit() {
    let limits = Limits { unpacked: 1 << 20, file: 4096, members: 20 };
    let refused = |packed: &[u8], part: &str| {
        let error = read_chart(packed, &limits).unwrap_err();
        assert!(error.code() == "E0813" && error.to_string().contains(part), "{error}");
    };
    let zeros = gzip(&vec![0; 64 << 20]);
    refused(&[gzip(&file("web/Chart.yaml", CHART)), zeros.clone()].concat(), "1048576 bytes");
    refused(&gzip(&tar(&[file("web/x", &[1; 4097])])), "4096 bytes in a file");
    refused(
        &gzip(&tar(&(0..20).map(|it| file(&format!("web/{it}"), b"")).collect::<Vec<_>>())),
        "20 members",
    );
    // A size that is a lie costs nothing: it is refused before anything is read.
    let mut lie = file("web/x", b"");
    let mut header = Header::from_byte_slice(&lie[..512]).clone();
    header.set_size(1 << 40);
    header.set_cksum();
    lie[..512].copy_from_slice(header.as_bytes());
    refused(&gzip(&[file("web/Chart.yaml", CHART), lie].concat()), "bytes in a file");
}

#[test]
fn a_chart_lies_in_the_folder_of_its_name() {
    let at = |folder: &str| gzip(&[file(&format!("{folder}/Chart.yaml"), CHART), vec![0; 1024]].concat());
    refused(&at("other"), "E0815", "`other`");
    refused(&gzip(&[file("web/values.yaml", b""), vec![0; 1024]].concat()), "E0814", "no `Chart.yaml`");
    refused(&gzip(&[file("web/sub/Chart.yaml", CHART), vec![0; 1024]].concat()), "E0814", "no `Chart.yaml`");
    let evil = b"apiVersion: v2\nname: ..\nversion: 1.0.0\n";
    refused(&gzip(&[file("web/Chart.yaml", evil), vec![0; 1024]].concat()), "E0810", "no name of a chart");
}
