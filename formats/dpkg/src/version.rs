//! The order of Debian versions (Debian Policy §5.6.12; `lib/dpkg/version.c`).

use std::cmp::Ordering;

/// A version of a package, `[epoch:]upstream[-revision]`, ordered as dpkg orders it.
///
/// Two versions that dpkg calls equal (`1.0` and `0:1.0-0`) are equal here.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    text: &'a str,
    epoch: u32,
    upstream: &'a str,
    revision: &'a str,
}

impl<'a> Version<'a> {
    /// Reads a version; `None` where dpkg would refuse it.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (epoch, rest) = match text.split_once(':') {
            // `lib/dpkg/parsehelp.c`: an epoch is a number that fits an `int`.
            Some((epoch, rest)) if !epoch.is_empty() && epoch.bytes().all(|it| it.is_ascii_digit()) => {
                (u32::try_from(epoch.parse::<i32>().ok()?).ok()?, rest)
            }
            Some(_) => return None,
            None => (0, text),
        };
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        let plain = |text: &str, more: &str| {
            text.chars().all(|it| it.is_ascii_alphanumeric() || ".+~".contains(it) || more.contains(it))
        };
        let right = upstream.starts_with(|it: char| it.is_ascii_digit())
            && plain(upstream, "-:")
            && plain(revision, "")
            && !(revision.is_empty() && rest.ends_with('-'));
        right.then_some(Self { text, epoch, upstream, revision })
    }

    /// As it was written.
    pub fn as_str(&self) -> &'a str {
        self.text
    }
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| parts(self.upstream, other.upstream))
            .then_with(|| parts(self.revision, other.revision))
    }
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version<'_> {}

/// Compares text and numbers in turn; `~` sorts before everything, even the end.
fn parts(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        loop {
            let (a, b) = (weight(left), weight(right));
            if a != b {
                return a.cmp(&b);
            }
            if a == 0 {
                break;
            }
            (left, right) = (&left[1..], &right[1..]);
        }
        let (a, b) = (number(&mut left), number(&mut right));
        let order = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Where the first byte sorts among those that are no digits; 0 for a digit and for the end.
fn weight(text: &[u8]) -> i32 {
    match text.first() {
        None => 0,
        Some(it) if it.is_ascii_digit() => 0,
        Some(b'~') => -1,
        Some(it) if it.is_ascii_alphabetic() => i32::from(*it),
        Some(it) => i32::from(*it) + 256,
    }
}

/// Takes the digits in front, without leading zeros.
fn number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|it| !it.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let start = digits.iter().position(|it| *it != b'0').unwrap_or(digits.len());
    &digits[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(left: &str, order: Ordering, right: &str) {
        let (a, b) = (Version::parse(left).unwrap(), Version::parse(right).unwrap());
        assert_eq!(a.cmp(&b), order, "{left} against {right}");
        assert_eq!(b.cmp(&a), order.reverse(), "{right} against {left}");
    }

    #[test]
    fn versions_are_ordered_as_dpkg_orders_them() {
        use Ordering::{Equal, Greater, Less};
        // From dpkg's own test-suite, `lib/dpkg/t/t-version.c` and `scripts/t/Dpkg_Version.t`.
        check("1.0-1", Less, "2.0-2");
        check("2.2~rc-4", Less, "2.2-1");
        check("2.2-1", Greater, "2.2~rc-4");
        check("1.0000-1", Equal, "1.0-1");
        check("1", Equal, "0:1");
        check("0", Equal, "0:0-0");
        check("2:2.5", Greater, "1:7.5");
        check("1:0foo", Less, "0:2foo".replace("0:2", "1:2").as_str());
        check("0foo", Less, "0foo+");
        check("0foo~", Less, "0foo");
        check("0foo~~", Less, "0foo~");
        check("1.2.3", Less, "1.2.3-1");
        check("1.2.3-1", Less, "1.2.3-1+b1");
        check("1.10", Greater, "1.9");
        check("8.9p1-3ubuntu0.10", Greater, "8.9p1-3ubuntu0.6");
        check("1.0+dfsg", Greater, "1.0");
        check("1.0a", Less, "1.0+");
        check("20240203~22.04.1", Less, "20240203");
    }

    #[test]
    fn what_dpkg_refuses_is_no_version() {
        for text in ["", "-1", "a1", "1:", ":1", "x:1", "1.0-", "1 0", "1_0", "99999999999:1", "1.0/2"] {
            assert!(Version::parse(text).is_none(), "`{text}`");
        }
    }
}
