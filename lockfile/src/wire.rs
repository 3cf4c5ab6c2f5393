//! The stable bytes of entries and closures, for request ids. `FORMAT.md` §4 lists them.

use crate::{
    AptLock, Archive, Attached, ChartSource, CommitId, Deb, Entry, EntryId, Fingerprint, Overlay, Pin,
    Platform, PoolPath, Reference, Size, Suite, Text, Trust, Url, UtcTime, Word,
};
use gabion_digest::{Canonical, Feed};

macro_rules! feed_text {
    ($($name:ty),*) => {$(
        impl Canonical for $name {
            fn feed(&self, into: &mut Feed) {
                self.as_str().feed(into);
            }
        }
    )*};
}

feed_text!(EntryId, Text, Overlay, Platform, Reference, CommitId, Fingerprint, Url, Word, PoolPath);

impl Canonical for Size {
    fn feed(&self, into: &mut Feed) {
        self.get().feed(into);
    }
}

impl Canonical for UtcTime {
    fn feed(&self, into: &mut Feed) {
        self.unix().feed(into);
    }
}

impl Canonical for Trust {
    fn feed(&self, into: &mut Feed) {
        self.to_string().feed(into);
    }
}

impl Canonical for Attached {
    fn feed(&self, into: &mut Feed) {
        self.to_string().feed(into);
    }
}

impl Canonical for ChartSource {
    fn feed(&self, into: &mut Feed) {
        match self {
            Self::Http(url) => {
                into.update(&[0]);
                url.feed(into);
            }
            Self::Oci { reference, manifest } => {
                into.update(&[1]);
                reference.feed(into);
                manifest.feed(into);
            }
        }
    }
}

impl Canonical for Pin {
    fn feed(&self, into: &mut Feed) {
        match self {
            Self::File { url, size, sha256 } => {
                into.update(&[0]);
                url.feed(into);
                size.feed(into);
                sha256.feed(into);
            }
            Self::Image { reference, index, manifest, size, attached } => {
                into.update(&[if attached.is_empty() { 1 } else { 4 }]);
                reference.feed(into);
                index.feed(into);
                manifest.feed(into);
                size.feed(into);
                if !attached.is_empty() {
                    attached.feed(into);
                }
            }
            Self::Chart { source, size, sha256, images } => {
                into.update(&[2]);
                source.feed(into);
                size.feed(into);
                sha256.feed(into);
                images.feed(into);
            }
            Self::Git { url, commit, size, sha256 } => {
                into.update(&[3]);
                url.feed(into);
                commit.feed(into);
                size.feed(into);
                sha256.feed(into);
            }
        }
    }
}

impl Canonical for Entry {
    fn feed(&self, into: &mut Feed) {
        let Self { id, request, version, pin, platform, trust, only } = self;
        id.feed(into);
        request.feed(into);
        version.feed(into);
        pin.feed(into);
        platform.feed(into);
        trust.feed(into);
        only.feed(into);
    }
}

impl Canonical for Suite {
    fn feed(&self, into: &mut Feed) {
        let Self { name, date, inrelease, signer } = self;
        name.feed(into);
        date.feed(into);
        inrelease.feed(into);
        signer.feed(into);
    }
}

impl Canonical for Archive {
    fn feed(&self, into: &mut Feed) {
        self.url.feed(into);
        self.suites.feed(into);
    }
}

impl Canonical for Deb {
    fn feed(&self, into: &mut Feed) {
        let Self { key, version, size, sha256, path, archive } = self;
        key.name.feed(into);
        key.arch.feed(into);
        version.feed(into);
        size.feed(into);
        sha256.feed(into);
        path.feed(into);
        (*archive as u64).feed(into);
    }
}

impl Canonical for AptLock {
    fn feed(&self, into: &mut Feed) {
        self.id().feed(into);
        self.request().feed(into);
        self.only().feed(into);
        self.archives().feed(into);
        (self.debs().len() as u64).feed(into);
        self.debs().for_each(|deb| deb.feed(into));
    }
}
