//! Quantities of Kubernetes (`k8s.io/apimachinery/pkg/api/resource`, `Quantity`), rounded up to whole units.

/// Thousandths of what `text` says: `100m` is 100, `2` is 2000.
pub fn milli(text: &str) -> Option<u64> {
    scaled(text, 1000)
}

/// What `text` says: `1Ki` is 1024, `1k` is 1000, `1500m` is 2.
pub fn bytes(text: &str) -> Option<u64> {
    scaled(text, 1)
}

fn scaled(text: &str, by: u64) -> Option<u64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && part.is_empty()) || part.contains('.') || part.len() > 9 {
        return None;
    }
    // Numerator and denominator of the suffix.
    let (up, down): (u128, u128) = match suffix {
        "" => (1, 1),
        "n" => (1, 1_000_000_000),
        "u" => (1, 1_000_000),
        "m" => (1, 1000),
        "k" => (1000, 1),
        "M" => (1_000_000, 1),
        "G" => (1_000_000_000, 1),
        "T" => (1_000_000_000_000, 1),
        "P" => (1_000_000_000_000_000, 1),
        "E" => (1_000_000_000_000_000_000, 1),
        "Ki" => (1 << 10, 1),
        "Mi" => (1 << 20, 1),
        "Gi" => (1 << 30, 1),
        "Ti" => (1 << 40, 1),
        "Pi" => (1 << 50, 1),
        "Ei" => (1 << 60, 1),
        _ => {
            let power: i32 =
                suffix.strip_prefix(['e', 'E'])?.parse().ok().filter(|it: &i32| it.abs() <= 18)?;
            let ten = 10_u128.pow(power.unsigned_abs());
            if power < 0 { (1, ten) } else { (ten, 1) }
        }
    };
    let digits: u128 = format!("{whole}{part}").parse().ok()?;
    let fraction = 10_u128.pow(part.len() as u32);
    let value = digits.checked_mul(up)?.checked_mul(u128::from(by))?.div_ceil(down * fraction);
    u64::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        for (text, wanted) in [
            ("0", Some(0)),
            ("1", Some(1)),
            ("1500m", Some(2)),
            ("1Ki", Some(1024)),
            ("1.5Gi", Some(3 << 29)),
            ("2k", Some(2000)),
            ("1e3", Some(1000)),
            ("12E-1", Some(2)),
            (".5Mi", Some(1 << 19)),
            ("+5", Some(5)),
            ("", None),
            ("m", None),
            ("1 Gi", None),
            ("1gi", None),
            ("-1", None),
            ("1.2.3", None),
            ("99999E", None),
        ] {
            assert_eq!(bytes(text), wanted, "{text}");
        }
        assert_eq!(
            (milli("100m"), milli("2"), milli("0.25"), milli("1u")),
            (Some(100), Some(2000), Some(250), Some(1))
        );
    }
}
