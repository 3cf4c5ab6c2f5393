//! The same chart and inputs give the same bytes, whatever order they come in.

use crate::chart::{inputs, tree};
use gabion_helm::{ChartTree, Limits, Rendered, load_chart, render};
use proptest::prelude::*;

const FILES: [(&str, &str); 9] = [
    (
        "Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n- {name: db, alias: one}\n- {name: db, alias: two}\n",
    ),
    ("values.yaml", "one: {x: 1}\nglobal: {m: {k: v}}\n"),
    ("templates/b.yaml", "kind: Service\nmetadata: {name: b}\nm: {{ toJson .Values }}\n"),
    (
        "templates/a.yaml",
        "kind: Service\nmetadata: {name: a}\n---\nkind: Secret\n{{ $_ := set .Values.global.m \"a\" 1 }}\n",
    ),
    ("templates/_x.tpl", "{{ define \"x\" }}root{{ end }}"),
    ("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n"),
    ("charts/db/values.yaml", "y: 2\n"),
    ("charts/db/templates/_x.tpl", "{{ define \"x\" }}sub{{ end }}"),
    ("charts/db/templates/a.yaml", "kind: ConfigMap\nx: {{ include \"x\" . }}\nv: {{ toJson .Values }}\n"),
];

fn seen(it: &Rendered) -> (Vec<u8>, Vec<String>, Vec<String>) {
    (it.manifest(true), it.sources.clone(), it.warnings.clone())
}

proptest! {
    #[test]
    fn the_order_of_files_does_not_show(order in Just(FILES.to_vec()).prop_shuffle()) {
        let files = order.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        let shuffled = ChartTree::from_folder(files, &Limits::default()).unwrap();
        let one = render(&shuffled, &inputs("one: {z: 3}\n")).unwrap();
        let other = render(&tree(&FILES), &inputs("one: {z: 3}\n")).unwrap();
        prop_assert_eq!(seen(&one), seen(&other));
    }

    #[test]
    fn no_bytes_are_more_than_an_error(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _any_end = load_chart(&bytes[..], &Limits { unpacked: 1 << 16, file: 1 << 14, members: 32 });
    }
}

#[test]
fn origins_cost_no_byte() {
    let chart = tree(&FILES);
    let mut inputs = inputs("");
    let with = render(&chart, &inputs).unwrap();
    inputs.trace = false;
    let without = render(&chart, &inputs).unwrap();
    assert_eq!(with.manifest(true), without.manifest(true));
    assert!(without.documents.iter().all(|it| it.text.spans.is_empty()));
}

#[test]
fn what_comes_out_may_go_to_other_threads() {
    fn is_send<T: Send + Sync>(_: &T) {}
    is_send(&render(&tree(&FILES), &inputs("")).unwrap());
}
