//! What Flux gets from a host: pulled by skopeo and by hand over loopback, from a bundle among its packs.

use gabion_bundle::{
    Object, Policy, SigningKey, Source, Spec, Stage, Time, TrustRoot, assemble, sign_bundle,
};
use gabion_digest::Sha256;
use gabion_host::live::{Accepted, Host, Outcome, Patience, Wishes, prepare};
use gabion_host::{Root, artifacts, spool};
use gabion_oci::compose::flux_artifact;
use gabion_testkit::{has, program, run};
use std::io::{Cursor, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

const NOW: u64 = 1_795_000_000;

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32], "test")
}

fn trust() -> TrustRoot {
    TrustRoot::single(&key().public_line().unwrap()).unwrap()
}

/// An artifact with one file.
struct Artifact {
    manifest: Vec<u8>,
    config: Vec<u8>,
    layer: Vec<u8>,
}

impl Artifact {
    fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(folder.path().join("clusters/sealed")).unwrap();
        fs_err::write(folder.path().join("clusters/sealed/kustomization.yaml"), text).unwrap();
        let tar = |how: &str| run(program("tar").arg(how).arg("-C").arg(folder.path()).arg("clusters"));
        let (plain, layer) = (tar("-c"), tar("-cz"));
        let (config, manifest) = flux_artifact(Sha256::of(&plain), Sha256::of(&layer), layer.len() as u64);
        Self { manifest, config, layer }
    }

    fn digest(&self) -> Sha256 {
        Sha256::of(&self.manifest)
    }

    /// A signed bundle with it, an image beside it, and a file.
    fn bundle(&self) -> Vec<u8> {
        let image = b"{\"a\": \"blob of an image\"}".to_vec();
        let blobs = [&self.manifest, &self.config, &self.layer, &image];
        let mut members: Vec<_> = blobs
            .map(|it| (Object::blob_member(&Sha256::of(it)), Source::Bytes(it.clone())))
            .into_iter()
            .collect();
        members.push(("content/fetch.a/secret".to_owned(), Source::Bytes(b"a file".to_vec())));
        let objects = vec![Object::Artifact { name: "gitops".to_owned(), manifest: self.digest() }];
        let platform = format!("linux/{}", if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" });
        let spec = Spec { name: "platform".to_owned(), platform, members, objects };
        let mut bundle = Cursor::new(Vec::new());
        assemble(&spec, &mut bundle).unwrap();
        sign_bundle(&mut bundle, &key()).unwrap();
        bundle.into_inner()
    }
}

/// A host and its endpoint.
struct Served {
    folder: tempfile::TempDir,
    address: SocketAddr,
}

impl Served {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let root = folder.path().to_owned();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let root = Root::open(&root).unwrap();
                // As systemd does it: one connection is input and output.
                thread::spawn(move || artifacts::serve(&root, &stream, &stream));
            }
        });
        Self { folder, address }
    }

    /// Takes a bundle in, and brings the host to it unless that is left to its next start.
    fn take(&self, bundle: Vec<u8>, now: bool) -> PathBuf {
        let trust = trust();
        let policy = Policy::new(&trust, Time::from_unix(NOW).unwrap(), Stage::Install);
        let root = Root::open(self.folder.path()).unwrap();
        let (taken, mut pack) = spool::take(&root, Cursor::new(bundle), &policy).unwrap();
        let accepted = Accepted { root: trust.to_text(), at: NOW, promotion: None };
        if now {
            let host = Host::open(self.folder.path(), NOW, Patience::default(), &|_| {}).unwrap();
            let ended = host.apply(&mut pack, accepted, Wishes::default()).unwrap();
            assert!(matches!(ended, Outcome::Settled(_)), "{ended:?}");
        } else {
            prepare(&root, &mut pack, accepted, None).unwrap();
        }
        self.folder.path().join(format!("var/lib/gabion/packs/{}.gabion", taken.digest.hex()))
    }

    /// What is answered: the head, and the bytes.
    fn ask(&self, text: &[u8]) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let _refused_before_its_end = stream.write_all(text);
        let mut all = Vec::new();
        let _cut = stream.read_to_end(&mut all);
        let end = all.windows(4).position(|it| it == b"\r\n\r\n").map_or(all.len(), |at| at + 4);
        let body = all.split_off(end);
        (String::from_utf8(all).unwrap(), body)
    }

    fn get(&self, path: &str) -> (String, Vec<u8>) {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).as_bytes())
    }

    fn skopeo(&self, reference: &str, to: &Path) -> std::process::Output {
        let from = format!("docker://{}/gitops{reference}", self.address);
        let mut command = program("skopeo");
        command.args(["copy", "--insecure-policy", "--src-tls-verify=false", &from]);
        command.arg(format!("dir:{}", to.display())).output().unwrap()
    }
}

