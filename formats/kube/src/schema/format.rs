//! Formats of texts, as far as the API server looks at them (`k8s.io/kube-openapi/pkg/validation/strfmt`, and the types of
//! Kubernetes that read themselves).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Why `text` is not of this format; nothing where it is, or where nobody here knows the format.
pub(super) fn wrong(format: &str, text: &str) -> Option<&'static str> {
    let (fine, why) = match format {
        "date-time" => (is_time(text), "takes a time, `2026-11-25T22:00:00Z`"),
        "date" => (is_date(text), "takes a date, `2026-11-25`"),
        "byte" => (STANDARD.decode(text.replace(['\n', '\r'], "")).is_ok(), "takes base64"),
        "ipv4" => (text.parse::<Ipv4Addr>().is_ok(), "takes an address of IPv4"),
        "ipv6" => (text.parse::<Ipv6Addr>().is_ok(), "takes an address of IPv6"),
        _ => return None,
    };
    (!fine).then_some(why)
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |at: usize, length: usize, range: std::ops::RangeInclusive<u32>| {
        let digits =
            parts.get(at).filter(|it| it.len() == length && it.bytes().all(|it| it.is_ascii_digit()));
        digits.and_then(|it| it.parse().ok()).is_some_and(|it| range.contains(&it))
    };
    parts.len() == 3 && number(0, 4, 0..=9999) && number(1, 2, 1..=12) && number(2, 2, 1..=31)
}

/// RFC 3339.
fn is_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't']) else { return false };
    let Some(end) = time.find(['Z', 'z', '+', '-']) else { return false };
    let (clock, zone) = time.split_at(end);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let clock_of = |text: &str, count: usize| {
        let parts: Vec<&str> = text.split(':').collect();
        let fine = |it: &&str| it.len() == 2 && it.bytes().all(|it| it.is_ascii_digit()) && **it < *"61";
        parts.len() == count && parts.iter().all(fine) && *parts[0] < *"24"
    };
    let zone = zone.eq_ignore_ascii_case("z") || clock_of(&zone[1..], 2);
    let fraction = !fraction.is_empty() && fraction.bytes().all(|it| it.is_ascii_digit());
    is_date(date) && clock_of(clock, 3) && fraction && zone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart() {
        for (format, good, bad) in [
            ("date-time", "2026-11-25T22:00:00Z", "2026-11-25 22:00:00Z"),
            ("date-time", "2026-11-25T22:00:00.25+01:00", "2026-11-25T25:00:00Z"),
            ("date-time", "2026-11-25t22:00:00z", "tomorrow"),
            ("date", "2026-11-25", "2026-13-25"),
            ("byte", "YWI=", "a b"),
            ("ipv4", "192.0.2.1", "192.0.2"),
            ("ipv6", "::1", "192.0.2.1"),
        ] {
            assert_eq!(wrong(format, good), None, "{good}");
            assert!(wrong(format, bad).is_some(), "{bad}");
        }
        assert_eq!(wrong("no-such-format", "x"), None);
    }
}
