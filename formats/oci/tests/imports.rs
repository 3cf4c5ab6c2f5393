//! What containerd makes of archives: each row is a way to say an image, the names that it has after the import, and
//! what a kubelet finds it by. Our archive says images the way that is found by everything.
//!
//! K3s imports as `--no-unpack` does: what is missing or damaged shows when the first pod starts, so that nobody but us
//! can refuse it.

use gabion_digest::Sha256;
use gabion_oci::{Archive, Document, Image, Manifest, MediaType};
use gabion_testkit::{Containerd, has};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

const NAME: &str = "io.containerd.image.name";
const REF: &str = "org.opencontainers.image.ref.name";

/// The annotations of each entry of `index.json`.
type Annotations = Vec<Vec<(&'static str, String)>>;
/// Blobs by digest.
type Blobs = BTreeMap<Sha256, Vec<u8>>;

/// An image of one file, for amd64, behind an index that names one for arm64 too, which is nowhere.
#[derive(Clone)]
struct Sample {
    blobs: Blobs,
    layer: Sha256,
    config: Sha256,
    manifest: Sha256,
    index: Sha256,
}

fn put(blobs: &mut Blobs, bytes: Vec<u8>) -> Sha256 {
    let digest = Sha256::of(&bytes);
    blobs.insert(digest, bytes);
    digest
}

fn descriptor(kind: &str, digest: Sha256, size: usize, more: &str) -> String {
    format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{size}{more}}}"#)
}

impl Sample {
    /// Another name gives another image.
    fn new(name: &str) -> Self {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(name.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, "name", name.as_bytes()).unwrap();
        let mut blobs = Blobs::new();
        let tar = tar.into_inner().unwrap();
        let (size, layer) = (tar.len(), put(&mut blobs, tar));
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{layer}"]}}}}"#
        );
        let (config_size, config) = (config.len(), put(&mut blobs, config.into_bytes()));
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}}"#,
            MediaType::OCI_MANIFEST,
            descriptor("application/vnd.oci.image.config.v1+json", config, config_size, ""),
            descriptor("application/vnd.oci.image.layer.v1.tar", layer, size, "")
        );
        let (size, manifest) = (manifest.len(), put(&mut blobs, manifest.into_bytes()));
        let of = |digest, size, arch: &str| {
            let platform = format!(r#","platform":{{"architecture":"{arch}","os":"linux"}}"#);
            descriptor(MediaType::OCI_MANIFEST, digest, size, &platform)
        };
        let index = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{},{}]}}"#,
            MediaType::OCI_INDEX,
            of(manifest, size, "amd64"),
            of(Sha256::of(b"of arm64"), 7, "arm64")
        );
        let index = put(&mut blobs, index.into_bytes());
        Self { blobs, layer, config, manifest, index }
    }

    /// The entry of `index.json` for the manifest or the index, with these annotations.
    fn entry(&self, digest: Sha256, annotations: &[(&str, String)]) -> String {
        let kind = if digest == self.index { MediaType::OCI_INDEX } else { MediaType::OCI_MANIFEST };
        let pairs: Vec<String> =
            annotations.iter().map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
        let more = format!(r#","annotations":{{{}}}"#, pairs.join(","));
        descriptor(kind, digest, self.blobs[&digest].len(), &more)
    }

    /// The same with one byte of a blob changed, under its old name.
    fn flipped(mut self, digest: Sha256) -> Self {
        let bytes = self.blobs.get_mut(&digest).unwrap();
        let place = bytes.len() / 2;
        bytes[place] ^= 1;
        self
    }

    fn without(mut self, digest: Sha256) -> Self {
        self.blobs.remove(&digest);
        self
    }
}

/// A layout as one plain tar.
fn layout(entries: &[String], blobs: &Blobs) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |path: String, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, path, bytes).unwrap();
    };
    add("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#);
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","));
    add("index.json".to_owned(), index.as_bytes());
    for (digest, bytes) in blobs {
        add(format!("blobs/sha256/{}", digest.hex()), bytes);
    }
    tar.into_inner().unwrap()
}

/// A containerd, and what it had before each import.
struct Desk {
    folder: tempfile::TempDir,
    containerd: Containerd,
}

