//! What cosign hangs on an image: found, checked, pinned, kept and carried along. openssl signs.

use super::real::{NEEDS, Real, digest};
use crate::world::{Run, World};
use gabion_digest::Sha256;
use gabion_lockfile::{Attached, AttachedKind, Entry, Lock, Pin};
use gabion_testkit::{Signer, has, payload, program, run};
use gabion_upstream::Content;
use std::collections::BTreeSet;

const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const CONFIG: (&str, &[u8]) = ("application/vnd.oci.image.config.v1+json", b"{}");
const IMAGE: &str = "[image.api]\nref = 'up.invalid/acme/api'\ntag = '1'\n";
const BUNDLE: &str = "[bundle.b]\nbase = ['image.api']\n";

/// A registry with one image for two machines; the digest of its index.
fn content() -> (Content, Sha256) {
    let mut content = Content::default();
    let index = content.image("", "acme/api", "1", &["linux/amd64", "linux/arm64"]);
    (content, index)
}

/// Hangs a signature on the document `subject`, over `payload`.
fn hang(
    content: &mut Content,
    subject: Sha256,
    payload: &str,
    signature: &str,
    more: &[(&str, &str)],
) -> Sha256 {
    let annotations = [&[("dev.cosignproject.cosign/signature", signature)][..], more].concat();
    let layers = [(SIMPLE, payload.as_bytes(), annotations.as_slice())];
    content.annotated("", "acme/api", &format!("sha256-{}.sig", subject.hex()), CONFIG, &layers)
}

/// A project that wants a signature by `key`.
fn wanting(content: Content, key: &Signer) -> World {
    let world = World::serving(&format!("{IMAGE}cosign-key = 'cosign.pub'\n{BUNDLE}"), content);
    fs_err::write(world.path("cosign.pub"), key.public()).unwrap();
    world
}

fn entry(world: &World) -> Entry {
    let text = fs_err::read_to_string(world.path("gabion.lock")).unwrap();
    Lock::parse(&text).unwrap().get("image.api").unwrap().clone()
}

