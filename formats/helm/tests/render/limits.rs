//! Templates that would never end, or end the process.

use crate::chart::{inputs, refused, tree};
use gabion_helm::{Inputs, RenderError, RunLimits, render};

#[test]
fn a_template_that_includes_itself_is_an_error() {
    for text in
        ["{{ include \"a\" . }}", "{{ template \"a\" . }}", "{{ tpl \"{{ include \\\"a\\\" . }}\" . }}"]
    {
        let helper = format!("{{{{ define \"a\" }}}}{text}{{{{ end }}}}");
        let files = [("templates/_a.tpl", &*helper), ("templates/b.yaml", "{{ include \"a\" . }}")];
        let error = refused(&files, "");
        assert!(matches!(error, RenderError::Budget { .. }), "{text}: {error:?}");
        assert_eq!((error.code(), error.class()), ("E0833", "exec"));
    }
}

#[test]
fn text_that_evaluates_itself_is_an_error() {
    let error = refused(
        &[("templates/b.yaml", "{{ tpl .Values.t . }}"), ("values.yaml", "t: '{{ tpl .Values.t . }}'\n")],
        "",
    );
    assert!(matches!(error, RenderError::Budget { .. }), "{error:?}");
}

#[test]
fn loops_and_texts_end_where_they_may_go_no_further() {
    let small = |text: &str| {
        let limits = RunLimits { steps: 10_000, text: 1 << 16, items: 1000, ..RunLimits::default() };
        let inputs = Inputs { limits, ..inputs("") };
        render(&tree(&[("templates/a.yaml", text)]), &inputs).unwrap_err()
    };
    for text in [
        "{{ range until 1000 }}{{ range until 1000 }}{{ end }}{{ end }}",
        "{{ repeat 100000 \"x\" }}",
        "{{ until 100000 }}",
        "{{ range until 900 }}{{ repeat 1000 \"x\" }}{{ end }}",
    ] {
        let error = small(text);
        assert!(
            matches!(error, RenderError::Budget { .. } | RenderError::Template { .. }),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    let parens = format!("{{{{ {}1{} }}}}", "(".repeat(200_000), ")".repeat(200_000));
    let blocks = format!("{}x{}", "{{ if 1 }}".repeat(100_000), "{{ end }}".repeat(100_000));
    let lists = "{{ $l := list }}{{ range until 200000 }}{{ $l = list $l }}{{ end }}{{ toYaml $l }}{{ print $l }}{{ toJson $l }}";
    let own = "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toYaml $d }}{{ toJson $d }}{{ toToml $d }}{{ deepCopy $d }}";
    for text in [&*parens, &*blocks, lists, own] {
        let _any_end = render(&tree(&[("templates/a.yaml", text)]), &inputs(""));
    }
}

#[test]
fn what_holds_itself_twice_and_twice_again_is_not_written_out() {
    let bomb = "{{ $d := dict \"x\" 1 }}{{ range until 60 }}{{ $d = dict \"a\" $d \"b\" $d }}{{ end }}";
    for call in [
        "toYaml $d",
        "mustToYaml $d",
        "toYamlPretty $d",
        "toJson $d",
        "toPrettyJson $d",
        "toRawJson $d",
        "toToml $d",
        "deepCopy $d",
        "merge (dict) $d",
        "merge (deepCopy (dict)) (dict \"a\" $d) (dict \"a\" (dict \"a\" (dict)))",
        "deepEqual $d (dict \"a\" $d \"b\" (dict))",
        "uniq (list $d $d)",
        "has 1 (list $d)",
        "without (list $d) 1",
    ] {
        let text = format!("{bomb}{{{{ $_ := {call} }}}}");
        let error = render(&tree(&[("templates/a.yaml", &text)]), &inputs("")).unwrap_err();
        assert!(matches!(error, RenderError::Budget { .. }), "{call}: {error:?}");
    }
}

#[test]
fn slow_calls_are_few() {
    let small = RunLimits { steps: 4_000_000, ..RunLimits::default() };
    for (count, call) in [
        (20, "genCA \"a\" 1"),
        (50, "bcrypt \"a\""),
        (1, "randAlphaNum 100000000"),
        (1, "uniq (until 100000)"),
    ] {
        let text = format!("{{{{ range until {count} }}}}{{{{ $_ := {call} }}}}{{{{ end }}}}");
        let inputs = Inputs { limits: small, ..inputs("") };
        let error = render(&tree(&[("templates/a.yaml", &text)]), &inputs).unwrap_err();
        let random = matches!(&error, RenderError::Template { why, .. } if why.contains("a random text"));
        assert!(random || matches!(error, RenderError::Budget { .. }), "{call}: {error:?}");
    }
}
