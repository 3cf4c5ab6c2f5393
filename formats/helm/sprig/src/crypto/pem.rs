//! RFC 7468's armour.

use base64::Engine as _;

use crate::encode::decode64;

/// Bytes between `-----BEGIN KIND-----` and its end, in lines of 64 signs.
pub(super) fn encode(kind: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut out = format!("-----BEGIN {kind}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out + &format!("-----END {kind}-----\n")
}

/// The first armour in a text: its kind and its bytes.
pub(super) fn decode(text: &[u8]) -> Option<(String, Vec<u8>)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut lines = text.lines().map(str::trim_end);
    let kind = lines.find_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----"))?;
    let end = format!("-----END {kind}-----");
    let body: Vec<&str> =
        lines.by_ref().take_while(|line| *line != end && !line.starts_with("-----END ")).collect();
    let behind_headers = body.iter().rposition(|line| line.contains(':')).map_or(0, |at| at + 1);
    let signs: String = body[behind_headers..].concat();
    text.contains(&end).then_some(())?;
    let der = decode64(signs.as_bytes()).ok()?;
    Some((kind.to_owned(), der))
}
