//! Secrets on a host, and its backup, with the real `age` as the other side.

use gabion_bundle::{FileTarget, Generate, KubernetesTarget, SecretTarget, SecretTargets};
use gabion_host::backup::{self, Part, Restored, Summary, Wanted};
use gabion_host::seal::{Identity, Recipient};
use gabion_host::secrets::{
    Expect, Sidecar, Value, files, generate, identity, inject, inject_plain, missing, objects,
};
use gabion_host::{HostError, Root};
use gabion_testkit::{has, program};
use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

struct Host {
    folder: tempfile::TempDir,
    root: Root,
}

const PROD: Expect<'static> = Expect { bundle: "b", host: Some("prod") };

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        Self { folder, root }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn put(&self, path: &str, bytes: &[u8], mode: u32) {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, bytes).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn inject(&self, sidecar: &Sidecar) -> Result<bool, HostError> {
        let identity = identity(&self.root).unwrap();
        inject(&self.root, sealed(sidecar, &identity.recipient()).as_slice(), &identity, PROD)
            .map(|it| it.changed)
    }

    /// Every file below the root: path and bytes.
    fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut all = Vec::new();
        walk(self.folder.path(), &mut all);
        all.sort();
        all
    }
}

fn walk(folder: &Path, all: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.symlink_metadata().unwrap().is_dir() {
            walk(&path, all);
        } else if path.symlink_metadata().unwrap().is_file() {
            let bytes = fs_err::read(&path).unwrap();
            all.push((path, bytes));
        }
    }
}

fn sealed(sidecar: &Sidecar, recipient: &Recipient) -> Vec<u8> {
    let mut sidecar = sidecar.clone();
    sidecar.recipients.insert(recipient.to_string());
    let mut out = Vec::new();
    sidecar.seal(&mut out).unwrap().unwrap();
    out
}

fn sidecar(serial: u64, values: &[(&str, &str)]) -> Sidecar {
    let mut it = Sidecar { serial, ..Sidecar::new("b", "prod") };
    for (name, value) in values {
        it.values.insert((*name).to_owned(), Value::new(value.as_bytes().to_vec()));
    }
    it
}

fn kubernetes(name: &str, object: &str, keys: &[&str]) -> SecretTarget {
    SecretTarget {
        name: name.to_owned(),
        kubernetes: Some(KubernetesTarget {
            namespace: "apps".to_owned(),
            name: object.to_owned(),
            kind: "Opaque".to_owned(),
            keys: keys.iter().map(|it| (*it).to_owned()).collect(),
        }),
        file: None,
        optional: false,
        generate: None,
    }
}

fn file(name: &str, path: &str, mode: &str, owner: Option<&str>) -> SecretTarget {
    let file = FileTarget { path: path.to_owned(), mode: mode.to_owned(), owner: owner.map(str::to_owned) };
    SecretTarget { kubernetes: None, file: Some(file), ..kubernetes(name, "x", &["x"]) }
}

fn targets(secrets: Vec<SecretTarget>) -> SecretTargets {
    SecretTargets { format: 1, bundle: "b".to_owned(), secrets }
}

fn code<T>(result: Result<T, HostError>) -> &'static str {
    match result {
        Ok(_) => "fine",
        Err(error) => error.code(),
    }
}

#[test]
fn an_identity_is_made_once_and_is_for_its_owner_alone() {
    let host = Host::new();
    let first = identity(&host.root).unwrap().recipient().to_string();
    assert_eq!(identity(&host.root).unwrap().recipient().to_string(), first);
    let mode = |path: &str| host.path(path).metadata().unwrap().mode() & 0o7777;
    assert_eq!(mode("var/lib/gabion/secrets/identity.age"), 0o600);
    assert_eq!(mode("var/lib/gabion/secrets"), 0o700);
}

