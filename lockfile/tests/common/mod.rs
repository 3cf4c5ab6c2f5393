//! Samples that the tests share.

#![expect(unreachable_pub, reason = "a module of several test programs")]

use gabion_lockfile::{ChartSource, CommitId, Entry, EntryId, Lock, Pin, Reference, Size, Text, Trust, Url};

pub fn digest(text: &str) -> gabion_digest::Sha256 {
    gabion_digest::Sha256::of(text.as_bytes())
}

pub fn file(id: &str, version: &str) -> Entry {
    let url = format!("https://upstream.example/{}/{version}", id.replace('#', "/"));
    Entry {
        id: EntryId::new(id).unwrap(),
        request: Text::new("release ~1").unwrap(),
        version: Some(Text::new(version).unwrap()),
        pin: Pin::File {
            sha256: digest(&url),
            url: Url::new(&url).unwrap(),
            size: Size::from(u32::try_from(1000 + version.len()).unwrap()),
        },
        platform: None,
        trust: Trust::Tofu,
        only: [].into(),
    }
}

/// One entry of each kind, with every optional field.
pub fn sample() -> Lock {
    let mut k3s = file("k3s.main#binary", "v1.34.9+k3s1");
    k3s.platform = Some("linux/amd64".parse().unwrap());
    k3s.trust = "checksum-file:sha256sum-amd64.txt".parse().unwrap();
    let reference = |text: &str| Reference::new(text).unwrap();
    let chart = Entry {
        pin: Pin::Chart {
            source: ChartSource::Oci {
                reference: reference("quay.io/jetstack/charts/cert-manager:v1.21.1"),
                manifest: digest("chart manifest"),
            },
            size: Size::from(91_432),
            sha256: digest("chart"),
            images: [
                reference("quay.io/jetstack/cert-manager-controller:v1.21.1"),
                reference("quay.io/jetstack/cert-manager-acmesolver:v1.21.1"),
            ]
            .into(),
        },
        trust: Trust::OpenPgp("F6EC".repeat(10).parse().unwrap()),
        ..file("chart.cert-manager", "v1.21.1")
    };
    let monitoring = Entry {
        pin: Pin::Chart {
            source: ChartSource::Http("https://charts.example/m-88.4.1.tgz".parse().unwrap()),
            size: Size::from(512 << 10),
            sha256: digest("monitoring"),
            images: [].into(),
        },
        trust: Trust::UpstreamDigest,
        ..file("chart.monitoring", "88.4.1")
    };
    let image = Entry {
        pin: Pin::Image {
            reference: reference("ghcr.io/acme/api:v1"),
            index: Some(digest("index")),
            manifest: digest("manifest"),
            size: Size::from(15_310_022),
            attached: [].into(),
        },
        platform: Some("linux/amd64".parse().unwrap()),
        trust: Trust::UpstreamDigest,
        only: ["staging".parse().unwrap(), "production".parse().unwrap()].into(),
        ..file("image.api", "v1")
    };
    let git = Entry {
        request: Text::new("git \"main\" \\ größer").unwrap(),
        version: None,
        pin: Pin::Git {
            url: "ssh://git@git.example/repo.git".parse().unwrap(),
            commit: CommitId::new(&"0af1".repeat(10)).unwrap(),
            size: Size::from(10_240),
            sha256: digest("tree"),
        },
        trust: Trust::Recipe,
        ..file("fetch.site", "x")
    };
    [k3s, chart, monitoring, image, git].into_iter().collect()
}
