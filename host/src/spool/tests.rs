use super::*;
use crate::power::cut_after;
use gabion_bundle::{SigningKey, Source, Spec, Stage, Time, TrustRoot, assemble, sign_bundle};
use std::io::{Cursor, SeekFrom};

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32], "test")
}

fn trust() -> TrustRoot {
    TrustRoot::single(&key().public_line().unwrap()).unwrap()
}

fn policy(root: &TrustRoot) -> Policy<'_> {
    let now: Time = "2026-11-26T00:00:00Z".parse().unwrap();
    Policy::new(root, now, Stage::Install)
}

fn unsigned(members: &[(&str, &[u8])]) -> Vec<u8> {
    let member = |(path, bytes): &(&str, &[u8])| ((*path).to_owned(), Source::Bytes(bytes.to_vec()));
    let spec = Spec {
        name: "platform".to_owned(),
        platform: "linux/amd64".to_owned(),
        members: members.iter().map(member).collect(),
        objects: Vec::new(),
    };
    let mut bytes = Cursor::new(Vec::new());
    assemble(&spec, &mut bytes).unwrap();
    bytes.into_inner()
}

fn bundle(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Cursor::new(unsigned(members));
    sign_bundle(&mut bytes, &key()).unwrap();
    bytes.into_inner()
}

