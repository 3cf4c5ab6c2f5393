//! Indexes of repositories: as `PyYAML` writes them, as Helm chooses in them, and as nobody should.

use crate::helm;
use gabion_helm::{ChooseError, Constraint, RepositoryIndex, oci};
use std::fmt::Write;
use std::time::{Duration, Instant};

const DIGEST: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

fn index(text: &str) -> RepositoryIndex {
    RepositoryIndex::parse(text.as_bytes()).unwrap()
}

/// An index with one chart, `web`, of these versions.
fn web(versions: &[&str]) -> String {
    let mut out = "apiVersion: v1\nentries:\n  web:\n".to_owned();
    for (place, version) in versions.iter().enumerate() {
        writeln!(out, "  - {{apiVersion: v2, name: web, version: '{version}', urls: [web-{place}.tgz]}}")
            .unwrap();
    }
    out
}

fn chosen(index: &RepositoryIndex, wanted: &str) -> Result<String, ChooseError> {
    index.choose("web", &wanted.parse().unwrap()).map(|it| it.version.clone())
}

const VERSIONS: [&str; 14] = [
    "1.2.3",
    "latest",
    "2.0.0-rc.1",
    "1.10.0",
    "v1.9.0",
    "1.2.3+b1",
    "1.9.1-alpha",
    "0.9.0",
    "1.2",
    "2.0.0-rc.2",
    "3.x",
    "1.10.0+deb",
    "1.2.10",
    "1.0.0-0",
];

#[test]
fn the_version_is_that_which_helm_takes() {
    let wishes = [
        "*",
        "1.x",
        "^1",
        "~1.2",
        ">=1.2, <1.10",
        "1.2.3",
        "1.2",
        "1.2.3+b1",
        "v1.9.0",
        ">0-0",
        "2.0.0-rc.1",
        "~1.9-0",
        "<1",
        "1.2 - 1.9",
        "1.10.0+deb",
        ">=1.10.0-0 <2",
        "=1.2.10",
        "1.9.x || 0.x",
        "!=1.10.x",
        ">5",
        "^2",
        "^2-0",
        "1.0.0-0",
    ];
    let text = web(&VERSIONS);
    let asked: Vec<_> = wishes.iter().map(|it| ("web", *it)).collect();
    let question = serde_json::json!({ "index": text, "wishes": asked }).to_string();
    let Some(answer) = helm::ask(&["choose"], &question) else { return };
    let theirs: Vec<Option<String>> = serde_json::from_str(&answer).unwrap();
    let index = index(&text);
    for (wish, theirs) in wishes.iter().zip(theirs) {
        let ours = index.choose("web", &wish.parse().unwrap()).ok();
        let ours = ours.map(|it| it.urls("http://x/charts").unwrap()[0].replace("http://x", ""));
        assert_eq!(ours, theirs, "`{wish}`");
    }
}

#[test]
fn one_whole_version_means_that_version_and_no_other() {
    let index = index(&web(&VERSIONS));
    assert_eq!(chosen(&index, "1.2.3+b1").unwrap(), "1.2.3+b1");
    for other in ["1.9.0", "v1.2.3", "1.2.3+b2", "1.10.0+ubuntu"] {
        let error = chosen(&index, other).unwrap_err();
        assert_eq!(error.code(), "E0807", "`{other}`");
        assert!(error.help().unwrap().contains("`1.10.0`"), "{:?}", error.help());
    }
    // Without a version, no version before a release.
    assert_eq!(index.choose("web", &Constraint::any()).unwrap().version, "1.10.0");
    assert!(
        matches!(index.choose("wev", &Constraint::any()), Err(ChooseError::Chart { near: Some(near), .. }) if near == "web")
    );
}

#[test]
fn what_was_removed_is_never_chosen() {
    let index = index(
        "apiVersion: v1\nentries: {web: [{version: 1.1.0, removed: true}, {version: 1.0.0, deprecated: true}, {version: 0.9.0}]}",
    );
    assert_eq!(chosen(&index, "1.x").unwrap(), "1.0.0");
    assert!(index.choose("web", &Constraint::any()).unwrap().deprecated);
    assert!(matches!(chosen(&index, "1.1.0"), Err(ChooseError::Removed { .. })));
    let none = chosen(&index, ">=1.1").unwrap_err();
    assert_eq!(none.help().unwrap(), "there is `1.0.0`, `0.9.0`");
}