#[test]
fn values_are_taken_once_and_a_second_run_writes_nothing() {
    let host = Host::new();
    assert!(host.inject(&sidecar(3, &[("db", "stones")])).unwrap());
    let before = host.everything();
    assert!(!host.inject(&sidecar(3, &[("db", "stones")])).unwrap());
    assert_eq!(host.everything(), before);
    let path = host.path("var/lib/gabion/secrets/values/b.json");
    assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn a_lower_serial_another_content_another_bundle_and_another_host_are_refused() {
    let host = Host::new();
    host.inject(&sidecar(3, &[("db", "stones")])).unwrap();
    let before = host.everything();
    let refused = |it: &Sidecar, expected: &str| {
        let error = host.inject(it).unwrap_err();
        assert_eq!((error.code(), error.is_trust()), (expected, true), "{error}");
    };
    refused(&sidecar(2, &[("db", "stones")]), "E0685");
    refused(&sidecar(3, &[("db", "other")]), "E0686");
    refused(&Sidecar { bundle: "c".to_owned(), ..sidecar(4, &[]) }, "E0684");
    refused(&Sidecar { host: "staging".to_owned(), ..sidecar(4, &[]) }, "E0684");
    let nameless = Expect { bundle: "b", host: None };
    let plain = sidecar(4, &[]).to_text();
    assert_eq!(code(inject_plain(&host.root, plain.as_bytes(), nameless)), "E0684");
    assert_eq!(host.everything(), before, "a refusal writes nothing");
    assert!(host.inject(&Sidecar { host: "*".to_owned(), ..sidecar(4, &[("db", "new")]) }).unwrap());
    fs_err::write(host.path("var/lib/gabion/trust/secrets.json"), "{").unwrap();
    refused(&sidecar(5, &[]), "E0689");
}

#[test]
fn a_sidecar_for_others_or_a_damaged_one_is_refused() {
    let host = Host::new();
    let own = identity(&host.root).unwrap();
    let others = sealed(&sidecar(1, &[("db", "x")]), &Identity::generate().recipient());
    assert_eq!(code(inject(&host.root, others.as_slice(), &own, PROD)), "E0681");
    let mut cut = sealed(&sidecar(1, &[("db", "x")]), &own.recipient());
    cut.pop();
    assert_eq!(code(inject(&host.root, cut.as_slice(), &own, PROD)), "E0682");
    assert!(!host.path("var/lib/gabion/secrets/values").exists());
}

#[test]
fn over_the_pipe_comes_the_same_without_a_seal() {
    let host = Host::new();
    let text = sidecar(1, &[("db", "stones")]).to_text();
    assert_eq!(inject_plain(&host.root, text.as_bytes(), PROD).unwrap().names, ["db"]);
    assert_eq!(code(inject_plain(&host.root, &b"{\"format\":1}"[..], PROD)), "E0683");
}

#[test]
fn objects_have_the_values_of_all_secrets_that_share_them() {
    let host = Host::new();
    let mut optional = kubernetes("extra", "other", &["x"]);
    optional.optional = true;
    let all = targets(vec![
        kubernetes("admin", "grafana", &["user", "password"]),
        kubernetes("ldap", "grafana", &["bind"]),
        optional,
    ]);
    assert_eq!(missing(&host.root, &all).unwrap(), ["admin#password", "admin#user", "ldap"]);
    assert_eq!(code(objects(&host.root, &all)), "E0687");
    host.inject(&sidecar(1, &[("admin#user", "ops"), ("admin#password", "p\n\u{fc}"), ("ldap", "x")]))
        .unwrap();
    assert_eq!(missing(&host.root, &all).unwrap(), [""; 0]);
    let objects = objects(&host.root, &all).unwrap();
    assert_eq!(objects.len(), 1);
    let object: serde_json::Value = serde_json::from_str(&objects[0]).unwrap();
    let expected = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "namespace": "apps", "name": "grafana" },
        "type": "Opaque",
        "data": { "user": "b3Bz", "password": "cArDvA==", "bind": "eA==" },
    });
    assert_eq!(object, expected);
}

#[test]
fn what_nobody_gives_is_made_once_and_a_given_value_goes_before_it() {
    let host = Host::new();
    let (mut text, mut bytes) = (kubernetes("text", "a", &["x"]), kubernetes("bytes", "b", &["x", "y"]));
    text.generate = Some(Generate::Text { alphabet: "abcdefghij".to_owned(), length: 40 });
    bytes.generate = Some(Generate::Bytes { bytes: 32 });
    let all = targets(vec![text, bytes]);
    assert_eq!(missing(&host.root, &all).unwrap(), [""; 0]);
    assert_eq!(generate(&host.root, &all).unwrap(), ["text", "bytes#x", "bytes#y"]);
    let first = objects(&host.root, &all).unwrap();
    assert_eq!(generate(&host.root, &all).unwrap(), [""; 0]);
    assert_eq!(objects(&host.root, &all).unwrap(), first);
    host.inject(&sidecar(1, &[("text", "given")])).unwrap();
    assert!(objects(&host.root, &all).unwrap()[0].contains("Z2l2ZW4="));
    let other = Host::new();
    generate(&other.root, &all).unwrap();
    assert!(objects(&other.root, &all).unwrap() != first);
}

