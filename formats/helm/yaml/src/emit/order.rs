//! The order of keys in which Go's encoders write a map (`sorter.go` of `yaml.v2` and `yaml.v3`): numbers in names by value.

use std::borrow::Cow;
use std::cmp::Ordering;

use unicode_general_category::{GeneralCategory as Category, get_general_category};

use super::json::key_through;
use super::{DumpError, Style};

/// Keys and values in the order in which they are written.
pub type Entries<'a, V> = Vec<(Cow<'a, str>, V)>;

/// The entries of a map as [`Emitter::key`](super::Emitter::key) wants them, for maps whose keys are any bytes.
///
/// Go's order has cycles (`v10` < `v1alpha1` < `v2` < `v10`), and there Helm writes one text or another by chance; here
/// it is always the same. Of keys that JSON makes equal, the last in the order of the map counts. For [`Style::Pretty`] use it only if all keys
/// are UTF-8, and [`Emitter::key_bytes`](super::Emitter::key_bytes) with an order of your own otherwise.
pub fn entries<'a, V>(
    map: impl IntoIterator<Item = (&'a [u8], V)>,
    style: Style,
) -> Result<Entries<'a, V>, DumpError> {
    let mut out: Entries<'a, V> = Vec::new();
    let mut changed = false;
    for (key, value) in map {
        let text = match style {
            Style::Helm => key_through(key)?,
            Style::Pretty => super::lossy(key),
        };
        changed |= matches!(text, Cow::Owned(_));
        out.push((text, value));
    }
    // Where Go's order has a cycle, what comes out of it depends on what goes in, and that is always the order of bytes.
    out.sort_by(|a, b| a.0.cmp(&b.0));
    if changed && style == Style::Helm {
        out.reverse();
        out.dedup_by(|later, first| later.0 == first.0);
        out.reverse();
    }
    Ok(sorted(out, style))
}

/// Sorts by merging. The order of Go has cycles for some odd names, and the sort of `std` may panic there.
fn sorted<V>(mut items: Entries<'_, V>, style: Style) -> Entries<'_, V> {
    if items.len() <= 12 {
        for end in 1..items.len() {
            let mut at = end;
            while at > 0 && compare(&items[at].0, &items[at - 1].0, style) == Ordering::Less {
                items.swap(at, at - 1);
                at -= 1;
            }
        }
        return items;
    }
    let right = items.split_off(items.len() / 2);
    let mut left = sorted(items, style).into_iter().peekable();
    let mut right = sorted(right, style).into_iter().peekable();
    let mut out = Vec::with_capacity(left.len() + right.len());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let takes_right = compare(&b.0, &a.0, style) == Ordering::Less;
        out.extend(if takes_right { right.next() } else { left.next() });
    }
    out.extend(left);
    out.extend(right);
    out
}

/// Compares two different keys.
fn compare(a: &str, b: &str, style: Style) -> Ordering {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let same = (0..=same).rev().find(|at| a.is_char_boundary(*at) && b.is_char_boundary(*at)).unwrap_or(0);
    let (Some(first), Some(second)) = (a[same..].chars().next(), b[same..].chars().next()) else {
        return a.len().cmp(&b.len());
    };
    let common = &a[..same];
    match (is_letter(first), is_letter(second)) {
        (true, true) => return first.cmp(&second),
        (true, false) | (false, true) => {
            let after_digit = style == Style::Pretty && common.chars().next_back().is_some_and(is_digit);
            let letter_first = is_letter(first) == after_digit;
            return if letter_first { Ordering::Less } else { Ordering::Greater };
        }
        (false, false) => {}
    }
    // A zero within a number is not where it begins.
    let inside = (first == '0' || second == '0')
        && common.chars().rev().take_while(|it| is_digit(*it)).any(|it| it != '0');
    let (number_a, digits_a) = number(&a[same..], inside);
    let (number_b, digits_b) = number(&b[same..], inside);
    number_a.cmp(&number_b).then(digits_a.cmp(&digits_b)).then(first.cmp(&second))
}

/// The number that digits make, with Go's overflow, and how many they are.
fn number(text: &str, inside: bool) -> (i64, usize) {
    text.chars().take_while(|it| is_digit(*it)).fold((i64::from(inside), 0), |(sum, count), digit| {
        let value = i64::from(u32::from(digit)) - i64::from(u32::from('0'));
        (sum.wrapping_mul(10).wrapping_add(value), count + 1)
    })
}

fn is_letter(it: char) -> bool {
    use Category::{LowercaseLetter, ModifierLetter, OtherLetter, TitlecaseLetter, UppercaseLetter};
    if it.is_ascii() {
        return it.is_ascii_alphabetic();
    }
    matches!(
        get_general_category(it),
        LowercaseLetter | ModifierLetter | OtherLetter | TitlecaseLetter | UppercaseLetter
    )
}

fn is_digit(it: char) -> bool {
    if it.is_ascii() {
        return it.is_ascii_digit();
    }
    get_general_category(it) == Category::DecimalNumber
}