#[test]
fn addresses_are_those_of_helm_and_lead_nowhere_else() {
    let at = |url: &str, base: &str| {
        let text = format!("apiVersion: v1\nentries: {{web: [{{version: 1.0.0, urls: ['{url}']}}]}}");
        let index = index(&text);
        index.choose("web", &Constraint::any()).unwrap().urls(base).map(|it| it[0].clone())
    };
    for (url, base, whole) in [
        ("web-1.tgz", "https://a.b/charts", "https://a.b/charts/web-1.tgz"),
        ("web-1.tgz", "https://a.b/charts/?token=x", "https://a.b/charts/web-1.tgz?token=x"),
        ("./d/web-1.tgz", "https://a.b", "https://a.b/d/web-1.tgz"),
        ("/web-1.tgz", "https://a.b/charts/", "https://a.b/web-1.tgz"),
        ("https://c.d/web-1.tgz", "https://a.b/charts", "https://c.d/web-1.tgz"),
        ("oci://c.d/web:1.0.0", "https://a.b/charts", "oci://c.d/web:1.0.0"),
    ] {
        assert_eq!(at(url, base).unwrap(), whole);
    }
    for url in ["file:///etc/passwd", "ftp://a.b/c", "javascript:x", "https://"] {
        assert_eq!(at(url, "https://a.b/charts").unwrap_err().code(), "E0804", "{url}");
    }
    let bare = index("apiVersion: v1\nentries: {web: [{version: 1.0.0}]}");
    assert_eq!(
        bare.choose("web", &Constraint::any()).unwrap().urls("https://a.b").unwrap_err().code(),
        "E0804"
    );
}

#[test]
fn a_digest_is_one_with_or_without_its_name() {
    let digest = |text: &str| {
        let text = format!("apiVersion: v1\nentries: {{web: [{{version: 1.0.0, digest: '{text}'}}]}}");
        index(&text).choose("web", &Constraint::any()).unwrap().sha256()
    };
    for text in [DIGEST.to_owned(), format!("sha256:{DIGEST}")] {
        assert_eq!(digest(&text).unwrap().unwrap().hex(), DIGEST);
    }
    assert_eq!(digest("").unwrap(), None);
    for text in ["abc", &DIGEST[1..], &format!("sha512:{DIGEST}"), &format!("sha256:sha256:{DIGEST}")] {
        assert_eq!(digest(text).unwrap_err().code(), "E0805", "{text}");
    }
}

#[test]
fn what_pyyaml_and_json_write_is_read_alike() {
    let text = "import json, sys, yaml
e = [dict(apiVersion='v2', name='web', version=v, appVersion='1.10', created='2024-05-21T20:33:37.204943374Z', digest='d' * 64,
          description='ä: \"x\"\\n# no comment\\n' * 3, urls=['https://a.b/web-%s.tgz' % v], keywords=['y', 'null', '~', '0x1'],
          annotations={'inf': float('inf') if sys.argv[1] in 'yfe' else 0, 'k': 'a: |\\n  b\\n' * 5}) for v in ('1.0.0', '1.1.0', '0.9.0-rc.1+b')]
index = dict(apiVersion='v1', generated='2024-05-21T20:33:37Z', entries={'web': e, 'empty': [], 'none': None})
print(dict(y=lambda: yaml.safe_dump(index), f=lambda: yaml.safe_dump(index, default_flow_style=True, width=10**6), e=lambda: '---\\n' + yaml.safe_dump(index, explicit_end=True),
    j=lambda: json.dumps(index, default=str), i=lambda: json.dumps(index, default=str, indent=1))[sys.argv[1]]())";
    for form in ["y", "f", "e", "j", "i"] {
        let Some(out) = helm::script("yaml", text, &[form]) else { return };
        let index = RepositoryIndex::parse(&out).unwrap();
        let entry = index.choose("web", &"1.x".parse().unwrap()).unwrap();
        assert_eq!((entry.version.as_str(), entry.app_version.as_deref()), ("1.1.0", Some("1.10")));
        assert_eq!(entry.sha256().unwrap().unwrap().hex(), "d".repeat(64));
        assert_eq!(
            index.entries().map(|(name, it)| (name, it.len())).collect::<Vec<_>>(),
            [("empty", 0), ("none", 0), ("web", 3)]
        );
    }
}