impl Desk {
    fn open() -> Option<Self> {
        if !has(&["containerd", "ctr", "curl"]) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let containerd = Containerd::start(folder.path())?;
        Some(Self { folder, containerd })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("it.tar")
    }

    /// Imports an archive as `ctr` does with these options; gives the new names.
    fn import(&self, tar: &[u8], options: &[&str]) -> Result<Vec<String>, String> {
        fs_err::write(self.path(), tar).unwrap();
        let names =
            || -> Vec<String> { self.containerd.images().into_iter().map(|(name, _)| name).collect() };
        let before = names();
        let path = self.path().display().to_string();
        let import = ["images", "import", "--snapshotter", "native"];
        self.containerd.ctr(&[&import[..], options, &[&path]].concat())?;
        // What the runtime interface adds is the digest of the configuration, a moment later.
        let new = names().into_iter().filter(|it| !before.contains(it) && !it.starts_with("sha256:"));
        Ok(new.collect())
    }

    #[track_caller]
    fn found(&self, name: &str, yes: bool) {
        let found = if yes { self.containerd.finds_soon(name) } else { self.containerd.finds(name) };
        assert_eq!(found, yes, "{name}");
    }
}

/// As K3s does.
const AS_K3S: &[&str] = &["--no-unpack"];

#[test]
fn an_image_is_found_by_exactly_the_names_that_the_archive_says() {
    let Some(desk) = Desk::open() else { return };
    let check = |name: &str, annotations: &dyn Fn(&Sample) -> Annotations, names: &[&str]| {
        let sample = Sample::new(name);
        let entries: Vec<String> =
            annotations(&sample).iter().map(|it| sample.entry(sample.manifest, it)).collect();
        let mut new = desk.import(&layout(&entries, &sample.blobs), AS_K3S).unwrap();
        new.sort();
        let mut names: Vec<String> =
            names.iter().map(|it| it.replace("DIGEST", &sample.manifest.to_string())).collect();
        names.sort();
        assert_eq!(new, names, "{name}");
        sample.manifest
    };
    // Without a name the blobs are there and no image is.
    let none = check("a", &|_| vec![vec![]], &[]);
    desk.found(&format!("docker.io/library/a@{none}"), false);
    // A whole name in either annotation is a tag, and no digest.
    for (name, key) in [("c", REF), ("d", NAME)] {
        let tag = format!("docker.io/library/{name}:v1");
        let manifest = check(name, &|_| vec![vec![(key, tag.clone())]], &[&tag]);
        desk.found(&tag, true);
        desk.found(&format!("{name}:v1"), true);
        desk.found(&format!("docker.io/library/{name}@{manifest}"), false);
    }
    // A name by digest is found by it, and so is that name with any tag: the tag is dropped before the look-up.
    let by_digest = "docker.io/library/e@DIGEST";
    let named = |it: &Sample| vec![vec![(NAME, by_digest.replace("DIGEST", &it.manifest.to_string()))]];
    let manifest = check("e", &named, &[by_digest]);
    desk.found(&format!("e@{manifest}"), true);
    desk.found(&format!("e:any@{manifest}"), true);
    desk.found("docker.io/library/e:v1", false);
    // A name with both is nobody's.
    let both = "docker.io/library/f:v1@DIGEST";
    let named = |it: &Sample| vec![vec![(NAME, both.replace("DIGEST", &it.manifest.to_string()))]];
    let manifest = check("f", &named, &[both]);
    for name in [format!("f@{manifest}"), format!("f:v1@{manifest}"), "f:v1".to_owned()] {
        desk.found(&name, false);
    }
    // Two entries are found by tag, digest, and both.
    let two = ["docker.io/library/g:v1", "docker.io/library/g@DIGEST"];
    let named =
        |it: &Sample| two.map(|name| vec![(NAME, name.replace("DIGEST", &it.manifest.to_string()))]).to_vec();
    let manifest = check("g", &named, &two);
    for name in ["g:v1".to_owned(), format!("g@{manifest}"), format!("g:v1@{manifest}")] {
        desk.found(&name, true);
    }
    // A tag alone is no name.
    let sample = Sample::new("b");
    let entries = [sample.entry(sample.manifest, &[(REF, "v1".to_owned())])];
    let new = desk.import(&layout(&entries, &sample.blobs), AS_K3S).unwrap();
    assert!(new.len() == 1 && new[0].starts_with("import-") && new[0].ends_with(":v1"), "{new:?}");
}