fn attached(entry: &Entry) -> BTreeSet<Attached> {
    match &entry.pin {
        Pin::Image { attached, .. } => attached.clone(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(run: &Run, says: &[&str]) {
    assert_eq!(run.code, 6, "{}", run.stderr);
    for says in says {
        assert!(run.stderr.contains(says), "no `{says}`: {}", run.stderr);
    }
}

#[test]
fn a_signature_by_the_key_of_the_recipe_is_why_an_image_is_believed() {
    if !has(&["openssl"]) {
        return;
    }
    let (signer, (mut content, index)) = (Signer::new(), content());
    // A mirror has another name for the image: the digest counts.
    let over = payload("registry.example/original", &index.to_string());
    let manifest = hang(&mut content, index, &over, &signer.sign(&over), &[]);
    let world = wanting(content, &signer);
    world.ok("lock");
    let entry = entry(&world);
    let der = run(program("openssl")
        .args(["ec", "-pubin", "-outform", "DER", "-in"])
        .arg(world.path("cosign.pub")));
    assert_eq!(entry.trust.to_string(), format!("cosign-key:{}", Sha256::of(&der)));
    let signature = Attached { subject: index, kind: AttachedKind::Signature, manifest };
    assert_eq!(attached(&entry), [signature].into());
    world.ok("lock --check");
    // Another key is another question.
    fs_err::write(world.path("cosign.pub"), Signer::new().public()).unwrap();
    assert_eq!(world.run("lock --check").code, 3);
    refused(&world.run("lock"), &["image.api", "E0914", "not by the key of the recipe", "sha256-"]);
}

#[test]
fn no_signature_a_foreign_one_and_one_of_another_image_are_refused() {
    if !has(&["openssl"]) {
        return;
    }
    let signer = Signer::new();
    refused(&wanting(content().0, &signer).run("lock"), &["E0913", "up.invalid/acme/api:1` is not signed"]);

    let pinned = |of: &dyn Fn(Sha256) -> (String, String)| {
        let (mut content, index) = content();
        let (over, signature) = of(index);
        hang(&mut content, index, &over, &signature, &[]);
        wanting(content, &signer).run("lock")
    };
    let good = |index: Sha256| payload("up.invalid/acme/api", &index.to_string());
    assert_eq!(pinned(&|index| (good(index), signer.sign(&good(index)))).code, 0);
    let foreign = pinned(&|index| (good(index), Signer::new().sign(&good(index))));
    refused(&foreign, &["E0914", "not by the key of the recipe"]);
    let other = Sha256::of(b"another image");
    let moved = pinned(&|_| (good(other), signer.sign(&good(other))));
    refused(&moved, &["E0914", &format!("it is over `{other}`, another image")]);
    // One byte behind the signature.
    refused(&pinned(&|index| (good(index) + " ", signer.sign(&good(index)))), &["not by the key"]);
    refused(&pinned(&|index| (good(index), "bm90aGluZw==".to_owned())), &["not by the key"]);
    refused(&pinned(&|index| (good(index), "!".to_owned())), &["not by the key"]);
    // What the key signed is no signature of an image.
    let blob = pinned(&|_| ("{\"critical\":{}}".to_owned(), signer.sign("{\"critical\":{}}")));
    refused(&blob, &["no signature of an image"]);
}

#[test]
fn one_good_signature_among_others_is_enough_and_one_of_the_manifest_counts() {
    if !has(&["openssl"]) {
        return;
    }
    let (signer, (mut content, index)) = (Signer::new(), content());
    let document: serde_json::Value =
        serde_json::from_slice(content.document_of("", "acme/api", "1").unwrap()).unwrap();
    let manifest: Sha256 = document["manifests"][0]["digest"].as_str().unwrap().parse().unwrap();
    let over = payload("x", &manifest.to_string());
    let (bad, good) = (Signer::new().sign(&over), signer.sign(&over));
    let (bad, good) =
        ([("dev.cosignproject.cosign/signature", &*bad)], [("dev.cosignproject.cosign/signature", &*good)]);
    let layers = [(SIMPLE, over.as_bytes(), &bad[..]), (SIMPLE, over.as_bytes(), &good[..])];
    let tag = format!("sha256-{}.sig", manifest.hex());
    content.annotated("", "acme/api", &tag, CONFIG, &layers);
    // A tag of that name that is no artifact is nobody's signature, and no reason to refuse the image.
    content.retag("", "acme/api", &format!("sha256-{}.sig", index.hex()), index);
    let world = wanting(content, &signer);
    world.ok("lock");
    assert!(entry(&world).trust.to_string().starts_with("cosign-key:"));
    assert_eq!(attached(&entry(&world)).first().unwrap().subject, manifest);
}

#[test]
fn a_signature_without_a_lasting_key_is_kept_and_called_unverified() {
    let (mut content, index) = content();
    let over = payload("up.invalid/acme/api", &index.to_string());
    let certificate = [("dev.sigstore.cosign/certificate", "-----BEGIN CERTIFICATE-----")];
    hang(&mut content, index, &over, "bm90aGluZw==", &certificate);
    let world = World::serving(&format!("{IMAGE}{BUNDLE}"), content.clone());
    world.ok("lock");
    assert_eq!(entry(&world).trust.to_string(), "keyless-unverified");
    assert_eq!(attached(&entry(&world)).len(), 1);
    // What the recipe states is more than that.
    let world = World::serving(&format!("{IMAGE}digest = '{index}'\n{BUNDLE}"), content.clone());
    world.ok("lock");
    assert_eq!(entry(&world).trust.to_string(), "recipe");
    // And it is no signature by a key.
    if has(&["openssl"]) {
        refused(&wanting(content, &Signer::new()).run("lock"), &["but without a lasting key"]);
    }
}

#[test]
fn attestations_lists_of_parts_and_referrers_are_kept_and_carried_along() {
    for lists in [false, true] {
        let (mut content, index) = content();
        let tag = |ending: &str| format!("sha256-{}{ending}", index.hex());
        let attestation = ("application/vnd.dsse.envelope.v1+json", b"{\"payload\":\"\"}".as_slice());
        content.artifact("", "acme/api", &tag(".att"), CONFIG, &[attestation]);
        content.artifact(
            "",
            "acme/api",
            &tag(".sbom"),
            CONFIG,
            &[("text/spdx+json", b"{\"spdxVersion\":1}")],
        );
        let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
        content.referrer("", "acme/api", index, bundle, b"{\"mediaType\":\"a bundle\"}");
        content.referrer("", "acme/api", index, "application/spdx+json", b"{\"parts\":[]}");
        content.registries.get_mut("").unwrap().referrers = lists;
        let world = World::serving(&format!("{IMAGE}{BUNDLE}"), content);
        world.ok("lock");
        let kinds: Vec<AttachedKind> = attached(&entry(&world)).iter().map(|it| it.kind).collect();
        let referrer = AttachedKind::Referrer;
        assert_eq!(kinds, [AttachedKind::Attestation, AttachedKind::Sbom, referrer, referrer], "{lists}");
        let asked =
            world.upstream.seen().iter().any(|it| it.path.ends_with(&format!("manifests/{}", tag(""))));
        assert_eq!(asked, !lists, "the tag is for registries that list no referrers");

        fs_err::remove_dir_all(world.path(".store")).unwrap();
        let seen = world.upstream.seen().len();
        assert!(world.run("build --offline").stderr.contains("up.invalid/acme/api:1"));
        world.ok("build --locked");
        let again = world.upstream.seen();
        assert!(again[seen..].iter().all(|it| !it.path.contains("sha256-")), "{:?}", &again[seen..]);
        world.ok("build --offline image.api");
        let list = world.ok("bundle ls out/b.gabion");
        for document in attached(&entry(&world)).iter().map(|it| it.manifest) {
            assert!(list.contains(&format!("content/blobs/sha256/{}", document.hex())), "{list}");
        }
        for blob in [&b"{\"payload\":\"\"}"[..], b"{\"spdxVersion\":1}", b"{\"parts\":[]}"] {
            let member = format!("content/blobs/sha256/{}", Sha256::of(blob).hex());
            assert!(list.contains(&member), "no {member}: {list}");
        }
        // A host gets the image as before: what hangs on it is no image.
        world.ok("key new release --trust root.json --no-passphrase");
        world.ok("bundle sign out/b.gabion --key release --trust root.json");
        fs_err::create_dir(world.path("host")).unwrap();
        world.ok("host install out/b.gabion --root host --trust root.json --host any");
    }
}

#[test]
fn a_key_that_is_none_is_told_where_the_recipe_names_it() {
    let world = World::serving(&format!("{IMAGE}cosign-key = 'cosign.pub'\n{BUNDLE}"), content().0);
    fs_err::write(world.path("cosign.pub"), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
        .unwrap();
    let run = world.run("check");
    assert_eq!(run.code, 1, "{}", run.stderr);
    for says in ["`cosign-key` names `cosign.pub`", "another algorithm", "gabion.toml:8", "cosign public-key"]
    {
        assert!(run.stderr.contains(says), "no `{says}`: {}", run.stderr);
    }
}

#[test]
fn a_signature_in_a_real_registry_is_checked_and_kept_byte_for_byte() {
    if !(has(&NEEDS) && has(&["openssl"])) {
        return;
    }
    let (real, signer) = (Real::start(), Signer::new());
    let reference = real.push("hostname");
    let image = digest(&reference);
    let name = reference.rsplit_once(':').unwrap().0;
    let over = payload(name, &image.to_string());
    let pushed = real.push_artifact(
        "debian/hostname",
        &format!("sha256-{}.sig", image.hex()),
        (SIMPLE, over.as_bytes()),
        ("dev.cosignproject.cosign/signature", &signer.sign(&over)),
    );
    let recipe = format!("[image.api]\nref = '{name}'\ntag = '1'\ncosign-key = 'cosign.pub'\n{BUNDLE}");
    let world = World::new(&recipe, &[]);
    fs_err::write(world.path("config.toml"), real.config_toml()).unwrap();
    fs_err::write(world.path("cosign.pub"), signer.public()).unwrap();
    world.ok("lock");
    let entry = entry(&world);
    assert!(entry.trust.to_string().starts_with("cosign-key:"), "{}", entry.trust);
    assert_eq!(
        attached(&entry),
        [Attached { subject: image, kind: AttachedKind::Signature, manifest: pushed }].into()
    );
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    world.ok("build --locked");
    world.ok("key new release --trust root.json --no-passphrase");
    world.ok("bundle sign out/b.gabion --key release --trust root.json");
    world.ok("bundle extract out/b.gabion --trust root.json --full -o taken");
    for digest in [pushed, Sha256::of(over.as_bytes())] {
        let bytes = fs_err::read(world.path("taken/content/blobs/sha256").join(digest.hex())).unwrap();
        assert!(bytes == real.blob(digest), "other bytes than the registry's: {digest}");
    }
    fs_err::write(world.path("cosign.pub"), Signer::new().public()).unwrap();
    refused(&world.run("lock"), &["not by the key of the recipe"]);
}
