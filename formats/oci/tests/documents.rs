//! Indexes and manifests: what is read, and everything that is refused.

use gabion_digest::Sha256;
use gabion_oci::{Document, DocumentError, Index, Manifest, MediaType, PlatformError};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

fn descriptor(media_type: &str, more: &str) -> String {
    let digest = Sha256::of(media_type.as_bytes());
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":7{more}}}"#)
}

fn manifest(layer: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{layer}]}}"#,
        MediaType::OCI_MANIFEST,
        descriptor(CONFIG, "")
    )
}

fn index(platforms: &[&str]) -> Index {
    let one = |text: &&str| {
        let platform: Vec<&str> = text.split('/').collect();
        let variant = platform.get(2).map(|it| format!(r#","variant":"{it}""#)).unwrap_or_default();
        let (os, architecture) = (platform[0], platform[1]);
        let more = format!(
            r#","annotations":{{"is":"{text}"}},"platform":{{"os":"{os}","architecture":"{architecture}"{variant}}}"#
        );
        descriptor(MediaType::OCI_MANIFEST, &more)
    };
    let list: Vec<String> = platforms.iter().map(one).collect();
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}}"#,
        MediaType::OCI_INDEX,
        list.join(",")
    );
    match Document::parse(text.into_bytes(), None).unwrap() {
        Document::Index(index) => index,
        Document::Manifest(_) => panic!("an index is no manifest"),
    }
}

fn parse(text: &str) -> Result<Document, DocumentError> {
    Document::parse(text.as_bytes().to_vec(), None)
}

fn image(text: &str) -> Manifest {
    match parse(text).unwrap() {
        Document::Manifest(manifest) => manifest,
        Document::Index(_) => panic!("a manifest is no index"),
    }
}

#[track_caller]
fn refused(text: &str, says: &str) -> DocumentError {
    let error = parse(text).unwrap_err();
    assert!(error.to_string().contains(says), "{error}");
    error
}

