//! What a layer is made of: trees and files of other nodes, of the project and of the recipe, with their bytes' names.

use super::super::step::StepError;
use super::super::{Results, stage::SYSTEM};
use super::input;
use crate::recipe::kinds::{FileSource, Layer, OUT};
use crate::recipe::{Address, Body, Recipe, Reference};
use gabion_digest::{BlobId, DualHasher, TreeId};
use gabion_layer::{Below, Meta, unpacked};
use gabion_store::{Output, Record, Store};
use std::collections::BTreeMap;
use std::io::{self, Read};

/// What a layer is made of.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A tree, where it lies, and whether the modes of its folders are meant: those of what a script left are not.
    Tree { tree: TreeId, to: Vec<u8>, folders: bool },
    /// Files, by path.
    Files(BTreeMap<Vec<u8>, (Meta, Bytes)>),
}

/// The bytes of a file.
#[derive(Debug, Clone)]
pub(super) enum Bytes {
    Store(Output),
    Memory(BlobId, Vec<u8>),
}

impl Bytes {
    pub(super) fn blob(&self) -> BlobId {
        match self {
            Self::Store(output) => output.blob,
            Self::Memory(blob, _) => *blob,
        }
    }
}

/// Finds everything that `layer` names among what was built.
pub(super) fn source(
    layer: &Layer,
    recipe: &Recipe,
    inputs: &Results,
    recipes: &BTreeMap<Address, Recipe>,
) -> Result<Source, StepError> {
    match layer {
        Layer::Tree { from, to } => {
            let body = recipes.get(&from.address).map(|it| &it.body);
            if matches!(body, Some(Body::Rootfs(it)) if it.is_host) {
                let why = format!(
                    "`{from}` is a host, which only a disk can hold: take a system with `packages` alone"
                );
                return Err(StepError::Input(why));
            }
            let folders = matches!(body, Some(Body::Rootfs(_)));
            let default = if folders { SYSTEM } else { OUT };
            let name = from.output.as_deref().unwrap_or(default);
            let record = found(from, inputs)?;
            let tree = record.trees.get(name).copied().ok_or_else(|| {
                input(&format!("`{from}` is no tree: `files` takes single files, with `from` and `path`"))
            })?;
            Ok(Source::Tree { tree, to: to.clone(), folders })
        }
        Layer::Files(files) => {
            let mut all = BTreeMap::new();
            for file in files {
                let bytes = match &file.source {
                    FileSource::Here(text) => memory(text.as_bytes()),
                    FileSource::Local(path) => {
                        let gone = || input(&format!("`{path}` is not there"));
                        memory(&recipe.file(Some(path)).ok_or_else(gone)?.bytes)
                    }
                    FileSource::Node(reference) => Bytes::Store(one_file(reference, inputs)?),
                };
                all.insert(file.path.clone(), (file.meta, bytes));
            }
            Ok(Source::Files(all))
        }
    }
}

fn memory(bytes: &[u8]) -> Bytes {
    Bytes::Memory(gabion_digest::hash_bytes(bytes).blob, bytes.to_vec())
}

fn found<'r>(reference: &Reference, inputs: &'r Results) -> Result<&'r Record, StepError> {
    inputs.get(&reference.address).ok_or_else(|| input(&format!("`{reference}` is not built")))
}

/// The one file that a reference names.
fn one_file(reference: &Reference, inputs: &Results) -> Result<Output, StepError> {
    let record = found(reference, inputs)?;
    let named = record.outputs.iter().filter(|(name, _)| match &reference.output {
        Some(output) => output == *name,
        None => record.outputs.len() == 1,
    });
    let file = named.filter(|(name, _)| !record.trees.contains_key(*name)).map(|(_, output)| *output).next();
    file.ok_or_else(|| {
        let there: Vec<String> = record.outputs.keys().map(|it| format!("`{it}`")).collect();
        input(&format!("`{reference}` is not one file: `{}` gives {}", reference.address, there.join(", ")))
    })
}

/// Reads which folders and links a layer of a base has.
pub(super) fn scan(store: &Store, layer: &Output, below: &mut Below) -> Result<(), StepError> {
    let (file, _) = store.open_blob(layer.blob)?.ok_or(StepError::Gone(*layer))?;
    let mut hashed = Hashed::new(io::BufReader::with_capacity(256 << 10, file));
    let read = unpacked(&mut hashed).and_then(|tar| below.add(tar));
    // What stands behind the end of the tar belongs to the bytes too.
    let read = read.and_then(|()| io::copy(&mut hashed, &mut io::sink()));
    if read.is_ok() && hashed.blob() != layer.blob {
        return Err(StepError::Gone(*layer));
    }
    read.map(drop)
        .map_err(|error| input(&format!("the layer `{}` of its base cannot be read: {error}", layer.sha256)))
}

/// Hashes what is read.
pub(super) struct Hashed<R> {
    file: R,
    hasher: DualHasher,
}

impl<R> Hashed<R> {
    pub(super) fn new(file: R) -> Self {
        Self { file, hasher: DualHasher::new() }
    }

    pub(super) fn blob(self) -> BlobId {
        self.hasher.finish().blob
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}
