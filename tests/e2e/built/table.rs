//! `docs/platform.md`: its table leads to recipes and tests that are there.

use std::path::Path;

#[test]
fn every_row_leads_to_its_recipe_and_to_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs_err::read_to_string(root.join("docs/platform.md")).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|it| it.starts_with("| ") && it.contains("](../"))
        .map(|it| it.trim_matches('|').split(" | ").collect())
        .collect();
    let layers: Vec<&str> = rows.iter().map(|it| it[0].trim()).collect();
    for layer in [
        "VPS",
        "K3s",
        "kube-system",
        "flux-system",
        "monitoring",
        "cert-manager",
        "kafka",
        "app",
        "storage",
        "principles",
    ] {
        assert!(layers.contains(&layer), "no row for {layer}: {layers:?}");
    }
    for row in rows {
        let [recipes, tests] = [row[row.len() - 2], row[row.len() - 1]].map(targets);
        assert!(!recipes.is_empty() && !tests.is_empty(), "{row:?}");
        for link in recipes {
            assert!(root.join("docs").join(link).exists(), "{link} is not there: {row:?}");
        }
        for link in tests {
            let suite = fs_err::read_to_string(root.join("docs").join(link)).unwrap();
            assert!(suite.contains("#[test]"), "{link} has no test");
        }
    }
}

/// Where the links of a cell lead.
fn targets(cell: &str) -> Vec<&str> {
    cell.split("](").skip(1).filter_map(|it| it.split(')').next()).collect()
}