#[test]
fn an_index_keeps_its_name_without_the_other_machines() {
    let Some(desk) = Desk::open() else { return };
    let sample = Sample::new("index");
    let names = |it: &str| vec![(NAME, it.to_owned())];
    let pinned = format!("docker.io/library/h@{}", sample.index);
    let entries = [
        sample.entry(sample.index, &names("docker.io/library/h:v1")),
        sample.entry(sample.index, &names(&pinned)),
    ];
    let tar = layout(&entries, &sample.blobs);
    // Whoever asks for all machines gets none.
    let error = desk.import(&tar, &["--all-platforms", "--no-unpack"]).unwrap_err();
    assert!(error.contains("not found"), "{error}");
    assert_eq!(desk.import(&tar, AS_K3S).unwrap(), ["docker.io/library/h:v1".to_owned(), pinned.clone()]);
    for name in ["h:v1".to_owned(), pinned, format!("h:v1@{}", sample.index)] {
        desk.found(&name, true);
    }
    desk.found(&format!("h@{}", sample.manifest), false);
}

fn ours(sample: &Sample, name: &str) -> Archive {
    let open = |digest: Sha256| Document::reopen(sample.blobs[&digest].clone()).unwrap();
    let (Document::Index(index), Document::Manifest(manifest)) = (open(sample.index), open(sample.manifest))
    else {
        panic!("an index and a manifest")
    };
    Archive::new([&Image::new(name.parse().unwrap(), Some(index), manifest).unwrap()]).unwrap()
}

fn written(archive: &Archive, blobs: &Blobs) -> std::io::Result<Vec<u8>> {
    let mut tar = Vec::new();
    archive.write(&mut tar, &mut |digest, out: &mut dyn Write| out.write_all(&blobs[digest]))?;
    Ok(tar)
}

#[test]
fn our_archive_is_found_by_tag_by_every_digest_and_by_both() {
    let Some(desk) = Desk::open() else { return };
    let sample = Sample::new("ours");
    let archive = ours(&sample, "registry.example/acme/api:v1");
    let (index, manifest) = (sample.index, sample.manifest);
    let new = desk.import(&written(&archive, &sample.blobs).unwrap(), AS_K3S).unwrap();
    let name = "registry.example/acme/api";
    let mut expected = vec![format!("{name}:v1"), format!("{name}@{index}"), format!("{name}@{manifest}")];
    expected.sort();
    assert_eq!(new, expected);
    for digest in [index, manifest] {
        desk.found(&format!("{name}@{digest}"), true);
        desk.found(&format!("{name}:v1@{digest}"), true);
    }
    desk.found(&format!("{name}:v1"), true);
    desk.found(&format!("{name}:v2"), false);
    // Without a tag it gets one, because K3s leaves images without to the garbage collector.
    let sample = Sample::new("pinned");
    let archive = ours(&sample, &format!("{name}@{}", sample.index));
    let new = desk.import(&written(&archive, &sample.blobs).unwrap(), &[]).unwrap();
    assert!(new.contains(&format!("{name}:gabion-{}", &sample.index.hex()[..12])), "{new:?}");
    desk.found(&format!("{name}@{}", sample.index), true);
    let checked = desk.containerd.ctr(&["images", "check", "--snapshotter", "native"]).unwrap();
    let unpacked = checked.lines().find(|it| it.contains(":gabion-")).unwrap();
    assert!(unpacked.contains("complete (2/2)") && unpacked.trim_end().ends_with("true"), "{unpacked}");
}

