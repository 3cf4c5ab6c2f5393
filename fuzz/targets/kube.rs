//! Documents of a cluster, rules about them, and lists of images.

use gabion_kube::{
    Decisions, Document, Pattern, Rules, Scopes, annotated, decide, diff, discover, documents, in_namespace,
    k3s_images, lint, waves,
};
use std::sync::LazyLock;

use super::text;

static RULES: LazyLock<Rules> = LazyLock::new(Rules::shipped);

const MANIFESTS: [&str; 4] = [
    include_str!("../seeds/kube/strimzi.yaml"),
    include_str!("../seeds/kube/kafka.yaml"),
    include_str!("../seeds/kube/monitoring.yaml"),
    include_str!("../seeds/kube/others.yaml"),
];

static KNOWN: LazyLock<Vec<Document>> = LazyLock::new(|| {
    let read = |text: &&str| documents(text, "known").unwrap_or_else(|error| panic!("{error}"));
    MANIFESTS.iter().flat_map(read).collect()
});

/// Documents: the images in them, their order, what differs and what is to be warned of.
pub(super) fn documents_of(bytes: &[u8]) {
    let Ok(mut read) = documents(text(bytes), "fuzz") else { return };
    let scopes = Scopes::of(&read);
    in_namespace(&mut read, "space", &scopes);
    let candidates = discover(&read, &RULES);
    for candidate in &candidates {
        let path = candidate.path.to_string();
        let pattern = path.parse::<Pattern>();
        assert!(pattern.is_ok_and(|it| it.covers_path(&candidate.path)), "{path:?}");
        if let Some(at) = &candidate.at {
            assert_eq!(text(bytes).get(at.start as usize..at.end as usize), Some(candidate.text.as_str()));
        }
    }
    if let Err(errors) = decide(&candidates, &read, &Decisions::default()) {
        assert!(errors.iter().all(|it| !it.to_string().is_empty()));
    }
    let _warnings = lint(&read, &candidates, &RULES);
    ordered(&read);
    assert!(diff(&read, &read).objects.is_empty());
    let _changes = (diff(&KNOWN, &read), diff(&read, &KNOWN));
}

/// Every document is in one wave or left out, and their order says nothing.
fn ordered(read: &[Document]) {
    let order = waves(read);
    let placed: usize = order.waves.iter().map(|it| it.objects.len()).sum();
    assert_eq!(placed + order.left_out.len(), read.len());
    let mut ids: Vec<_> = read.iter().map(|it| &it.id).collect();
    ids.sort();
    // Two documents of one object are told by `lint`; which of them is first is their own affair.
    if ids.windows(2).all(|it| it[0] != it[1]) {
        let names = |read: &[Document]| -> Vec<_> {
            let members =
                waves(read).waves.into_iter().map(|it| it.objects.into_iter().map(|it| it.object).collect());
            members.collect::<Vec<Vec<_>>>()
        };
        let reversed: Vec<_> = read.iter().rev().cloned().collect();
        assert_eq!(names(read), names(&reversed));
    }
}

/// Rules of the user, on documents that are known.
pub(super) fn rules(bytes: &[u8]) {
    match Rules::default().with(text(bytes), "mine.toml") {
        Ok(rules) => {
            let candidates = discover(&KNOWN, &rules);
            let _decided = decide(&candidates, &KNOWN, &Decisions::default());
            let _warnings = lint(&KNOWN, &candidates, &rules);
        }
        Err(errors) => assert!(errors.iter().all(|it| it.line > 0 && it.column > 0)),
    }
}

/// A pattern of places in the first line, and the keys of a place in the others.
pub(super) fn pattern(bytes: &[u8]) {
    let mut lines = text(bytes).lines();
    let Ok(pattern) = lines.next().unwrap_or_default().parse::<Pattern>() else { return };
    let path = lines.enumerate().fold(gabion_kube::Path::default(), |path, (number, line)| {
        match line.strip_prefix("- ") {
            Some(label) => path.item(number, Some(label).filter(|it| !it.is_empty())),
            None => path.key(line),
        }
    });
    // What is the very place covers it.
    assert!(!pattern.is(path.steps()) || pattern.covers_path(&path));
    assert_eq!(pattern.to_string().parse().as_ref(), Ok(&pattern));
}

/// `k3s-images.txt`, and the annotation of a chart.
pub(super) fn lists(bytes: &[u8]) {
    if let Ok(images) = k3s_images(text(bytes), "list") {
        assert!(images.windows(2).all(|it| it[0].reference < it[1].reference));
    }
    for key in ["helm.sh/images", "artifacthub.io/images"] {
        let annotations = [(key.to_owned(), text(bytes).to_owned())].into();
        if let Err(errors) = annotated(&annotations, "web") {
            assert!(!errors.is_empty());
        }
    }
}
