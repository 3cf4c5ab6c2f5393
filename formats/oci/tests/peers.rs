//! Against the programs of the field: umoci and buildah make images, skopeo and containerd read our archive.

use fs_err as fs;
use gabion_digest::Sha256;
use gabion_oci::{Archive, Descriptor, Document, Image, Index, Manifest, MediaType};
use gabion_testkit::{Containerd, has, program, skip, umoci};
use std::path::{Path, PathBuf};

fn run(name: &str, arguments: &[&str]) -> Vec<u8> {
    gabion_testkit::run(program(name).args(arguments))
}

/// A folder with two images of a package's files: `flat` by umoci, `many` for two machines by buildah.
struct Images(tempfile::TempDir);

impl Images {
    fn new() -> Self {
        let it = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(it.path("files/usr/share")).unwrap();
        fs::write(it.path("files/usr/share/stones"), "stones\n".repeat(5000)).unwrap();
        umoci(&it.path("flat"), "v1", &it.path("files/usr"));
        it.buildah();
        it
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn buildah(&self) {
        let storage = [
            format!("--root={}", self.text("root")),
            format!("--runroot={}", self.text("run")),
            "--storage-driver=vfs".to_owned(),
        ];
        let buildah = |arguments: &[&str]| {
            let all: Vec<&str> =
                storage.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
            String::from_utf8(run("buildah", &all)).unwrap().trim().to_owned()
        };
        buildah(&["manifest", "create", "many"]);
        for arch in ["amd64", "arm64"] {
            let container = buildah(&["from", "--arch", arch, "scratch"]);
            buildah(&["copy", &container, &self.text("files"), "/"]);
            buildah(&["commit", "--quiet", "--format", "oci", &container, arch]);
            buildah(&["manifest", "add", "--os", "linux", "--arch", arch, "many", arch]);
        }
        for (format, name) in [("oci", "many"), ("v2s2", "docker")] {
            let to = format!("dir:{}", self.text(name));
            buildah(&["manifest", "push", "--quiet", "--all", "--format", format, "many", &to]);
        }
    }

    /// A blob of the layout or folder `name`.
    fn blob(&self, name: &str, digest: &Sha256) -> Vec<u8> {
        let (layout, folder) = (self.path(&format!("{name}/blobs/sha256")), self.path(name));
        let by_name = [layout.join(digest.hex()), folder.join(digest.hex())];
        if let Some(found) = by_name.iter().find(|it| it.exists()) {
            return fs::read(found).unwrap();
        }
        // skopeo's folders name manifests of other machines by digest too, with an ending.
        fs::read(folder.join(format!("{}.manifest.json", digest.hex()))).unwrap()
    }

    /// The image that umoci made.
    fn flat(&self) -> Manifest {
        let kind = MediaType::from_content_type(MediaType::OCI_INDEX);
        let layout = Document::parse(fs::read(self.path("flat/index.json")).unwrap(), kind.as_ref()).unwrap();
        manifest(&index(layout).manifests()[0], |digest| self.blob("flat", digest))
    }

    /// The index that buildah made and its image for amd64.
    fn many(&self, name: &str) -> (Index, Manifest) {
        let bytes = fs::read(self.path(name).join("manifest.json")).unwrap();
        // buildah's OCI indexes do not say what they are; a registry's reply does.
        let kind = (name == "many").then(|| MediaType::from_content_type(MediaType::OCI_INDEX).unwrap());
        let index = index(Document::parse(bytes, kind.as_ref()).unwrap());
        let chosen = index.choose(&"linux/amd64".parse().unwrap()).unwrap().clone();
        (index, manifest(&chosen, |digest| self.blob(name, digest)))
    }

    /// Both images in the archive `images.tar`.
    fn archive(&self) -> Archive {
        let (index, manifest) = self.many("many");
        let many = Image::new("many:v1".parse().unwrap(), Some(index), manifest).unwrap();
        let flat = Image::new("localhost/flat:v1".parse().unwrap(), None, self.flat()).unwrap();
        let archive = Archive::new([&many, &flat]).unwrap();
        let mut file = fs::File::create(self.path("images.tar")).unwrap();
        let mut blob = |digest: &Sha256, out: &mut dyn std::io::Write| {
            let by_umoci = self.flat().blobs().any(|it| it.digest == *digest);
            out.write_all(&self.blob(if by_umoci { "flat" } else { "many" }, digest))
        };
        archive.write(&mut file, &mut blob).unwrap();
        assert_eq!(fs::metadata(self.path("images.tar")).unwrap().len(), archive.size());
        archive
    }
}

fn index(document: Document) -> Index {
    match document {
        Document::Index(index) => index,
        Document::Manifest(_) => panic!("no index"),
    }
}

fn manifest(descriptor: &Descriptor, read: impl Fn(&Sha256) -> Vec<u8>) -> Manifest {
    match descriptor.open(read(&descriptor.digest)).unwrap() {
        Document::Manifest(manifest) => manifest,
        Document::Index(_) => panic!("no manifest"),
    }
}

#[test]
fn images_of_other_builders_are_read_and_every_blob_is_what_they_say() {
    if !has(&["umoci", "buildah"]) {
        return;
    }
    let images = Images::new();
    let (docker, _) = images.many("docker");
    assert_eq!(docker.media_type().as_str(), MediaType::DOCKER_INDEX);
    for (name, manifest) in
        [("flat", images.flat()), ("many", images.many("many").1), ("docker", images.many("docker").1)]
    {
        assert_eq!(manifest.blobs().count(), 2, "{name}");
        for blob in manifest.blobs() {
            let bytes = images.blob(name, &blob.digest);
            assert_eq!((Sha256::of(&bytes), bytes.len() as u64), (blob.digest, blob.size), "{name}");
        }
    }
    // The other machine's image is named too.
    let (index, _) = images.many("many");
    assert!(index.choose(&"linux/arm64".parse().unwrap()).is_ok());
    let error = index.choose(&"linux/riscv64".parse().unwrap()).unwrap_err();
    assert_eq!(error.help().as_deref(), Some("there are linux/amd64, linux/arm64"));
}

#[test]
fn skopeo_reads_our_archive() {
    if !has(&["umoci", "buildah", "skopeo"]) {
        return;
    }
    let images = Images::new();
    images.archive();
    let (index, manifest) = images.many("many");
    let tar = images.text("images.tar");
    let raw = |name: &str| run("skopeo", &["inspect", "--raw", &format!("oci-archive:{tar}:{name}")]);
    assert_eq!(raw("docker.io/library/many:v1"), index.bytes());
    assert_eq!(raw(&format!("docker.io/library/many@{}", manifest.digest())), manifest.bytes());
    assert_eq!(raw("localhost/flat:v1"), images.flat().bytes());
    let from = format!("oci-archive:{tar}:docker.io/library/many:v1");
    let to = images.text("copied");
    run("skopeo", &["copy", "--quiet", "--override-arch", "amd64", &from, &format!("dir:{to}")]);
    for blob in manifest.blobs() {
        assert_eq!(images.blob("copied", &blob.digest), images.blob("many", &blob.digest));
    }
}

#[test]
fn containerd_imports_every_name_with_its_digest() {
    if !has(&["umoci", "buildah", "containerd", "ctr", "curl"]) {
        return;
    }
    let images = Images::new();
    images.archive();
    let Some(containerd) = Containerd::start(images.0.path()) else { return };
    let import = ["images", "import", "--snapshotter", "native"];
    let tar = images.text("images.tar");
    containerd.ctr(&[&import[..], &[&tar]].concat()).unwrap();
    let (index, manifest) = images.many("many");
    let flat = images.flat().digest();
    // The runtime interface adds a name of its own, which is the digest of the configuration.
    let found: Vec<_> =
        containerd.images().into_iter().filter(|(name, _)| !name.starts_with("sha256:")).collect();
    let mut expected = [
        ("docker.io/library/many:v1".to_owned(), index.digest()),
        (format!("docker.io/library/many@{}", index.digest()), index.digest()),
        (format!("docker.io/library/many@{}", manifest.digest()), manifest.digest()),
        ("localhost/flat:v1".to_owned(), flat),
        (format!("localhost/flat@{flat}"), flat),
    ]
    .map(|(name, digest)| (name, digest.to_string()));
    expected.sort();
    assert_eq!(found, expected);
    for name in [
        "many:v1".to_owned(),
        format!("docker.io/library/many@{}", index.digest()),
        format!("docker.io/library/many:v1@{}", index.digest()),
        format!("many:v1@{}", manifest.digest()),
        format!("localhost/flat:v1@{flat}"),
    ] {
        assert!(containerd.finds_soon(&name), "no {name}");
    }
    for name in [
        "many:v2".to_owned(),
        format!("other@{}", index.digest()),
        format!("localhost/flat@{}", index.digest()),
    ] {
        assert!(!containerd.finds(&name), "{name}");
    }
    let checked = containerd.ctr(&["images", "check", "--snapshotter", "native"]).unwrap();
    assert_eq!(
        checked.matches("complete (2/2)").count() - checked.matches("\nsha256:").count(),
        5,
        "{checked}"
    );
    // Unpacked, it is the files that went in.
    let mount = images.text("mount");
    fs::create_dir(&mount).unwrap();
    let mounted = ["images", "mount", "--snapshotter", "native", "docker.io/library/many:v1", &mount];
    if let Err(why) = containerd.ctr(&mounted) {
        skip(&format!("an image cannot be mounted: {why}"));
        return;
    }
    let there = fs::read(Path::new(&mount).join("usr/share/stones"));
    containerd.ctr(&["images", "unmount", &mount]).unwrap();
    assert_eq!(there.unwrap(), fs::read(images.path("files/usr/share/stones")).unwrap());
}