#[test]
fn files_are_written_where_they_differ_and_go_with_their_secret() {
    let host = Host::new();
    host.put("etc/passwd", b"root:x:0:0::/:\nwg:x:1234:1235::/:\n", 0o644);
    host.put("etc/group", b"root:x:0:\nadm:x:77:\n", 0o644);
    host.put("etc/wg.key", b"theirs", 0o644);
    host.inject(&sidecar(1, &[("wg", "stones"), ("b", "sticks")])).unwrap();
    let mut all =
        targets(vec![file("wg", "/etc/wg.key", "0640", None), file("b", "/etc/new/b", "0600", None)]);
    assert_eq!(files(&host.root, &all).unwrap(), ["etc/wg.key", "etc/new/b"]);
    assert_eq!(fs_err::read(host.path("etc/wg.key")).unwrap(), b"stones");
    assert_eq!(fs_err::read(host.path("etc/wg.key.before-gabion")).unwrap(), b"theirs");
    assert_eq!(host.path("etc/wg.key").metadata().unwrap().mode() & 0o7777, 0o640);
    assert_eq!(files(&host.root, &all).unwrap(), [""; 0]);
    host.put("etc/new/b", b"bent", 0o600);
    assert_eq!(files(&host.root, &all).unwrap(), ["etc/new/b"]);
    assert!(!host.path("etc/new/b.before-gabion").exists(), "a file of ours is not kept");
    all.secrets.pop();
    assert_eq!(files(&host.root, &all).unwrap(), ["etc/new/b"]);
    assert!(!host.path("etc/new/b").exists());
    let unknown = targets(vec![file("wg", "/etc/wg.key", "0600", Some("nobody-here"))]);
    assert_eq!(code(files(&host.root, &unknown)), "E0688");
    if rustix::process::geteuid().is_root() {
        let owned = targets(vec![file("wg", "/etc/wg.key", "0600", Some("wg:adm"))]);
        files(&host.root, &owned).unwrap();
        let meta = host.path("etc/wg.key").metadata().unwrap();
        assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o7777), (1234, 77, 0o600));
        assert_eq!(files(&host.root, &owned).unwrap(), [""; 0]);
    }
}

#[test]
fn the_real_age_opens_what_is_sealed_here_and_seals_what_is_opened_here() {
    if !has(&["age", "age-keygen"]) {
        return;
    }
    let host = Host::new();
    let made = sidecar(1, &[("db", "stones")]);
    let own = identity(&host.root).unwrap();
    let key = host.path("var/lib/gabion/secrets/identity.age");
    let run = |arguments: &[&std::ffi::OsStr], input: &[u8]| {
        let mut child = program("age")
            .args(arguments)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        output.stdout
    };
    let opened = run(&["-d".as_ref(), "-i".as_ref(), key.as_ref()], &sealed(&made, &own.recipient()));
    assert_eq!(Sidecar::parse(&opened).unwrap().values, made.values);
    let recipient = own.recipient().to_string();
    let theirs = run(&["-r".as_ref(), recipient.as_ref()], made.to_text().as_bytes());
    assert!(inject(&host.root, theirs.as_slice(), &own, PROD).unwrap().changed);
    let printed = gabion_testkit::text(program("age-keygen").arg("-y").arg(&key));
    assert_eq!(printed.trim(), recipient);
}

const TOKEN: &str = "var/lib/rancher/k3s/server/token";
const SNAPSHOT: &str = "var/lib/rancher/k3s/server/db/snapshots/on-demand-1";
const VOLUME: &str = "var/lib/rancher/k3s/storage/pvc-1";

/// A host with something of each part, and what its backup is to hold.
fn full() -> (Host, Wanted) {
    let host = Host::new();
    host.put(TOKEN, b"K10stones", 0o600);
    host.put("etc/rancher/node/password", b"node", 0o600);
    host.put(SNAPSHOT, &vec![7; 300_000], 0o600);
    host.put("state/identity/ssh_host_ed25519_key", b"key", 0o600);
    host.put(&format!("{VOLUME}/data/{}", "n".repeat(250)), b"long name", 0o640);
    host.put(&format!("{VOLUME}/empty"), b"", 0o644);
    std::os::unix::fs::symlink("/etc/shadow", host.path(&format!("{VOLUME}/link"))).unwrap();
    fs_err::create_dir(host.path(&format!("{VOLUME}/closed"))).unwrap();
    fs_err::set_permissions(host.path(&format!("{VOLUME}/closed")), PermissionsExt::from_mode(0o2750))
        .unwrap();
    host.inject(&sidecar(3, &[("db", "stones")])).unwrap();
    let wanted = Wanted {
        snapshots: vec![SNAPSHOT.to_owned()],
        volumes: vec![VOLUME.to_owned()],
        bundle: Some("sha256:00".to_owned()),
        images: vec!["ghcr.io/a@sha256:00".to_owned()],
    };
    (host, wanted)
}