#[test]
fn what_is_pulled_by_tag_and_by_digest_is_the_locked_tree() {
    if !has(&["skopeo", "tar"]) {
        return;
    }
    let artifact = Artifact::of("resources: []\n");
    let served = Served::new();
    served.take(artifact.bundle(), true);
    // systemd listens where the objects of Flux say, for nobody but pods.
    let units = served.folder.path().join("etc/systemd/system");
    let socket = fs_err::read_to_string(units.join("gabion-artifacts.socket")).unwrap();
    let listens = format!("\nListenStream={}\n", artifacts::ENDPOINT);
    for line in [listens.as_str(), "\nIPAddressDeny=any\nIPAddressAllow=10.42.0.0/16\n", "\nAccept=yes\n"] {
        assert!(socket.contains(line), "{socket}");
    }
    let service = fs_err::read_to_string(units.join("gabion-artifacts@.service")).unwrap();
    assert!(service.contains("gabion-host serve\nStandardInput=socket\n"), "{service}");
    let wanted = fs_err::read_link(units.join("sockets.target.wants/gabion-artifacts.socket")).unwrap();
    assert_eq!(wanted, Path::new("/etc/systemd/system/gabion-artifacts.socket"));
    for (at, reference) in [":locked".to_owned(), format!("@{}", artifact.digest())].iter().enumerate() {
        let folder = served.folder.path().join(format!("pulled-{at}"));
        let out = served.skopeo(reference, &folder);
        assert!(out.status.success(), "{reference}: {}", String::from_utf8_lossy(&out.stderr));
        assert_eq!(fs_err::read(folder.join("manifest.json")).unwrap(), artifact.manifest);
        let layer = folder.join(Sha256::of(&artifact.layer).hex());
        let text = run(program("tar").arg("-xzOf").arg(layer).arg("clusters/sealed/kustomization.yaml"));
        assert_eq!(text, b"resources: []\n");
    }
    let (head, body) = served.get("/v2/gitops/manifests/locked");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Type: application/vnd.oci.image.manifest.v1+json\r\n"), "{head}");
    assert!(head.contains(&format!("Docker-Content-Digest: {}\r\n", artifact.digest())), "{head}");
    assert_eq!(body, artifact.manifest);
    let question = b"HEAD /v2/gitops/manifests/locked HTTP/1.1\r\n\r\n";
    assert_eq!(served.ask(question), (head, Vec::new()));
    let said = String::from_utf8(body).unwrap();
    for media_type in
        ["application/vnd.cncf.flux.config.v1+json", "application/vnd.cncf.flux.content.v1.tar+gzip"]
    {
        assert!(said.contains(media_type), "{said}");
    }
}

