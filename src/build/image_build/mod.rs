//! Images that are made here: layers of trees and files over a base or over nothing, and the configuration.
//!
//! Each layer is a step of its own, so that a changed file packs no system again; another step names them in a manifest.
//! Nothing runs, and nothing of this machine is in the bytes: the time of everything is the newest one of the packages
//! that go in.
//!
//! What lies in the layers below is read, because a layer that adds `/tmp/x` must say how `/tmp` is, and must not turn a
//! link into a folder.

mod layer;
mod plan;

pub(super) use layer::{LAYER, LayerStep};

use super::stage::EARLIEST;
use super::step::{Step, StepError};
use super::system::EPOCH;
use super::{BuildError, Engine, Results};
use crate::image;
use crate::recipe::Recipe;
use crate::recipe::kinds::{ImageBuild, Layer};
use gabion_digest::{Canonical, Feed, Sha256};
use gabion_layer::Below;
use gabion_oci::compose::{BaseImage, LayerEntry, config, manifest};
use gabion_oci::{DOCUMENT_LIMIT, Document, Platform};
use gabion_store::{Output, Record, Store};
use std::collections::BTreeMap;

/// The name of the output that is the manifest. Its blobs are outputs that have their digests as names.
pub const MANIFEST: &str = "manifest";

/// An image: its configuration, and the layers that exist already.
#[derive(Debug)]
pub(super) struct ImageStep {
    config: Vec<u8>,
    layers: Vec<(LayerEntry, Output)>,
}

impl Canonical for ImageStep {
    fn feed(&self, into: &mut Feed) {
        gabion_digest::hash_bytes(&self.config).blob.feed(into);
        let layers = self.layers.iter().map(|(it, output)| (it.media_type.as_str(), output.blob));
        layers.collect::<Vec<_>>().feed(into);
    }
}

/// What an image is made of.
#[derive(Debug, Clone, Default)]
struct Base {
    image: Option<BaseImage>,
    layers: Vec<Output>,
    below: Below,
}

impl Engine<'_> {
    /// The documents and blobs of an image.
    pub(super) async fn image_build(
        &self,
        recipe: &Recipe,
        it: &ImageBuild,
        inputs: &Results,
    ) -> Result<(Record, &'static str), BuildError> {
        let address = &recipe.address;
        let platform = format!("linux/{}", self.locked.graph.project.settings.arch);
        let platform: Platform =
            platform.parse().map_err(|_| super::step_failed(address, input("its platform is none")))?;
        let time = epoch(inputs);
        let mut base = match &it.base {
            Some(reference) => self.base(recipe, &reference.value.address, &platform, inputs).await?,
            None => Base::default(),
        };
        let mut how = "unchanged";
        let mut own = Vec::new();
        for layer in &it.layers {
            let planned = self.layer(recipe, it, layer, inputs, (base.below, time)).await?;
            let (step, below) = planned;
            base.below = below;
            let (made, word) = self.step(address, Step::Layer(Box::new(step))).await?;
            how = if word == "unchanged" { how } else { word };
            own.push(layer::made(&made, it.packing).map_err(|error| super::step_failed(address, error))?);
        }
        let diff_ids: Vec<Sha256> = own.iter().map(|(diff_id, ..)| *diff_id).collect();
        let config = config(base.image.as_ref(), &platform, &diff_ids, &it.settings, time);
        let entries = base.image.into_iter().flat_map(|it| it.layers).zip(base.layers);
        let layers = entries.chain(own.into_iter().map(|(_, entry, output)| (entry, output))).collect();
        let (mut record, word) = self.step(address, Step::Image(ImageStep { config, layers })).await?;
        record.facts.insert(EPOCH.to_owned(), time.to_string());
        Ok((record, if word == "unchanged" { how } else { word }))
    }

    async fn layer(
        &self,
        recipe: &Recipe,
        it: &ImageBuild,
        layer: &Layer,
        inputs: &Results,
        (below, time): (Below, u64),
    ) -> Result<(LayerStep, Below), BuildError> {
        let recipes = &self.locked.graph.project.recipes;
        let source = plan::source(layer, recipe, inputs, recipes);
        let source = source.map_err(|error| super::step_failed(&recipe.address, error))?;
        let (store, packing) = (self.store.clone(), it.packing);
        let planned = self.blocking(&recipe.address, move || {
            let mut below = below;
            let step = LayerStep::plan(source, &mut below, &store, time, packing)?;
            Ok((step, below))
        });
        planned.await
    }

    /// The base as it lies in the store, and what its layers leave.
    async fn base(
        &self,
        recipe: &Recipe,
        base: &crate::recipe::Address,
        platform: &Platform,
        inputs: &Results,
    ) -> Result<Base, BuildError> {
        let failed = |error| super::step_failed(&recipe.address, error);
        let missing = || failed(input("its base is not built"));
        let record = inputs.get(base).cloned().ok_or_else(missing)?;
        let pinned = self.locked.graph.project.recipes.get(base).and_then(|it| self.locked.image(it));
        let document = match pinned {
            Some(pin) => pin.documents.last().and_then(|it| record.outputs.get(&image::output_name(it))),
            None => record.outputs.get(MANIFEST),
        };
        let document = *document.ok_or_else(missing)?;
        let (store, platform) = (self.store.clone(), platform.clone());
        self.blocking(&recipe.address, move || read_base(&store, &record, document, &platform)).await
    }
}