#[test]
fn a_manifest_keeps_its_bytes_and_names_its_blobs() {
    let text = manifest(&descriptor(LAYER, r#","annotations":{"a":"b","A":"c"}"#));
    let manifest = image(&text);
    assert_eq!(manifest.bytes(), text.as_bytes());
    assert_eq!(manifest.digest(), Sha256::of(text.as_bytes()));
    let blobs: Vec<&str> = manifest.blobs().map(|it| it.media_type.as_str()).collect();
    assert_eq!(blobs, [CONFIG, LAYER]);
    assert_eq!(manifest.layers()[0].annotations["A"], "c");
    assert!(manifest.chart().is_none());
}

#[test]
fn a_chart_is_found_with_and_without_its_signature() {
    let chart = |layers: &str| {
        manifest(layers).replace(&descriptor(CONFIG, ""), &descriptor(MediaType::HELM_CONFIG, ""))
    };
    let (archive, signature) =
        (descriptor(MediaType::HELM_CHART, ""), descriptor(MediaType::HELM_PROVENANCE, ""));
    let signed = image(&chart(&format!("{signature},{archive}")));
    let found = signed.chart().unwrap();
    assert_eq!(found.chart.media_type.as_str(), MediaType::HELM_CHART);
    assert_eq!(found.config.media_type.as_str(), MediaType::HELM_CONFIG);
    assert_eq!(found.provenance.unwrap().media_type.as_str(), MediaType::HELM_PROVENANCE);
    assert!(image(&chart(&archive)).chart().unwrap().provenance.is_none());
    assert!(image(&chart(&signature)).chart().is_none());
}

#[test]
fn the_media_type_is_one_inside_and_outside() {
    let kind = |text: &str| Some(MediaType::from_content_type(text).unwrap());
    let text = manifest(&descriptor(LAYER, ""));
    let with = |text: &str, outside: &str| Document::parse(text.as_bytes().to_vec(), kind(outside).as_ref());
    assert!(with(&text, "Application/vnd.oci.image.manifest.v1+json; charset=utf-8").is_ok());
    for other in [MediaType::OCI_INDEX, MediaType::DOCKER_MANIFEST, "application/json", "text/html"] {
        assert!(matches!(with(&text, other), Err(DocumentError::MediaType { .. })), "{other}");
    }
    let silent = text.replace(&format!(r#""mediaType":"{}","#, MediaType::OCI_MANIFEST), "");
    assert_ne!(silent, text);
    assert!(matches!(parse(&silent), Err(DocumentError::MediaType { .. })));
    assert!(with(&silent, MediaType::OCI_MANIFEST).is_ok());
    // Docker's documents always say what they are.
    assert!(matches!(with(&silent, MediaType::DOCKER_MANIFEST), Err(DocumentError::MediaType { .. })));
    assert!(matches!(with(&silent, CONFIG), Err(DocumentError::Kind { .. })));
    let docker = text.replace(MediaType::OCI_MANIFEST, MediaType::DOCKER_MANIFEST);
    assert!(with(&docker, MediaType::DOCKER_MANIFEST).is_ok());
}

#[test]
fn a_document_that_two_readers_read_differently_is_refused() {
    let text = manifest(&descriptor(LAYER, ""));
    let more = |more: &str| text.replacen('{', &format!("{{{more},"), 1);
    assert_eq!(refused(&more(r#""manifests":[]"#), "at once"), DocumentError::Ambiguous);
    refused(&more(r#""layers":[]"#), "`layers` stands twice");
    refused(&more(r#""other":{"a":1,"a":2}"#), "`a` stands twice");
    refused(&more(r#""Layers":[]"#), "`Layers` is `layers`");
    refused(&more("\"manife\u{17f}t\u{17f}\":[]"), "is `manifests`");
    refused(&text.replace(r#""size""#, r#""Size""#), "`config.Size` is `size`");
    refused(&format!("{text} {{}}"), "not plain JSON");
    refused(&format!("\u{feff}{text}"), "not plain JSON");
    refused("<html>", "not plain JSON");
    refused("[]", "is no object");
    refused(&"[".repeat(100_000), "not plain JSON");
    parse(&more(r#""subject":null,"other":[1.5,-1,true]"#)).unwrap();
}

#[test]
fn old_foreign_and_outlying_things_are_refused_by_name() {
    let text = manifest(&descriptor(LAYER, ""));
    assert_eq!(refused(&text.replace(":2,", ":1,"), "schema 1"), DocumentError::Schema { found: 1 });
    refused(&text.replace(r#""schemaVersion":2,"#, ""), "`schemaVersion` is missing");
    for kind in ["v1+json", "v1+prettyjws"] {
        let kind =
            MediaType::from_content_type(&format!("application/vnd.docker.distribution.manifest.{kind}"));
        let old = Document::parse(br#"{"schemaVersion":1,"fsLayers":[]}"#.to_vec(), kind.as_ref());
        assert_eq!(old, Err(DocumentError::Schema { found: 1 }));
    }
    for foreign in [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ] {
        let error = refused(&manifest(&descriptor(foreign, "")), foreign);
        assert_eq!(error.code(), "E0905");
    }
    refused(
        &manifest(&descriptor(LAYER, r#","urls":["https://elsewhere.example"]"#)),
        "outside of the registry",
    );
    parse(&manifest(&descriptor(LAYER, r#","urls":[]"#))).unwrap();
}

#[test]
fn sizes_and_digests_are_what_they_can_be() {
    let layer = descriptor(LAYER, "");
    let size = |size: &str| manifest(&layer.replace(r#""size":7"#, &format!(r#""size":{size}"#)));
    for wrong in ["-1", "1.5", "\"7\"", "1e3", "99999999999999999999"] {
        refused(&size(wrong), "`layers[0].size` is no size");
    }
    refused(&size("null"), "`layers[0].size` is missing");
    parse(&size("8589934591")).unwrap();
    refused(&size("8589934592"), "8589934591 are the most");
    let config = descriptor(CONFIG, "");
    refused(&manifest(&layer).replace(&config, &config.replace(":7", ":4194305")), "4194304 are the most");
    let digest = Sha256::of(LAYER.as_bytes());
    for wrong in [
        digest.hex(),
        format!("sha512:{}", digest.hex()),
        digest.to_string().to_uppercase(),
        "md5:x".to_owned(),
    ] {
        let text = manifest(&layer.replace(&digest.to_string(), &wrong));
        assert_eq!(refused(&text, "only `sha256:`").code(), "E0907");
    }
    let long = format!("{}{}", " ".repeat(4 << 20), manifest(&layer));
    refused(&long, "`the document` has");
}

#[test]
fn a_descriptor_opens_only_what_it_names() {
    let text = manifest(&descriptor(LAYER, ""));
    let entry = |kind: &str, digest: Sha256, size: usize| {
        let list = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{kind}","digest":"{digest}","size":{size}}}]}}"#,
            MediaType::OCI_INDEX
        );
        match parse(&list).unwrap() {
            Document::Index(index) => index.manifests()[0].clone(),
            Document::Manifest(_) => panic!("an index is no manifest"),
        }
    };
    let (digest, size) = (Sha256::of(text.as_bytes()), text.len());
    let right = entry(MediaType::OCI_MANIFEST, digest, size);
    assert_eq!(right.open(text.clone().into_bytes()).unwrap().digest(), digest);
    let changed = text.replace(":7", ":8").into_bytes();
    assert_eq!(right.open(changed).unwrap_err().code(), "E0908");
    assert_eq!(
        entry(MediaType::OCI_MANIFEST, digest, size + 1).open(text.clone().into_bytes()).unwrap_err().code(),
        "E0908"
    );
    assert_eq!(
        entry(MediaType::OCI_INDEX, digest, size).open(text.into_bytes()).unwrap_err().code(),
        "E0903"
    );
}

#[test]
fn an_arm_machine_runs_the_newest_variant_that_it_can() {
    let chosen = |wanted: &str, there: &[&str]| {
        index(there).choose(&wanted.parse().unwrap()).map(|it| it.annotations["is"].clone())
    };
    let all =
        ["unknown/unknown", "linux/arm/v5", "linux/arm/v7", "linux/arm/v6", "linux/arm64/v8", "linux/amd64"];
    assert_eq!(chosen("linux/amd64", &all).unwrap(), "linux/amd64");
    assert_eq!(chosen("linux/arm", &all).unwrap(), "linux/arm/v7");
    assert_eq!(chosen("linux/arm/v6", &all).unwrap(), "linux/arm/v6");
    assert_eq!(chosen("linux/arm/v8", &all).unwrap(), "linux/arm/v7");
    assert_eq!(chosen("linux/arm64", &all).unwrap(), "linux/arm64/v8");
    assert_eq!(chosen("linux/arm/v6", &["linux/arm/v5"]).unwrap(), "linux/arm/v5");
    assert!(chosen("linux/arm/v5", &["linux/arm/v7"]).is_err());
    assert!(chosen("linux/amd64", &["linux/amd64/v3"]).is_err());
    assert!(chosen("linux/arm64", &["linux/arm/v7"]).is_err());
}

#[test]
fn an_index_without_the_platform_says_which_it_has() {
    let index = index(&["linux/arm64", "unknown/unknown", "windows/amd64"]);
    let error = index.choose(&"linux/amd64".parse().unwrap()).unwrap_err();
    assert!(matches!(error, PlatformError::Missing { .. }));
    assert_eq!(error.help().as_deref(), Some("there are linux/arm64, windows/amd64"));
}
