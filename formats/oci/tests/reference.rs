//! The grammar of distribution/reference, from both sides.

use gabion_oci::Reference;
use proptest::prelude::*;

/// References in their one spelling.
fn canonical() -> impl Strategy<Value = String> {
    let host = "([a-z0-9]{1,3}(-[a-z0-9]{1,3})?\\.){1,3}[a-z0-9]{2,3}(:[1-9][0-9]{0,3})?|localhost(:5000)?|\\[::1\\]:80";
    let part = "[a-z0-9]{1,4}((\\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}";
    let path = proptest::collection::vec(part, 1..4);
    let ending =
        "(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,20})?@sha256:[0-9a-f]{64}|:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
    (host, path, ending).prop_map(|(host, path, ending)| format!("{host}/{}{ending}", path.join("/")))
}

proptest! {
    #[test]
    fn what_is_canonical_stays_as_it_is(text in canonical()) {
        let reference: Reference = text.parse().unwrap();
        prop_assert_eq!(reference.to_string(), text);
    }

    #[test]
    fn whatever_is_read_is_read_again_alike(text in "[a-zA-Z0-9.:/@_\\[\\]-]{0,40}") {
        if let Ok(reference) = text.parse::<Reference>() {
            let canonical = reference.to_string();
            prop_assert_eq!(canonical.parse::<Reference>(), Ok(reference));
            prop_assert!(!canonical.starts_with("index.docker.io/"));
        }
    }

    #[test]
    fn a_short_name_is_one_of_docker_hub(part in "[a-z0-9]{1,20}", tag in "[a-z0-9]{1,20}") {
        prop_assume!(part != "localhost");
        let short: Reference = format!("{part}:{tag}").parse().unwrap();
        prop_assert_eq!(short.to_string(), format!("docker.io/library/{part}:{tag}"));
        let owned: Reference = format!("{part}/x:{tag}").parse().unwrap();
        prop_assert_eq!(owned.to_string(), format!("docker.io/{part}/x:{tag}"));
    }

    #[test]
    fn no_bytes_make_the_parsers_fall(text in ".{0,60}") {
        let _either = text.parse::<Reference>();
        let _either = gabion_oci::challenges(&text);
        let _either = gabion_oci::Document::parse(text.into_bytes(), None);
    }
}
