//! What hangs on an image: signatures, attestations and lists of parts, found when it is pinned and kept with it.
//!
//! Cosign puts them beside the image, under tags that are made of its digest; newer tools make them referrers. Both are
//! looked for, on the index and on the manifest. Signatures are checked where the recipe names a key.
//!
//! # What this module does not do
//! It checks no signature without a lasting key (Fulcio): the lock says that there is one, and that it was not checked.
//! It reads neither attestations nor lists of parts.

use super::{ResolveError, Resolver, format, net};
use crate::recipe::Recipe;
use crate::recipe::kinds::Image;
use crate::request::Request;
use futures_util::future::try_join_all;
use gabion_digest::Sha256;
use gabion_lockfile::{Attached, AttachedKind, Trust};
use gabion_oci::cosign::{self, CosignError, PAYLOAD_LIMIT, PublicKey, Signature};
use gabion_oci::{Document, Manifest, Reference};
use std::collections::{BTreeMap, BTreeSet};

/// Signatures and lists of parts are small. What is larger is an artifact of its own that refers to the image.
const SIZE_LIMIT: u64 = 64 << 20;
/// How many referrers of one document are looked at.
const REFERRERS: usize = 64;

/// What hangs on an image, with its manifests.
pub(super) type Hanging = BTreeMap<Attached, Manifest>;

impl Resolver<'_> {
    /// What hangs on the documents `subjects` of an image. Their documents stay in the store for the build.
    pub(super) async fn hanging(
        &self,
        request: &Request,
        reference: &Reference,
        subjects: &[Sha256],
    ) -> Result<Hanging, ResolveError> {
        let asked = subjects.iter().flat_map(|subject| AttachedKind::ALL.map(|kind| (*subject, kind)));
        let found = asked.map(|(subject, kind)| self.hanging_as(request, reference, subject, kind));
        Ok(try_join_all(found).await?.into_iter().flatten().collect())
    }

    async fn hanging_as(
        &self,
        request: &Request,
        reference: &Reference,
        subject: Sha256,
        kind: AttachedKind,
    ) -> Result<Hanging, ResolveError> {
        let (registry, name) = (self.client.registry(), reference.name());
        let attached = |manifest| Attached { subject, kind, manifest };
        let references = if kind == AttachedKind::Referrer {
            let listed = registry.referrers(name, subject).await.map_err(net(request))?;
            listed.iter().take(REFERRERS).map(|digest| name.at(*digest)).collect()
        } else {
            // Digits and an ending: always a tag.
            name.tagged(&attached(subject).tag()).into_iter().collect::<Vec<_>>()
        };
        let mut found = Hanging::new();
        for reference in references {
            let Some(raw) = registry.find(&reference).await.map_err(net(request))? else { continue };
            // What is no artifact that is about this image is somebody else's, and no reason to refuse the image.
            let Ok(Document::Manifest(manifest)) = Document::parse(raw.bytes, Some(&raw.media_type)) else {
                continue;
            };
            if manifest.blobs().map(|it| it.size).sum::<u64>() <= SIZE_LIMIT {
                self.store.put(manifest.bytes()).map_err(net(request))?;
                found.insert(attached(manifest.digest()), manifest);
            }
        }
        Ok(found)
    }

    /// Why the digests of an image are believed: by the key of the recipe where it names one.
    pub(super) async fn trust(
        &self,
        request: &Request,
        recipe: &Recipe,
        it: &Image,
        reference: &Reference,
        hanging: &Hanging,
    ) -> Result<Trust, ResolveError> {
        let keyless = || signatures(hanging).any(|(_, signature)| signature.keyless);
        let Some(key) = recipe.file(it.cosign_key.as_ref().map(|it| it.value.as_str())) else {
            return Ok(match it.digest {
                Some(_) => Trust::Recipe,
                None if keyless() => Trust::KeylessUnverified,
                None => Trust::UpstreamDigest,
            });
        };
        let image = reference.to_string();
        let failed = format(request, &image);
        let key = PublicKey::parse(&key.bytes).map_err(&failed)?;
        let mut each = BTreeSet::new();
        for (attached, signature) in signatures(hanging) {
            match self.check(request, reference, &key, attached.subject, &signature).await? {
                Ok(()) => return Ok(Trust::CosignKey(key.id())),
                Err(why) => each.insert(format!("{}: {why}", attached.tag())),
            };
        }
        let image = image.clone();
        Err(failed(if each.is_empty() {
            CosignError::Unsigned { image }
        } else {
            CosignError::Refused { image, each: each.into_iter().collect() }
        }))
    }

    /// Whether a signature is by `key` and over `subject`; what is wrong otherwise.
    async fn check(
        &self,
        request: &Request,
        reference: &Reference,
        key: &PublicKey,
        subject: Sha256,
        signature: &Signature<'_>,
    ) -> Result<Result<(), String>, ResolveError> {
        let payload = signature.payload;
        if payload.size > PAYLOAD_LIMIT {
            return Ok(Err("its payload is larger than any that cosign writes".to_owned()));
        }
        let pin = (payload.digest, payload.size);
        let got = self.client.registry().blob(self.store, reference.name(), pin, &request.id).await;
        let output = got.map_err(net(request))?;
        let bytes = self.store.read_output(&output, PAYLOAD_LIMIT).map_err(net(request))?.unwrap_or_default();
        Ok(verify(key, subject, signature, &bytes))
    }
}

fn signatures(hanging: &Hanging) -> impl Iterator<Item = (&Attached, Signature<'_>)> {
    let signed = hanging.iter().filter(|(it, _)| it.kind == AttachedKind::Signature);
    signed.flat_map(|(it, manifest)| cosign::signatures(manifest).into_iter().map(move |one| (it, one)))
}

fn verify(key: &PublicKey, subject: Sha256, signature: &Signature<'_>, payload: &[u8]) -> Result<(), String> {
    let algorithm = &ring::signature::ECDSA_P256_SHA256_ASN1;
    let by_key = ring::signature::UnparsedPublicKey::new(algorithm, key.point());
    if by_key.verify(payload, &signature.bytes).is_err() {
        let keyless = if signature.keyless { ", but without a lasting key" } else { "" };
        return Err(format!("it is not by the key of the recipe{keyless}"));
    }
    match cosign::signed_digest(payload)? {
        signed if signed == subject => Ok(()),
        other => Err(format!("it is over `{other}`, another image")),
    }
}
