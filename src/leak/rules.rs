//! What a secret looks like, where it is certain.
//!
//! The bytes with which a key begins also stand in every program that reads keys. So a rule asks for the key behind
//! them too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::bytes::Regex;
use std::sync::LazyLock;

/// No rule looks further than this from where it begins.
pub(super) const REACH: usize = 16 << 10;

/// Where one of the rules may begin.
static BEGIN: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(?-u)-----BEGIN |AGE-SECRET-KEY-|"auths\\?""#));

/// RFC 7468, RFC 1421 (headers), PROTOCOL.key of OpenSSH, RFC 9580 (armor). Ends of lines may be written as JSON and
/// YAML write them within quotes.
static PRIVATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?-u)^-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----",
        r"(?:\s|\\r|\\n){1,64}(?:[A-Za-z-]{1,32}: [^\r\n\\]{0,256}(?:\s|\\r|\\n){1,64}){0,8}",
        r"[A-Za-z0-9+/]{32}"
    ))
});

/// A key that is given out as one that proves nothing, as Go's library has it.
const TESTING: &[u8] = b"TESTING KEY";

/// <https://c2sp.org/age>: Bech32 in capitals, of 32 bytes; those for hybrid keys are as long.
static AGE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?-u)^AGE-SECRET-KEY-(?:PQ-)?1[02-9AC-HJ-NP-Z]{58}"));

/// docker/cli, `cli/config/configfile`: the credentials of a registry.
static AUTH: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?-u)\\?"auth\\?"\s*:\s*\\?"([A-Za-z0-9+/]{4,4096}={0,2})\\?""#));

#[expect(clippy::expect_used, reason = "the patterns stand above, and a test compiles them")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this file")
}

/// The rules that `window` breaks, each with its place. `last` is whether nothing follows; else what begins within
/// [`REACH`] of its end is left for the next window, which begins there.
pub(super) fn broken(window: &[u8], last: bool) -> Vec<&'static str> {
    let end = if last { window.len() } else { window.len().saturating_sub(REACH) };
    let mut found = Vec::new();
    for at in BEGIN.find_iter(window).map(|it| it.start()).take_while(|at| *at < end) {
        let here = &window[at..window.len().min(at + REACH)];
        found.extend(rule(here));
    }
    found
}

fn rule(here: &[u8]) -> Option<&'static str> {
    match here[0] {
        b'A' => AGE.is_match(here).then_some("an identity of age"),
        b'-' => {
            let key = PRIVATE.find(here)?;
            let testing = here[..key.end()].windows(TESTING.len()).any(|it| it == TESTING);
            (!testing).then_some("a private key")
        }
        _ => AUTH.captures_iter(here).any(|it| is_login(&it[1])).then_some("credentials of a registry"),
    }
}

/// `user:password` in base64.
fn is_login(encoded: &[u8]) -> bool {
    let Ok(text) = STANDARD.decode(encoded) else { return false };
    let at = text.iter().position(|it| *it == b':');
    at.is_some_and(|at| at > 0 && at + 1 < text.len()) && text.iter().all(|it| !it.is_ascii_control())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Bytes that are no key, in the form of one: written in two halves, so that this file is none.
    pub(crate) fn pem(kind: &str) -> String {
        format!("-----BEGIN {kind}PRIVATE {}-----\n{}\n", "KEY", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC".repeat(2))
    }

    #[test]
    fn keys_are_found_and_programs_that_read_keys_are_not() {
        let found = |text: &str| broken(text.as_bytes(), true);
        for kind in ["", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH "] {
            assert_eq!(found(&pem(kind)), ["a private key"], "{kind}");
            assert_eq!(found(&format!("key: \"{}\"", pem(kind).replace('\n', "\\n"))).len(), 1, "{kind}");
            assert_eq!(found(&pem(kind).replace('\n', "\n    ")).len(), 1, "{kind}");
        }
        let with_headers =
            pem("RSA ").replacen('\n', "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1);
        assert_eq!(found(&with_headers).len(), 1);
        let age = format!("AGE-SECRET-{}1{}", "KEY-", "Q".repeat(58));
        assert_eq!(found(&age), ["an identity of age"]);
        let login = STANDARD.encode("ops:hunter2");
        let docker = format!("{{\"auths\": {{\"ghcr.io\": {{\"auth\": \"{login}\"}}}}}}");
        assert_eq!(found(&docker), ["credentials of a registry"]);
        assert_eq!(found(&docker.replace('"', "\\\"")), ["credentials of a registry"]);
        for fine in [
            "-----BEGIN OPENSSH PRIVATE KEY-----\n\0",
            "-----BEGIN PRIVATE KEY-----\nis how such a key begins",
            "-----BEGIN PUBLIC KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
            "-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
            "-----BEGIN AGE ENCRYPTED FILE-----\nYWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+",
            "AGE-SECRET-KEY-1",
            "{\"auths\": {\"ghcr.io\": {}}, \"credsStore\": \"pass\"}",
            "{\"auths\": {\"ghcr.io\": {\"auth\": \"\"}}}",
        ] {
            assert!(found(fine).is_empty(), "{fine}");
        }
    }
}
