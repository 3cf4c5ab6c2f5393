//! Closures of Debian packages: from the signed suites of an archive to exact .debs.
//!
//! Each step believes only what the one before vouches for: pinned keys sign `InRelease`, it has the digests
//! of the indexes, and they have those of the packages. No package is downloaded here.

use super::{ResolveError, Resolver, wrong};
use crate::recipe::Recipe;
use crate::recipe::kinds::Apt;
use crate::request::Request;
use gabion_apt::{Candidates, Keyring, Part, Release, Signers, Wish};
use gabion_digest::Sha256;
use gabion_lockfile::{
    AptLock, Deb, DebKey, EntryId, Fingerprint, PoolPath, Size, Suite, Text, Url, UtcTime, Word,
};
use std::collections::BTreeSet;

/// `InRelease` of the largest archive is below 1 MiB.
const RELEASE_LIMIT: u64 = 16 << 20;
/// An index of the largest archive unpacks to less than 100 MiB.
const INDEX_LIMIT: u64 = 512 << 20;

/// An archive as a recipe means it, with nothing left to default.
struct Source<'r> {
    url: String,
    suites: Vec<&'r str>,
}

/// One suite as it is now.
struct Opened {
    suite: Suite,
    /// Its indexes: location and text.
    indexes: Vec<(String, String)>,
}

impl Resolver<'_> {
    /// Solves the closure that `request` asks for.
    pub(super) async fn closure(
        &self,
        request: &Request,
        recipe: &Recipe,
        it: &Apt,
    ) -> Result<AptLock, ResolveError> {
        let (keys, pinned) = keys(request, recipe, it)?;
        let sources = sources(it);
        let mut archives = Vec::new();
        let mut opened = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            let mut suites = Vec::new();
            for name in &source.suites {
                let suite = self.suite(request, it, &source.url, name, (&keys, &pinned)).await?;
                suites.push(suite.suite.clone());
                opened.push((number, suite));
            }
            let url = Url::new(&source.url).map_err(|error| wrong(request, error.to_string()))?;
            archives.push(gabion_lockfile::Archive { url, suites });
        }
        let mut candidates = Candidates::default();
        for (number, suite) in &opened {
            for (url, text) in &suite.indexes {
                for package in gabion_apt::packages(text) {
                    let failed =
                        |source| ResolveError::Index { id: request.id.clone(), url: url.clone(), source };
                    candidates.add(package.map_err(failed)?, *number);
                }
            }
        }
        let failed =
            |source| ResolveError::Index { id: request.id.clone(), url: sources[0].url.clone(), source };
        candidates.seal().map_err(failed)?;
        let wish = Wish {
            install: it.install.iter().map(|it| it.value.as_str()).collect(),
            exclude: it.exclude.iter().map(|it| it.value.as_str()).collect(),
            essential: it.essential,
            recommends: it.recommends,
        };
        let closure = candidates
            .closure(&wish)
            .map_err(|source| ResolveError::Closure { id: request.id.clone(), source })?;
        let debs: Result<Vec<Deb>, _> = closure
            .0
            .values()
            .map(|chosen| {
                let package = &chosen.package;
                Ok::<_, gabion_lockfile::ValueError>(Deb {
                    key: DebKey { name: Word::new(package.name)?, arch: Word::new(package.architecture)? },
                    version: Word::new(package.version.as_str())?,
                    size: Size::new(package.size)?,
                    sha256: package.sha256,
                    path: PoolPath::new(package.filename)?,
                    archive: chosen.suite,
                })
            })
            .collect();
        let made = (|| {
            Ok::<_, gabion_lockfile::ValueError>((EntryId::new(&request.id)?, Text::new(&request.text)?))
        })();
        let (id, text) = made.map_err(|error| wrong(request, error.to_string()))?;
        let debs = debs.map_err(|error| wrong(request, error.to_string()))?;
        AptLock::new(id, text, BTreeSet::new(), archives, debs)
            .map_err(|problem| wrong(request, problem.to_string()))
    }

    /// Reads one suite: its signature, its date, and the indexes of the components.
    async fn suite(
        &self,
        request: &Request,
        it: &Apt,
        archive: &str,
        name: &str,
        (keys, pinned): (&Keyring, &[String]),
    ) -> Result<Opened, ResolveError> {
        let net = |source| ResolveError::Net { id: request.id.clone(), source };
        let url = format!("{archive}/dists/{name}/InRelease");
        let client = self.client.for_signed();
        let bytes = client.get(&url, RELEASE_LIMIT).await.map_err(net)?;
        // The only clock of the lock: no signature is from the future, no suite is used beyond its time.
        let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |it| it.as_secs());
        let past = |moment: &i64| u64::try_from(*moment).unwrap_or(0) < now;
        let by = Signers { pinned, needed: 1, now };
        let signed = gabion_apt::verify_clearsigned(&bytes, keys, &by)
            .map_err(|source| ResolveError::Signature { id: request.id.clone(), url: url.clone(), source })?;
        let index =
            |url: &str, source| ResolveError::Index { id: request.id.clone(), url: url.to_owned(), source };
        let release = Release::parse(&signed.text).map_err(|source| index(&url, source))?;
        if !release.is_called(name) {
            let why = format!("`{url}` is signed, but as the suite `{}`", release.codename);
            return Err(wrong(request, why));
        }
        let until = release.valid_until.filter(|until| it.snapshot.is_none() && past(until));
        if let Some(until) = until.and_then(UtcTime::from_unix) {
            let why = format!(
                "`{url}` was valid until {until}: the mirror is stale, or somebody holds updates back"
            );
            return Err(wrong(request, why));
        }
        let mut indexes = Vec::new();
        for component in components(it) {
            let arch = &self.settings.arch;
            let found = release.packages(component, arch);
            let (path, sha256, size) = found.ok_or_else(|| {
                let known = release.components.join("`, `");
                wrong(request, format!("`{name}` has no `{component}` for {arch}; it has `{known}`"))
            })?;
            let url = format!("{archive}/dists/{name}/{}", release.location(&path, sha256));
            let index_file = self.fetch_from(&client, request, &url, Some(sha256), Some(size)).await?;
            // It may have been here before: what the suite vouches for is these bytes, not the store's word.
            self.store.check_output(&index_file).map_err(|error| net(error.into()))?;
            let file = self.store.open_blob(index_file.blob).map_err(|error| net(error.into()))?;
            let Some((file, _)) = file else {
                return Err(net(crate::net::NetError::Vanished { url }));
            };
            let text = gabion_apt::unpack(&path, file, INDEX_LIMIT).map_err(|source| index(&url, source))?;
            indexes.push((url, text));
        }
        let made = (|| {
            let by = signed.signers.first().map_or("", String::as_str);
            Ok::<_, gabion_lockfile::ValueError>((Word::new(name)?, Fingerprint::new(by)?))
        })();
        let (name, by) = made.map_err(|error| wrong(request, error.to_string()))?;
        let date = UtcTime::from_unix(release.date)
            .ok_or_else(|| wrong(request, format!("`{url}` has an impossible date")))?;
        Ok(Opened { suite: Suite { name, date, inrelease: Sha256::of(&bytes), signer: by }, indexes })
    }
}