#[test]
fn nothing_but_artifacts_is_handed_out_and_nothing_is_taken_in() {
    let artifact = Artifact::of("a\n");
    let served = Served::new();
    served.take(artifact.bundle(), true);
    let image = Sha256::of(b"{\"a\": \"blob of an image\"}");
    for path in [
        format!("/v2/gitops/blobs/{image}"),
        format!("/v2/gitops/manifests/{image}"),
        format!("/v2/other/manifests/{}", artifact.digest()),
        "/v2/gitops/manifests/latest".to_owned(),
        "/v2/gitops/blobs/sha256:".to_owned(),
        "/v2/gitops/blobs/../../../../etc/shadow".to_owned(),
        "/v2/gitops/blobs/..%2f..%2fetc%2fshadow".to_owned(),
        "/v2/../../etc/shadow".to_owned(),
        "/v2/content/fetch.a/secret".to_owned(),
        "/v2/_catalog".to_owned(),
        "/".to_owned(),
    ] {
        let (head, body) = served.get(&path);
        assert!(head.starts_with("HTTP/1.1 404 Not Found\r\n"), "{path}: {head}");
        assert!(body.starts_with(b"{\"errors\":"), "{path}");
    }
    let long = vec![b'A'; 64 << 10];
    for (text, status) in [
        (&b"POST /v2/gitops/blobs/uploads/ HTTP/1.1\r\n\r\n"[..], "405 "),
        (b"PUT /v2/gitops/manifests/locked HTTP/1.1\r\n\r\n", "405 "),
        (b"DELETE /v2/gitops/manifests/locked HTTP/1.1\r\n\r\n", "405 "),
        (b"GET /v2/ HTTP/1.1\r\nContent-Length: 1\r\n\r\n", "400 "),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400 "),
    ] {
        let (head, _) = served.ask(text);
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{}: {head}", text.escape_ascii());
    }
    // Refused while more of it is on its way: the answer may be lost, but nothing is handed out.
    let (head, body) = served.ask(&long);
    assert!(head.is_empty() || head.starts_with("HTTP/1.1 431 "), "{head}");
    assert!(body.is_empty() || body.starts_with(b"{\"errors\":"), "{}", body.escape_ascii());
    // It still answers.
    assert!(served.get("/v2/").0.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn a_flipped_bit_of_the_pack_is_never_handed_out_as_good() {
    if !has(&["skopeo", "tar"]) {
        return;
    }
    let artifact = Artifact::of("b\n");
    let served = Served::new();
    let pack = served.take(artifact.bundle(), true);
    let good = fs_err::read(&pack).unwrap();
    let place = |bytes: &[u8]| good.windows(bytes.len()).position(|it| it == bytes).unwrap();
    let release = place(b"RELEASE");
    for (what, at) in [
        ("manifest", place(&artifact.manifest) + 9),
        ("layer", place(&artifact.layer) + artifact.layer.len() / 2),
        ("a header", release),
        ("the table", place(b"\"format\": 1")),
        ("a signature", place(b"-----BEGIN SSH SIGNATURE") + 60),
    ] {
        let mut bad = good.clone();
        bad[at] ^= 4;
        fs_err::write(&pack, bad).unwrap();
        let paths = [
            "/v2/gitops/manifests/locked".to_owned(),
            format!("/v2/gitops/blobs/{}", Sha256::of(&artifact.layer)),
        ];
        let answers: Vec<_> = paths.iter().map(|it| served.get(it)).collect();
        for (head, body) in &answers {
            let is_good = [&artifact.manifest, &artifact.layer].contains(&body);
            assert_eq!(head.starts_with("HTTP/1.1 200 "), is_good, "{what}: {head}");
            assert!(is_good || head.starts_with("HTTP/1.1 500 "), "{what}: {head}");
        }
        assert!(answers.iter().any(|(head, _)| head.starts_with("HTTP/1.1 500 ")), "{what}");
        let to = served.folder.path().join(format!("damaged-{at}"));
        assert!(!served.skopeo(":locked", &to).status.success(), "{what}");
    }
    fs_err::write(&pack, &good).unwrap();
    assert_eq!(served.get("/v2/gitops/manifests/locked").1, artifact.manifest);
}

#[test]
fn the_bundle_that_a_change_leads_to_is_there_before_it_is_in_force() {
    let (old, new) = (Artifact::of("old\n"), Artifact::of("new\n"));
    let served = Served::new();
    assert!(served.get("/v2/gitops/manifests/locked").0.starts_with("HTTP/1.1 404 "), "nothing is there");
    served.take(old.bundle(), true);
    assert_eq!(served.get("/v2/gitops/manifests/locked").1, old.manifest);
    served.take(new.bundle(), false);
    assert_eq!(served.get("/v2/gitops/manifests/locked").1, new.manifest);
    // What Flux follows until then is there too, by its digest.
    assert_eq!(served.get(&format!("/v2/gitops/manifests/{}", old.digest())).1, old.manifest);
    assert_eq!(served.get(&format!("/v2/gitops/blobs/{}", Sha256::of(&new.layer))).1, new.layer);
}