#[test]
fn a_flipped_byte_or_a_missing_blob_is_refused_by_who_unpacks_and_taken_by_who_does_not() {
    let Some(desk) = Desk::open() else { return };
    let entries = |it: &Sample, name: &str| {
        vec![it.entry(it.manifest, &[(NAME, format!("docker.io/library/{name}:v1"))])]
    };
    let layer: fn(&Sample) -> Sha256 = |it| it.layer;
    let config: fn(&Sample) -> Sha256 = |it| it.config;
    // (name, broken, whether an import without unpacking takes it)
    let rows: [(&str, Sample, bool); 4] = [
        (
            "flip-layer",
            {
                let it = Sample::new("i");
                let at = layer(&it);
                it.flipped(at)
            },
            true,
        ),
        (
            "no-layer",
            {
                let it = Sample::new("j");
                let at = layer(&it);
                it.without(at)
            },
            true,
        ),
        (
            "flip-config",
            {
                let it = Sample::new("k");
                let at = config(&it);
                it.flipped(at)
            },
            true,
        ),
        (
            "flip-manifest",
            {
                let it = Sample::new("l");
                let at = it.manifest;
                it.flipped(at)
            },
            false,
        ),
    ];
    for (name, sample, taken) in rows {
        let tar = layout(&entries(&sample, name), &sample.blobs);
        assert!(desk.import(&tar, &[]).is_err(), "{name} was unpacked");
        let again = desk.import(&tar, AS_K3S);
        assert_eq!(again.is_ok(), taken, "{name}: {again:?}");
    }
    // We refuse what has another length while it is written; a flipped byte is the store's and the bundle's to find.
    let sample = Sample::new("m");
    let archive = ours(&sample, "registry.example/acme/m:v1");
    let mut short = sample.blobs.clone();
    short.get_mut(&sample.layer).unwrap().pop();
    assert!(written(&archive, &short).unwrap_err().to_string().contains("too early"));
}

#[test]
fn what_containerd_does_not_read_is_told() {
    let Some(desk) = Desk::open() else { return };
    if !has(&["zstd"]) {
        return;
    }
    let sample = Sample::new("packed");
    let archive = ours(&sample, "registry.example/acme/packed:v1");
    fs_err::write(desk.path(), written(&archive, &sample.blobs).unwrap()).unwrap();
    let packed = gabion_testkit::run(gabion_testkit::program("zstd").args(["-q", "-c"]).arg(desk.path()));
    let error = desk.import(&packed, AS_K3S).unwrap_err();
    assert!(error.contains("invalid tar header"), "{error}");
}

/// The form of Docker is written anew by whoever writes it: who pins the image's digest does not find it.
#[test]
fn an_archive_in_docker_s_form_loses_the_digest() {
    let Some(desk) = Desk::open() else { return };
    if !has(&["skopeo"]) {
        return;
    }
    let sample = Sample::new("docker");
    let name = "registry.example/acme/docker:v1";
    fs_err::write(desk.path(), written(&ours(&sample, name), &sample.blobs).unwrap()).unwrap();
    let to = desk.folder.path().join("docker.tar");
    let mut skopeo = gabion_testkit::program("skopeo");
    skopeo.args(["copy", "--quiet", "--override-arch=amd64"]);
    skopeo.arg(format!("oci-archive:{}:{name}", desk.path().display()));
    gabion_testkit::run(skopeo.arg(format!("docker-archive:{}:{name}", to.display())));
    assert_eq!(desk.import(&fs_err::read(to).unwrap(), AS_K3S).unwrap(), [name]);
    desk.found(name, true);
    for digest in [sample.index, sample.manifest] {
        desk.found(&format!("registry.example/acme/docker@{digest}"), false);
    }
    let digests: Vec<String> = desk.containerd.images().into_iter().map(|(_, digest)| digest).collect();
    assert!(!digests.contains(&sample.manifest.to_string()), "{digests:?}");
}

/// The parts of an image belong together, whoever made them.
#[test]
fn the_sample_is_an_image() {
    let sample = Sample::new("sample");
    let Document::Manifest(manifest) = Document::reopen(sample.blobs[&sample.manifest].clone()).unwrap()
    else {
        panic!("a manifest")
    };
    let blobs = |it: &Manifest| it.blobs().map(|it| it.digest).collect::<Vec<_>>();
    assert_eq!(blobs(&manifest), [sample.config, sample.layer]);
}