/// The archives that the recipe means.
fn sources(it: &Apt) -> Vec<Source<'_>> {
    let own: Vec<&str> = it.suites.iter().map(|it| it.value.as_str()).collect();
    let parts = it.origin.map(|it| it.archives).unwrap_or_default();
    if let Some(url) = &it.archive {
        let usual = parts.iter().flat_map(|part| part.suites).copied();
        return vec![Source {
            url: url.value.clone(),
            suites: if own.is_empty() { usual.collect() } else { own },
        }];
    }
    let source = |part: &Part| {
        let url = match &it.snapshot {
            Some(moment) => part.dated.replace("{}", &moment.value.replace(['-', ':'], "")),
            None => part.url.to_owned(),
        };
        let wanted = |suite: &&&str| own.is_empty() || own.contains(*suite);
        Source { url, suites: part.suites.iter().filter(wanted).copied().collect() }
    };
    parts.iter().map(source).filter(|it| !it.suites.is_empty()).collect()
}

fn components(it: &Apt) -> Vec<&str> {
    match it.origin {
        Some(origin) if it.components.is_empty() => origin.components.to_vec(),
        _ => it.components.iter().map(|it| it.value.as_str()).collect(),
    }
}

/// The keys that are read, and the fingerprints of those that count.
fn keys(request: &Request, recipe: &Recipe, it: &Apt) -> Result<(Keyring, Vec<String>), ResolveError> {
    let name = it.keyring.as_ref().map_or("built-in keys", |it| &it.value);
    let bytes = match (recipe.files.first(), it.origin) {
        (Some(file), _) => &file.bytes[..],
        (None, Some(origin)) => origin.keys.as_bytes(),
        (None, None) => &[],
    };
    let keys = Keyring::parse(bytes).map_err(|source| ResolveError::Signature {
        id: request.id.clone(),
        url: name.to_owned(),
        source,
    })?;
    let pinned = match (it.fingerprints.as_slice(), it.origin) {
        ([], Some(origin)) if it.keyring.is_none() => {
            origin.fingerprints.iter().map(|it| (*it).to_owned()).collect()
        }
        ([], _) => keys.fingerprints(),
        (own, _) => own.iter().map(|it| it.value.clone()).collect(),
    };
    Ok((keys, pinned))
}