/// Bytes that no other seed gives.
fn noise(seed: u32, size: usize) -> Vec<u8> {
    (0..size as u32).map(|at| (at.wrapping_add(seed << 25).wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn small() -> Vec<u8> {
    bundle(&[("content/a", &noise(1, 5000)), ("content/b", &noise(2, 512)), ("content/empty", b"")])
}

struct Host {
    folder: tempfile::TempDir,
    root: Root,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        Self { folder, root }
    }

    fn take(&self, bytes: &[u8]) -> Result<Taken, HostError> {
        take(&self.root, Cursor::new(bytes), &policy(&trust())).map(|it| it.0)
    }

    fn names(&self) -> Vec<String> {
        self.root.names(PACKS).unwrap()
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(PACKS).join(name)
    }

    /// What lies here under this digest.
    fn lies(&self, digest: &Sha256) -> Vec<u8> {
        let mut bytes = Vec::new();
        open(&self.root, digest).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }
}

#[test]
fn a_bundle_comes_to_rest_byte_for_byte_and_a_second_time_nothing_is_written() {
    let (host, bytes) = (Host::new(), small());
    let taken = host.take(&bytes).unwrap();
    assert_eq!((taken.total, taken.reused), (bytes.len() as u64, 0));
    assert!(host.lies(&taken.digest) == bytes);
    assert_eq!(host.names(), [format!("{}.gabion", taken.digest.hex())]);
    cut_after(0);
    let again = host.take(&bytes).unwrap();
    cut_after(usize::MAX);
    assert_eq!((again.digest, again.reused + again.read), (taken.digest, taken.total));
    assert!(again.reused > 5000);
}

#[test]
fn what_an_older_bundle_has_is_taken_from_there_and_judged() {
    let host = Host::new();
    let (large, other) = (noise(3, 40_000_000), noise(9, 3000));
    let first = bundle(&[("content/disk", &large), ("content/a", &noise(1, 3000))]);
    let old = host.take(&first).unwrap();
    // Another place, another neighbour, and a change in the last of three pieces.
    let mut changed = large.clone();
    changed[39_000_000] ^= 1;
    let second = bundle(&[("content/new", &other), ("content/elsewhere", &changed)]);
    let taken = host.take(&second).unwrap();
    assert!(host.lies(&taken.digest) == second);
    assert_eq!(taken.reused, 32 << 20);
    assert!(host.lies(&old.digest) == first);

    // A damaged bundle gives nothing that is wrong.
    let damaged = host.file(&format!("{}.gabion", taken.digest.hex()));
    let mut bytes = fs_err::read(&damaged).unwrap();
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    fs_err::write(&damaged, &bytes).unwrap();
    keep(&host.root, &[taken.digest]).unwrap();
    let third = bundle(&[("content/elsewhere", &changed)]);
    let again = host.take(&third).unwrap();
    assert!(host.lies(&again.digest) == third);
    assert_eq!(again.reused, 40_000_000 - (16 << 20));
    // Nor is it taken for what it was.
    let healed = host.take(&second).unwrap();
    assert!(host.lies(&healed.digest) == second && healed.reused > 32 << 20);
}

#[test]
fn whatever_an_older_file_holds_it_costs_time_only() {
    let (host, bytes) = (Host::new(), small());
    host.root.make_folder(PACKS, 0o700).unwrap();
    for (name, junk) in [("x", &b"junk"[..]), ("y", b""), ("z", &bytes[..2000])] {
        fs_err::write(host.file(&format!("{name}.gabion")), junk).unwrap();
    }
    fs_err::create_dir(host.file("folder.gabion")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", host.file("link.gabion")).unwrap();
    let taken = host.take(&bytes).unwrap();
    assert!(host.lies(&taken.digest) == bytes);
}

/// Fails from a position of the file on.
struct Cut<'b>(Cursor<&'b [u8]>, u64);

impl Read for Cut<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.position() >= self.1 {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let left = self.1 - self.0.position();
        self.0.by_ref().take(left).read(buffer)
    }
}

impl Seek for Cut<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_transfer_that_ends_anywhere_goes_on_where_it_ended() {
    let members: Vec<(String, Vec<u8>)> =
        (0..12_u32).map(|it| (format!("content/{it:02}"), noise(it, 1000 + it as usize))).collect();
    let members: Vec<(&str, &[u8])> =
        members.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let bytes = bundle(&members);
    let (root, whole) = (trust(), bytes.len() as u64);
    let head = gabion_bundle::open(Cursor::new(&bytes), &policy(&root)).unwrap().head().unwrap().len() as u64;
    for end in (0..whole).step_by(997) {
        let host = Host::new();
        let error = take(&host.root, Cut(Cursor::new(&bytes), end), &policy(&root));
        if let Err(error) = error {
            assert_eq!((error.code(), error.is_integrity()), ("E0670", false), "{end}: {error}");
            assert!(error.help().unwrap().contains("goes on"), "{error}");
        }
        assert!(host.names().iter().all(|name| name.ends_with(PART) || end + 1024 >= whole));
        let taken = host.take(&bytes).unwrap();
        assert!(host.lies(&taken.digest) == bytes);
        // At most the member in which it ended comes again.
        let came = end.saturating_sub(head).saturating_sub(2 * 512 * 13 + 1011);
        assert!(taken.reused + 1011 >= came / 2, "{end}: {taken:?}");
        assert_eq!(host.names().len(), 1);
    }
}

#[test]
fn the_power_may_fail_before_any_change() {
    let bytes = small();
    let mut cuts = 0;
    loop {
        let host = Host::new();
        cut_after(cuts);
        let result = host.take(&bytes);
        cut_after(usize::MAX);
        if result.is_ok() {
            break;
        }
        assert_eq!(result.unwrap_err().code(), "E0603", "{cuts}");
        assert!(host.names().iter().all(|name| name.ends_with(PART)), "{cuts}");
        let taken = host.take(&bytes).unwrap();
        assert!(host.lies(&taken.digest) == bytes, "{cuts}");
        cuts += 1;
    }
    assert!(cuts > 12, "only {cuts} changes");
}

#[test]
fn what_an_interrupted_run_left_counts_piece_by_piece() {
    let (host, large) = (Host::new(), noise(3, 40_000_000));
    let bytes = bundle(&[("content/disk", &large)]);
    let digest = gabion_bundle::open(Cursor::new(&bytes), &policy(&trust())).unwrap().digest;
    host.root.make_folder(PACKS, 0o700).unwrap();
    let part = host.file(&format!("{}.gabion.part", digest.hex()));
    // Two pieces and a half, the first of them damaged; and longer than it can be.
    for left in [bytes[..38_000_000].to_vec(), [bytes.as_slice(), &[7; 5000]].concat()] {
        let mut left = left;
        left[1_000_000] ^= 1;
        fs_err::write(&part, &left).unwrap();
        let taken = host.take(&bytes).unwrap();
        assert!(host.lies(&digest) == bytes);
        let whole = if left.len() > bytes.len() { 40_000_000 - (32 << 20) } else { 0 };
        assert_eq!(taken.reused, (16 << 20) + whole);
        keep(&host.root, &[]).unwrap();
    }
}

#[test]
fn nothing_is_written_for_what_is_not_signed_or_does_not_fit() {
    let (host, bytes) = (Host::new(), small());
    let error = host.take(&unsigned(&[("content/a", b"a")])).unwrap_err();
    assert!(error.is_trust() && error.code() == "E0507", "{error}");
    let mut table = bytes.clone();
    table[600] ^= 1;
    assert!(host.take(&table).unwrap_err().is_integrity());
    assert!(!host.folder.path().join("var").exists());
    // A byte of content: what came before it stays, and nothing gets the bundle's name.
    let mut damaged = bytes.clone();
    let at = bytes.windows(64).position(|it| it == &noise(2, 64)[..]).unwrap();
    damaged[at] ^= 1;
    let error = host.take(&damaged).unwrap_err();
    assert!(error.is_integrity() && error.code() == "E0671", "{error}");
    assert!(host.names()[0].ends_with(PART));
    let taken = host.take(&bytes).unwrap();
    assert_eq!(taken.reused, 5000);
}

/// A limit of the size of files stands for a full disk: a shell ignores the signal of it and starts the test again.
#[test]
fn a_disk_that_is_full_in_the_middle_keeps_what_came() {
    const NAME: &str = "spool::tests::a_disk_that_is_full_in_the_middle_keeps_what_came";
    let bytes = bundle(&[("content/a", &noise(1, 500_000)), ("content/b", &noise(2, 500_000))]);
    if let Some(folder) = std::env::var_os("GABION_TEST_FULL") {
        let root = Root::open(folder.as_ref()).unwrap();
        let error = take(&root, Cursor::new(&bytes), &policy(&trust())).unwrap_err();
        assert_eq!(error.code(), "E0603", "{error}");
        return;
    }
    let host = Host::new();
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 700; exec \"$0\" --exact \"$1\""]);
    shell.arg(std::env::current_exe().unwrap()).arg(NAME).env("GABION_TEST_FULL", host.folder.path());
    let out = shell.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    let taken = host.take(&bytes).unwrap();
    assert!(host.lies(&taken.digest) == bytes);
    assert_eq!(taken.reused, 500_000);
}

