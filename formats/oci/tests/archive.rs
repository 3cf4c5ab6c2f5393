//! The archive's bytes, which never change.

use gabion_digest::Sha256;
use gabion_oci::{Archive, ArchiveError, Document, Image, MediaType};
use std::collections::BTreeMap;
use std::io;

type Blobs = BTreeMap<Sha256, Vec<u8>>;

fn descriptor(media_type: &str, bytes: &[u8], more: &str) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":{}{more}}}"#, Sha256::of(bytes), bytes.len())
}

/// An index of one machine, its manifest and its blobs.
fn documents(layers: &[&[u8]], blobs: &mut Blobs) -> (Document, Document) {
    let config = b"{}";
    let list: Vec<String> =
        layers.iter().map(|it| descriptor("application/vnd.oci.image.layer.v1.tar", it, "")).collect();
    for bytes in layers.iter().chain([&config.as_slice()]) {
        blobs.insert(Sha256::of(bytes), bytes.to_vec());
    }
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}}"#,
        MediaType::OCI_MANIFEST,
        descriptor("application/vnd.oci.image.config.v1+json", config, ""),
        list.join(",")
    );
    let platform = r#","platform":{"os":"linux","architecture":"amd64"}"#;
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}}"#,
        MediaType::OCI_INDEX,
        descriptor(MediaType::OCI_MANIFEST, manifest.as_bytes(), platform)
    );
    let parse = |text: String| Document::parse(text.into_bytes(), None).unwrap();
    (parse(index), parse(manifest))
}

fn image(reference: &str, index: Option<Document>, manifest: Document) -> Result<Image, ArchiveError> {
    let index = index.map(|it| match it {
        Document::Index(index) => index,
        Document::Manifest(_) => panic!("no index"),
    });
    match manifest {
        Document::Manifest(manifest) => Image::new(reference.parse().unwrap(), index, manifest),
        Document::Index(_) => panic!("no manifest"),
    }
}

fn written(archive: &Archive, blobs: &Blobs) -> Vec<u8> {
    let mut out = Vec::new();
    archive.write(&mut out, &mut |digest, out| out.write_all(&blobs[digest])).unwrap();
    assert_eq!(out.len() as u64, archive.size());
    out
}

/// Two images with one layer in common, one of them by index.
fn pair(blobs: &mut Blobs) -> [Image; 2] {
    let (index, manifest) = documents(&[b"shared", &[7; 1000]], blobs);
    let (_, other) = documents(&[b"shared"], blobs);
    let pin = other.digest();
    [
        image("nginx:1.27", Some(index), manifest).unwrap(),
        image(&format!("ghcr.io/a/b@{pin}"), None, other).unwrap(),
    ]
}

#[test]
fn the_same_images_are_the_same_bytes_for_ever() {
    let mut blobs = Blobs::new();
    let [one, other] = pair(&mut blobs);
    let archive = Archive::new([&one, &other]).unwrap();
    let bytes = written(&archive, &blobs);
    assert_eq!(
        (archive.id().to_string().as_str(), Sha256::of(&bytes).to_string().as_str(), bytes.len()),
        (
            "b3:8a73aaf9e3e478e1f03fd3af0dae8beac549dde29cc1303acc2c1ec72e8886aa",
            "sha256:56358983d940729a2dc5dd46527f9f6b6df9652c921e63bb0f5bbc0ae3a293d4",
            11776
        )
    );
    assert_eq!(Archive::new([&other, &one, &other]).unwrap(), archive);
    assert_ne!(Archive::new([&one]).unwrap().id(), archive.id());
}

#[test]
fn every_member_stands_once_and_in_order() {
    let mut blobs = Blobs::new();
    let pair = pair(&mut blobs);
    let archive = Archive::new(&pair).unwrap();
    let bytes = written(&archive, &blobs);
    let mut tar = tar::Archive::new(bytes.as_slice());
    let mut names = Vec::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        io::copy(&mut entry, &mut bytes).unwrap();
        if let Some(hex) = path.strip_prefix("blobs/sha256/") {
            assert_eq!(Sha256::of(&bytes).hex(), hex);
        }
        assert_eq!((entry.header().mtime().unwrap(), entry.header().mode().unwrap()), (0, 0o644));
        names.push(path);
    }
    // Three documents, then the configuration, the shared layer and the other one.
    assert_eq!(names.len(), 2 + 3 + 3);
    assert_eq!(names[..2], ["oci-layout", "index.json"]);
    assert!(names[2..5].is_sorted() && names[5..].is_sorted());
    assert_eq!(archive.blobs().count(), 3);
}

#[test]
fn a_blob_of_another_length_is_no_blob() {
    let mut blobs = Blobs::new();
    let archive = Archive::new(&pair(&mut blobs)).unwrap();
    for change in [&b"short"[..], &[0; 5000]] {
        let error = archive.write(&mut Vec::new(), &mut |_, out| out.write_all(change)).unwrap_err();
        assert!(error.to_string().contains("bytes"), "{error}");
    }
}

#[test]
fn a_name_has_one_image() {
    let mut blobs = Blobs::new();
    let (index, manifest) = documents(&[b"a"], &mut blobs);
    let (_, other) = documents(&[b"b"], &mut blobs);
    let one = image("a:1", Some(index.clone()), manifest.clone()).unwrap();
    let two = image("a:1", None, other.clone()).unwrap();
    let error = Archive::new([&one, &two]).unwrap_err();
    assert!(
        matches!(error, ArchiveError::Name { ref name, .. } if name == "docker.io/library/a:1"),
        "{error}"
    );
    // The same tag by index and by manifest are two images as well.
    let flat = image("a:1", None, manifest.clone()).unwrap();
    assert!(matches!(Archive::new([&one, &flat]), Err(ArchiveError::Name { .. })));
    assert!(matches!(image("a:1", Some(index.clone()), other), Err(ArchiveError::Stranger { .. })));
    let pinned = |pin: Sha256| image(&format!("a@{pin}"), Some(index.clone()), manifest.clone());
    assert!(pinned(index.digest()).is_ok() && pinned(manifest.digest()).is_ok());
    assert!(matches!(pinned(Sha256::of(b"")), Err(ArchiveError::Pin { .. })));
}
