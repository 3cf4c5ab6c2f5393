//! What Flux reads: the one spelling of its documents, and that they are read again.

use gabion_digest::Sha256;
use gabion_oci::compose::flux_artifact;
use gabion_oci::{Document, MediaType};

/// When this test fails, every digest that an `OCIRepository` names moves.
#[test]
fn the_bytes_of_an_artifact_are_held() {
    let (tar, layer) = (Sha256::of(b"tar"), Sha256::of(b"gzip"));
    let (config, manifest) = flux_artifact(tar, layer, 4);
    assert_eq!(
        String::from_utf8(config.clone()).unwrap(),
        format!("{{\"rootfs\":{{\"diff_ids\":[\"{tar}\"],\"type\":\"layers\"}}}}")
    );
    let expected = format!(
        "{{\"config\":{{\"digest\":\"{}\",\"mediaType\":\"application/vnd.cncf.flux.config.v1+json\",\"size\":{}}},\
         \"layers\":[{{\"digest\":\"{layer}\",\"mediaType\":\"application/vnd.cncf.flux.content.v1.tar+gzip\",\"size\":4}}],\
         \"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"schemaVersion\":2}}",
        Sha256::of(&config),
        config.len()
    );
    assert_eq!(String::from_utf8(manifest.clone()).unwrap(), expected);
    let Document::Manifest(read) = Document::reopen(manifest).unwrap() else { panic!("it is one image") };
    assert_eq!(read.config().media_type.as_str(), MediaType::FLUX_CONFIG);
    assert_eq!(read.layers()[0].media_type.as_str(), MediaType::FLUX_CONTENT);
    assert_eq!(read.blobs().map(|it| it.digest).collect::<Vec<_>>(), [Sha256::of(&config), layer]);
}