fn saved(host: &Host, wanted: &Wanted, to: &Identity) -> Vec<u8> {
    let mut out = Vec::new();
    backup::write(&host.root, wanted, &[to.recipient()], &mut out).unwrap();
    out
}

/// Reads a sealed backup whole.
fn whole(sealed: &[u8], keys: &[Identity]) -> Result<Summary, HostError> {
    backup::verify(backup::unseal(sealed, keys)?)
}

/// Puts parts of a sealed backup back.
fn put_back(
    root: &Root,
    sealed: &[u8],
    keys: &[Identity],
    what: &BTreeSet<Part>,
) -> Result<Restored, HostError> {
    backup::restore(root, backup::unseal(sealed, keys)?, what)
}

fn all() -> BTreeSet<Part> {
    Part::ALL.into_iter().collect()
}

/// Path, mode and bytes or target of everything below `root`.
fn tree(root: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    fn walk(root: &Path, at: &Path, out: &mut Vec<(PathBuf, u32, Vec<u8>)>) {
        for entry in fs_err::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let bytes = if meta.is_dir() {
                walk(root, &path, out);
                Vec::new()
            } else if meta.is_symlink() {
                fs_err::read_link(&path).unwrap().to_str().unwrap().as_bytes().to_vec()
            } else {
                fs_err::read(&path).unwrap()
            };
            out.push((path.strip_prefix(root).unwrap().to_owned(), meta.mode(), bytes));
        }
    }
    let mut out = Vec::new();
    walk(root, root, &mut out);
    out.sort();
    out
}

#[test]
fn what_is_saved_is_there_again_with_modes_and_symlinks() {
    let (host, wanted) = full();
    let operator = Identity::generate();
    let bytes = saved(&host, &wanted, &operator);
    let keys = std::slice::from_ref(&operator);
    let summary = whole(bytes.as_slice(), keys).unwrap();
    assert_eq!(summary.files[&Part::Volumes], 2);
    assert_eq!(summary.bytes[&Part::Snapshots], 300_000);
    assert_eq!(summary.bundle.as_deref(), Some("sha256:00"));
    let new = Host::new();
    let restored = put_back(&new.root, bytes.as_slice(), keys, &all()).unwrap();
    assert_eq!(restored.summary, summary);
    let below = |host: &Host, place: &str| tree(&host.path(place));
    for part in Part::ALL.into_iter().filter(|it| !matches!(it, Part::Token | Part::NodePassword)) {
        assert_eq!(below(&new, part.place()), below(&host, part.place()), "{part:?}");
    }
    assert_eq!(fs_err::read(new.path(TOKEN)).unwrap(), b"K10stones");
    // Again over what is there, and a part alone.
    put_back(&new.root, bytes.as_slice(), keys, &all()).unwrap();
    let some = Host::new();
    let only: BTreeSet<Part> = [Part::Token].into();
    assert_eq!(put_back(&some.root, bytes.as_slice(), keys, &only).unwrap().written, [TOKEN]);
    assert_eq!(some.everything().len(), 1);
    assert_eq!(code(whole(bytes.as_slice(), &[Identity::generate()])), "E0681");
}

#[test]
fn a_cut_or_bent_backup_puts_nothing_in_place() {
    let (host, wanted) = full();
    let operator = Identity::generate();
    let bytes = saved(&host, &wanted, &operator);
    let keys = std::slice::from_ref(&operator);
    let new = Host::new();
    new.put(TOKEN, b"mine", 0o600);
    let before = tree(new.folder.path());
    let refused = |bytes: &[u8], at: usize| {
        let error = put_back(&new.root, bytes, keys, &all()).unwrap_err();
        assert!(error.is_integrity() || error.is_trust(), "{at}: {error}");
        assert_eq!(tree(new.folder.path()), before, "{at}");
        assert!(whole(bytes, keys).is_err());
    };
    for at in (0..bytes.len()).step_by(bytes.len() / 37) {
        refused(&bytes[..at], at);
        let mut bent = bytes.clone();
        bent[at] ^= 0x10;
        refused(&bent, at);
    }
    refused(&bytes[..bytes.len() - 1], bytes.len() - 1);
}

/// A backup of these entries, sealed as a stranger would.
fn forged(to: &Identity, build: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    add(&mut tar, "FORMAT", b"gabion-backup 1\n");
    build(&mut tar);
    let mut sealing = gabion_host::seal::seal([&to.recipient()], Vec::new()).unwrap().unwrap();
    sealing.write_all(&tar.into_inner().unwrap()).unwrap();
    sealing.finish().unwrap()
}

