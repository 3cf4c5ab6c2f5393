//! What a machine says of itself, as TAP (version 14, <https://testanything.org/tap-version-14-specification.html>).

/// One block: what held, and what did not, with what was said about it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) held: usize,
    pub(crate) failed: Vec<String>,
}

impl Report {
    /// Reads the block within what came over a serial line; says why there is none that is whole.
    pub(crate) fn parse(heard: &str) -> Result<Self, String> {
        let mut lines = heard.lines().map(|line| line.trim_end_matches('\r'));
        lines.find(|line| *line == "TAP version 14").ok_or("nothing was reported")?;
        let mut report = Self::default();
        let mut failing = false;
        for line in lines {
            let next = report.held + report.failed.len() + 1;
            if let Some(planned) = line.strip_prefix("1..") {
                let whole = planned == (next - 1).to_string();
                return if whole {
                    Ok(report)
                } else {
                    Err(format!("{} of {planned} were reported", next - 1))
                };
            }
            if line.starts_with(&format!("ok {next} - ")) {
                report.held += 1;
                failing = false;
            } else if line.starts_with(&format!("not ok {next} - ")) {
                report.failed.push(line.to_owned());
                failing = true;
            } else if let Some(last) = report.failed.last_mut().filter(|_| failing && line.starts_with('#')) {
                last.push('\n');
                last.push_str(line);
            }
        }
        Err(format!("the report ends behind {}", report.held + report.failed.len()))
    }
}

#[test]
fn a_report_is_whole_or_none() {
    let parse = |text: &str| Report::parse(&text.replace('\n', "\r\n"));
    let good =
        "login: \nTAP version 14\nok 1 - a\nnot ok 2 - b\n# why\n[ 3.1] kernel\nok 3 - c\n# stray\n1..3\n";
    let report = Report { held: 2, failed: vec!["not ok 2 - b\n# why".to_owned()] };
    assert_eq!(parse(good).unwrap(), report);
    for bad in ["ok 1 - a\n1..1\n", "TAP version 14\nok 1 - a\n", "TAP version 14\nok 2 - a\n1..1\n"] {
        assert!(parse(bad).is_err(), "{bad}");
    }
    assert_eq!(parse("TAP version 14\nok 1 - a\n1..2\n").unwrap_err(), "1 of 2 were reported");
}
