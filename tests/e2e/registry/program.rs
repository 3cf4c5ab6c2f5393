//! The whole program against a registry, a builder of images and a reader that are not ours.

use super::real::{NEEDS, Real, digest, document};
use crate::world::World;
use gabion_digest::Sha256;
use gabion_lockfile::{Lock, Pin};
use gabion_oci::{Document, Manifest};
use gabion_testkit::{has, program, run};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// An image as the lock pins it.
struct Pinned {
    reference: String,
    index: Option<Sha256>,
    manifest: Sha256,
}

impl Pinned {
    /// What its name leads to.
    fn first(&self) -> Sha256 {
        self.index.unwrap_or(self.manifest)
    }
}

/// A project of an image for one machine, `one`, and of one behind an index, `many`.
fn project(real: &Real) -> World {
    let (one, many) = (real.push("coreutils"), real.push_index("coreutils"));
    let image = |name: &str, reference: &str| {
        let (name_of, tag) = reference.rsplit_once(':').unwrap();
        format!("[image.{name}]\nref = '{name_of}'\ntag = '{tag}'\n")
    };
    let bundle = "[bundle.b]\nbase = ['image.one', 'image.many']\n";
    let world = World::new(&format!("{}{}{bundle}", image("one", &one), image("many", &many)), &[]);
    fs_err::write(world.path("config.toml"), real.config_toml()).unwrap();
    world
}

fn pinned(world: &World, name: &str) -> Pinned {
    let lock = Lock::parse(&fs_err::read_to_string(world.path("gabion.lock")).unwrap()).unwrap();
    match &lock.get(&format!("image.{name}")).unwrap().pin {
        Pin::Image { reference, index, manifest, .. } => {
            Pinned { reference: reference.to_string(), index: *index, manifest: *manifest }
        }
        other => panic!("{other:?}"),
    }
}

fn manifest(real: &Real, digest: Sha256) -> Manifest {
    match Document::reopen(real.blob(digest)).unwrap() {
        Document::Manifest(manifest) => manifest,
        Document::Index(_) => panic!("no manifest"),
    }
}

/// Every document and blob that belongs into the bundle.
fn belongs(real: &Real, images: &[Pinned]) -> BTreeSet<Sha256> {
    let of = |it: &Pinned| {
        let blobs: Vec<Sha256> = manifest(real, it.manifest).blobs().map(|blob| blob.digest).collect();
        [it.first(), it.manifest].into_iter().chain(blobs)
    };
    images.iter().flat_map(of).collect()
}

fn files(world: &World, folder: &str) -> Vec<PathBuf> {
    fs_err::read_dir(world.path(folder)).unwrap().map(|it| it.unwrap().path()).collect()
}

#[test]
fn what_a_real_registry_has_is_locked_fetched_bundled_and_laid_out_byte_for_byte() {
    if !(has(&NEEDS) && has(&["buildah"])) {
        return;
    }
    let real = Real::start();
    let world = project(&real);
    world.ok("lock");
    let images = ["one", "many"].map(|name| pinned(&world, name));
    for it in &images {
        assert_eq!(it.first(), digest(&it.reference), "{}", it.reference);
        assert_eq!(it.first(), Sha256::of(&document(&it.reference)));
    }
    let [one, many] = &images;
    assert!(one.index.is_none() && many.index.is_some());
    // buildah's index leads to the very manifest that umoci made and skopeo pushed alone.
    assert_eq!(one.manifest, many.manifest);

    fs_err::remove_dir_all(world.path(".store")).unwrap();
    world.ok("build --locked");
    world.ok("key new release --trust root.json --no-passphrase");
    world.ok("bundle sign out/b.gabion --key release --trust root.json");
    world.ok("bundle extract out/b.gabion --trust root.json --full -o taken");
    let taken = files(&world, "taken/content/blobs/sha256");
    let names: BTreeSet<String> =
        taken.iter().map(|it| it.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let expected = belongs(&real, &images);
    assert_eq!(names, expected.iter().map(Sha256::hex).collect());
    for (digest, hex) in expected.iter().map(|it| (*it, it.hex())) {
        let bytes = fs_err::read(world.path("taken/content/blobs/sha256").join(hex)).unwrap();
        assert!(bytes == real.blob(digest), "other bytes than the registry's: {digest}");
    }

    fs_err::create_dir(world.path("host")).unwrap();
    world.ok("host install out/b.gabion --root host --trust root.json --host any");
    let archives = files(&world, "host/var/lib/rancher/k3s/agent/images");
    assert_eq!(archives.len(), 2, "{archives:?}");
    for (name, it) in ["one", "many"].iter().zip(&images) {
        let of = |path: &&PathBuf| path.to_string_lossy().contains(&format!("50-{name}-"));
        let from = format!("oci-archive:{}:{}", archives.iter().find(of).unwrap().display(), it.reference);
        let raw = run(program("skopeo").args(["inspect", "--raw", &from]));
        assert_eq!(raw, document(&it.reference), "{name}");
        assert_eq!(Sha256::of(&raw), it.first());
    }
}