fn read_base(
    store: &Store,
    record: &Record,
    document: Output,
    platform: &Platform,
) -> Result<Base, StepError> {
    let read = |output: Output| store.read_output(&output, DOCUMENT_LIMIT)?.ok_or(StepError::Gone(output));
    let blob = |digest: &Sha256| {
        let found = record.outputs.get(&image::output_name(digest)).copied();
        found.ok_or_else(|| input(&format!("its base has no blob `{digest}`")))
    };
    let manifest = match Document::reopen(read(document)?) {
        Ok(Document::Manifest(manifest)) => manifest,
        Ok(Document::Index(_)) => return Err(input("its base is an index")),
        Err(error) => return Err(input(&crate::error::chain(&error))),
    };
    let config = read(blob(&manifest.config().digest)?)?;
    let image = BaseImage::read(&manifest, &config, platform).map_err(|error| input(&error.to_string()))?;
    let layers: Vec<Output> =
        image.layers.iter().map(|it| blob(&it.digest)).collect::<Result<_, StepError>>()?;
    let mut below = Below::default();
    for output in &layers {
        plan::scan(store, output, &mut below)?;
    }
    Ok(Base { image: Some(image), layers, below })
}

/// The newest time of what goes in; 1980 where nothing has one.
fn epoch(inputs: &Results) -> u64 {
    let all = inputs.values().filter_map(|it| it.facts.get(EPOCH)?.parse::<u64>().ok());
    all.max().unwrap_or(0).max(EARLIEST)
}

fn input(why: &str) -> StepError {
    StepError::Input(why.to_owned())
}

impl ImageStep {
    /// Writes configuration and manifest.
    pub(super) fn run(&self, store: &Store) -> Result<Record, StepError> {
        let entries: Vec<LayerEntry> = self.layers.iter().map(|(it, _)| it.clone()).collect();
        let (config, manifest) =
            (store.put(&self.config)?.into(), store.put(&manifest(&self.config, &entries))?.into());
        let named = |output: Output| (image::output_name(&output.sha256), output);
        let mut outputs: BTreeMap<String, Output> = self.layers.iter().map(|(_, it)| named(*it)).collect();
        outputs.extend([named(config), (MANIFEST.to_owned(), manifest)]);
        Ok(Record { outputs, ..Record::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gabion_layer::{Meta, Packing};
    use plan::{Bytes, Source};

    fn file(path: &str, text: &str, mode: u32) -> Source {
        let bytes = Bytes::Memory(gabion_digest::hash_bytes(text.as_bytes()).blob, text.into());
        Source::Files([(path.into(), (Meta { mode, uid: 0, gid: 0 }, bytes))].into())
    }

    fn layer(source: Source, time: u64, packing: Packing, below: &mut Below) -> Step {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        Step::Layer(Box::new(LayerStep::plan(source, below, &store, time, packing).unwrap()))
    }

    fn plain() -> Step {
        layer(file("etc/a", "a", 0o644), 7, Packing::Gzip, &mut Below::default())
    }

    /// When this test fails, bytes moved: raise the version of the operation and only then change it. The bytes themselves
    /// are held by the tests of `formats/layer`, of `formats/oci`, and of the whole program.
    #[test]
    fn the_names_of_the_work_are_held() {
        let image = Step::Image(ImageStep { config: b"{}".to_vec(), layers: Vec::new() });
        assert_eq!(
            plain().id().to_string(),
            "b3:230b7f9099cde678fbd116b8650d75ad38188643ccfc5ee4d5179282ee79a618"
        );
        assert_eq!(
            image.id().to_string(),
            "b3:e50bf15a3f4482ef5d5e6a4829c33881f776a57c488904fb9f61271013bf08dc"
        );
    }

    #[test]
    fn whatever_shapes_a_layer_is_part_of_its_name() {
        let mut tmp = Below::default();
        tmp.put(b"etc", gabion_layer::Lower::Folder(Meta { mode: 0o700, uid: 0, gid: 0 }));
        let mut beside = Below::default();
        beside.put(b"var", gabion_layer::Lower::Folder(Meta { mode: 0o700, uid: 0, gid: 0 }));
        let none = || Below::default();
        for (what, other) in [
            ("path", layer(file("etc/b", "a", 0o644), 7, Packing::Gzip, &mut none())),
            ("bytes", layer(file("etc/a", "b", 0o644), 7, Packing::Gzip, &mut none())),
            ("mode", layer(file("etc/a", "a", 0o600), 7, Packing::Gzip, &mut none())),
            ("time", layer(file("etc/a", "a", 0o644), 8, Packing::Gzip, &mut none())),
            ("packing", layer(file("etc/a", "a", 0o644), 7, Packing::Zstd, &mut none())),
            ("a folder below", layer(file("etc/a", "a", 0o644), 7, Packing::Gzip, &mut tmp)),
        ] {
            assert_ne!(other.id(), plain().id(), "{what}");
        }
        // What lies elsewhere is not.
        assert_eq!(layer(file("etc/a", "a", 0o644), 7, Packing::Gzip, &mut beside).id(), plain().id());
    }
}