fn header(name: &str, kind: tar::EntryType, size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o600);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size as u64);
    header
}

fn add(tar: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]) {
    let mut header = header(name, tar::EntryType::Regular, bytes.len());
    header.set_cksum();
    tar.append(&header, bytes).unwrap();
}

#[test]
fn no_backup_writes_outside_of_its_folders() {
    let operator = Identity::generate();
    let keys = std::slice::from_ref(&operator);
    for bad in [
        "root/etc/shadow",
        "root/../etc/shadow",
        "root//etc/shadow",
        "etc/shadow",
        "root/var/lib/rancher/k3s/storage/../../../../../etc/shadow",
        "root/var/lib/rancher/k3s/storage/./a",
        "root/var/lib/rancher/k3s/server/token/a",
    ] {
        let host = Host::new();
        let bytes = forged(&operator, |tar| add(tar, bad, b"x"));
        let error = put_back(&host.root, bytes.as_slice(), keys, &all()).unwrap_err();
        assert!(error.is_integrity(), "{bad}: {error}");
        assert!(tree(host.folder.path()).is_empty(), "{bad}");
    }
    let host = Host::new();
    let bytes = forged(&operator, |tar| {
        let mut link = header(&format!("root/{VOLUME}"), tar::EntryType::Symlink, 0);
        link.set_link_name("/etc").unwrap();
        link.set_cksum();
        tar.append(&link, std::io::empty()).unwrap();
        add(tar, &format!("root/{VOLUME}/shadow"), b"x");
    });
    assert_eq!(code(put_back(&host.root, bytes.as_slice(), keys, &all())), "E0691");
    assert!(tree(host.folder.path()).is_empty());
    let bytes = forged(&operator, |tar| {
        let mut device = header(&format!("root/{VOLUME}"), tar::EntryType::Char, 0);
        device.set_cksum();
        tar.append(&device, std::io::empty()).unwrap();
    });
    assert_eq!(code(put_back(&host.root, bytes.as_slice(), keys, &all())), "E0691");
}

#[test]
fn a_symlink_that_a_volume_left_on_the_host_leads_nowhere() {
    let (host, wanted) = full();
    let operator = Identity::generate();
    let bytes = saved(&host, &wanted, &operator);
    let new = Host::new();
    fs_err::create_dir_all(new.path("etc")).unwrap();
    fs_err::create_dir_all(new.path(VOLUME)).unwrap();
    std::os::unix::fs::symlink("/etc", new.path(&format!("{VOLUME}/data"))).unwrap();
    let before = tree(new.folder.path());
    let restored = put_back(&new.root, bytes.as_slice(), std::slice::from_ref(&operator), &all());
    assert_eq!(code(restored), "E0691");
    assert_eq!(tree(new.folder.path()), before);
}

#[test]
fn only_what_lies_in_its_folder_is_saved() {
    let (host, wanted) = full();
    let to = [Identity::generate().recipient()];
    for bad in ["etc/shadow", "var/lib/rancher/k3s/server/db/snapshots/none", "../x"] {
        let wanted = Wanted { snapshots: vec![bad.to_owned()], ..wanted.clone() };
        assert_eq!(code(backup::write(&host.root, &wanted, &to, Vec::new())), "E0692", "{bad}");
    }
    assert_eq!(code(backup::write(&host.root, &wanted, &[], Vec::new())), "E0680");
    let bare = Host::new();
    backup::write(&bare.root, &Wanted::default(), &to, Vec::new()).unwrap();
}

#[test]
fn the_real_age_and_tar_open_a_backup() {
    if !has(&["age", "tar"]) {
        return;
    }
    let (host, wanted) = full();
    let operator = Identity::generate();
    let work = tempfile::tempdir().unwrap();
    fs_err::write(work.path().join("key"), operator.to_text().as_bytes()).unwrap();
    fs_err::write(work.path().join("backup.age"), saved(&host, &wanted, &operator)).unwrap();
    let run = |name: &str, arguments: &str| {
        gabion_testkit::text(program(name).args(arguments.split(' ')).current_dir(work.path()))
    };
    run("age", "-d -i key -o backup.tar backup.age");
    let listed = run("tar", "-tf backup.tar");
    let names: Vec<&str> = listed.lines().collect();
    assert_eq!((names[0], names[names.len() - 1]), ("FORMAT", "backup.json"));
    run("tar", "-xf backup.tar --no-same-owner");
    assert_eq!(fs_err::read(work.path().join("root").join(TOKEN)).unwrap(), b"K10stones");
}