#[test]
fn a_large_index_is_read_in_seconds() {
    let mut text = "apiVersion: v1\nentries:\n".to_owned();
    let mut count = 0;
    while text.len() < 20 << 20 {
        writeln!(text, "  chart-{count}:").unwrap();
        for version in 0..50 {
            write!(
                text,
                "  - annotations:\n      category: Infrastructure\n      images: |\n        - name: web\n          image: docker.io/x/web:1.{version}\n    apiVersion: v2\n    appVersion: 1.{version}.0\n    \
                 created: \"2024-05-21T20:33:37.204943374Z\"\n    dependencies:\n    - name: common\n      repository: oci://registry/charts\n      tags:\n      - common\n      version: 2.x.x\n    \
                 description: A chart, described by a sentence that is as long as such sentences are.\n    digest: {DIGEST}\n    home: https://a.b\n    keywords:\n    - web\n    - http\n    maintainers:\n    \
                 - email: a@b.c\n      name: a\n    name: chart-{count}\n    urls:\n    - https://a.b/charts/chart-{count}-1.{version}.0.tgz\n    version: 1.{version}.0\n"
            )
            .unwrap();
        }
        count += 1;
    }
    let start = Instant::now();
    let index = index(&text);
    let took = start.elapsed();
    assert_eq!(index.choose("chart-7", &Constraint::any()).unwrap().version, "1.49.0");
    assert_eq!(index.entries().count(), count);
    assert!(took < Duration::from_secs(10), "{took:?} for {} bytes", text.len());
}

#[test]
fn bombs_and_nonsense_are_refused_in_no_time() {
    let bomb = |levels: usize| {
        let mut text = "apiVersion: v1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..levels {
            let item = format!("*a{}", level - 1);
            writeln!(text, "a{level}: &a{level} [{}]", vec![item; 10].join(", ")).unwrap();
        }
        text + "entries:\n"
    };
    let entries = |it: String| format!("apiVersion: v1\nentries: {{web: {it}}}");
    let aliases = |it: &str| {
        format!("apiVersion: v1\nx: &x {{version: 1.0.0}}\nentries: {{web: [{}]}}", vec![it; 5000].join(", "))
    };
    for (what, text) in [
        ("aliases of aliases", bomb(12)),
        ("many aliases", aliases("*x")),
        ("flow depth", entries("[".repeat(200_000))),
        (
            "block depth",
            format!(
                "apiVersion: v1\nx:\n{}",
                (1..20_000).map(|it| " ".repeat(it) + "- \n").take(3000).collect::<String>()
            ),
        ),
        ("json depth", format!("{{\"entries\": {}", "[".repeat(200_000))),
        ("size", " ".repeat((32 << 20) + 1)),
        ("empty", String::new()),
        ("a page of HTML", "<!DOCTYPE html>\n<html><body>404</body></html>\n".to_owned()),
        ("no version of the index", "entries: {}\n".to_owned()),
        ("two documents", "apiVersion: v1\nentries: {}\n---\napiVersion: v1\nentries: {}\n".to_owned()),
        ("two lists of entries", "apiVersion: v1\nentries: {}\nentries: {}\n".to_owned()),
        ("an entry that is none", entries("[x]".to_owned())),
        ("millions of nothing", format!("apiVersion: v1\nx: [{}]\n", "[],".repeat(8 << 20))),
    ] {
        let start = Instant::now();
        let read = RepositoryIndex::parse(text.as_bytes());
        assert!(read.is_err_and(|error| error.code() == "E0803"), "{what}");
        assert!(start.elapsed() < Duration::from_secs(8), "{what}: {:?}", start.elapsed());
    }
    assert_eq!(RepositoryIndex::parse(b"apiVersion: v1\nentries: {\xff: []}\n").unwrap_err().code(), "E0803");
}

#[test]
fn tags_are_versions_with_another_plus() {
    let tags =
        ["latest", "1.2.3_b1", "1.2.3", "v1.9.0", "1.10.0", "1.2", "2.0.0-rc.1", "sha256-abc.sig", "01.0.0"];
    let take = |wanted: &str| {
        oci::choose_tag("web", tags, &wanted.parse().unwrap()).map(|it| oci::tag(&it).unwrap())
    };
    assert_eq!(take("^1").unwrap(), "1.10.0");
    assert_eq!(take("1.2.3+b1").unwrap(), "1.2.3_b1");
    assert_eq!(take("~1.2").unwrap(), "1.2.3_b1");
    assert_eq!(take("^2-0").unwrap(), "2.0.0-rc.1");
    // What is not written as the specification wants it is no version in a registry.
    for wanted in ["1.9.0", "v1.9.0", "1.2.0", "3.x"] {
        assert_eq!(take(wanted).unwrap_err().code(), "E0807", "{wanted}");
    }
    let long: gabion_helm::Version = format!("1.2.3-{}", "a".repeat(123)).parse().unwrap();
    assert_eq!(oci::tag(&long), None);
}
