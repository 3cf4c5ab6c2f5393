//! Signs written as `%41` (`net/url.shouldEscape`, `escape` and `unescape`).

/// A part of a URL, each with signs of its own that stand for themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Path,
    Host,
    /// Of an address of IPv6.
    Zone,
    User,
    Fragment,
}

fn stands_for_itself(byte: u8, mode: Mode) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return true;
    }
    match mode {
        Mode::Host | Mode::Zone => b"!$&'()*+,;=:[]<>\"".contains(&byte),
        Mode::Path => b"$&+,/:;=@".contains(&byte),
        Mode::User => b"$&+,;=".contains(&byte),
        Mode::Fragment => b"$&+,/:;=?@!()*".contains(&byte),
    }
}

pub(super) fn escaped(bytes: &[u8], mode: Mode) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes {
        if stands_for_itself(*byte, mode) {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out
}

pub(super) fn unescaped(bytes: &[u8], mode: Mode) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    let quoted = |part: &[u8]| {
        let mut quoted = Vec::new();
        gabion_template::fmt::quote(&mut quoted, part);
        String::from_utf8_lossy(&quoted).into_owned()
    };
    while let Some(byte) = bytes.get(at) {
        if *byte != b'%' {
            if matches!(mode, Mode::Host | Mode::Zone) && byte.is_ascii() && !stands_for_itself(*byte, mode) {
                return Err(format!("invalid character {} in host name", quoted(&[*byte])));
            }
            out.push(*byte);
            at += 1;
            continue;
        }
        let sign = &bytes[at..bytes.len().min(at + 3)];
        let digits = |sign: &[u8]| {
            let digit = |at: usize| char::from(*sign.get(at)?).to_digit(16);
            Some((digit(1)? << 4 | digit(2)?) as u8)
        };
        let allowed = |value: u8| match mode {
            Mode::Host => value >= 0x80 || sign == b"%25",
            Mode::Zone => sign == b"%25" || value == b' ' || stands_for_itself(value, Mode::Host),
            _ => true,
        };
        match digits(sign).filter(|value| allowed(*value)) {
            Some(value) => out.push(value),
            None => return Err(format!("invalid URL escape {}", quoted(sign))),
        }
        at += 3;
    }
    Ok(out)
}
