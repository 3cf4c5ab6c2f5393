//! Sizes for people, by integer arithmetic only, so that every machine prints the same.

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `512 B`, `19.1 KiB`, `70.0 MiB`: one decimal, rounded half up.
pub fn human_size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 1024_u128;
    for name in UNITS {
        let tenths = (u128::from(bytes) * 10 + unit / 2) / unit;
        if tenths < 10_240 || name == UNITS[5] {
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
        unit *= 1024;
    }
    format!("{bytes} B")
}

/// A change of size with its sign: `+19.1 KiB`, `-512 B`, `±0 B`.
pub fn human_size_change(change: i128) -> String {
    let sign = match change {
        0 => "±",
        1.. => "+",
        _ => "-",
    };
    format!("{sign}{}", human_size(u64::try_from(change.unsigned_abs()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_round_half_up_and_never_show_1024_of_a_unit() {
        let table = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1075, "1.0 KiB"),
            (1076, "1.1 KiB"),
            (19_558, "19.1 KiB"),
            (1_048_524, "1023.9 KiB"),
            (1_048_525, "1.0 MiB"),
            (73_400_320, "70.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, text) in table {
            assert_eq!(human_size(bytes), text);
        }
        assert_eq!(human_size_change(19_558), "+19.1 KiB");
        assert_eq!(human_size_change(-5), "-5 B");
        assert_eq!(human_size_change(0), "±0 B");
    }
}