#[test]
fn room_is_asked_for_before_anything_is_written() {
    let (host, bytes) = (Host::new(), small());
    let (_, free) = host.root.file_system("").unwrap();
    let error = room::check(&host.root, [("var/lib/gabion/packs/x", free + (1 << 30))]).unwrap_err();
    assert_eq!(error.code(), "E0607");
    host.take(&bytes).unwrap();
}

#[test]
fn only_what_is_wanted_stays() {
    let host = Host::new();
    let (one, two) = (host.take(&small()).unwrap(), host.take(&bundle(&[("content/a", b"a")])).unwrap());
    let part =
        |digest: &Sha256| fs_err::write(host.file(&format!("{}.gabion.part", digest.hex())), "x").unwrap();
    let third = Sha256::of(b"on its way");
    [one.digest, two.digest, third, Sha256::of(b"given up")].iter().for_each(part);
    fs_err::write(host.file("notes.txt"), "mine").unwrap();
    assert_eq!(keep(&host.root, &[one.digest, third]).unwrap().len(), 4);
    let mut left = [
        format!("{}.gabion", one.digest.hex()),
        format!("{}.gabion.part", third.hex()),
        "notes.txt".to_owned(),
    ];
    left.sort();
    assert_eq!(host.names(), left);
    assert_eq!(open(&host.root, &two.digest).unwrap_err().code(), "E0672");
}
