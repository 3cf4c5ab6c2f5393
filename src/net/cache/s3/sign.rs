//! Signatures of requests to S3: AWS Signature Version 4 (Amazon S3 API Reference, "Signature Calculations for the
//! Authorization Header").
//!
//! A signature shows that somebody has the secret, which itself never travels, for one request within a quarter of an hour.

use crate::config::AwsKey;
use crate::net::request::sensitive;
use gabion_digest::Sha256;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use ring::hmac;
use std::fmt::Write as _;

/// In the place of a digest of the body, where it is not known when the request begins.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Who signs, and for where.
#[derive(Debug, Clone)]
pub(super) struct Signing {
    pub(super) key: AwsKey,
    pub(super) region: String,
}

impl Signing {
    /// Adds to `headers` what belongs to a signature at `now`, in seconds since 1970; gives the `Authorization`, or
    /// nothing where the key has bytes that no header can have.
    ///
    /// The path and the query of `url` are as they are signed: encoded once, the query in order.
    pub(super) fn sign(
        &self,
        method: &Method,
        url: &Url,
        payload: &str,
        headers: &mut HeaderMap,
        now: u64,
    ) -> Option<HeaderValue> {
        let time = compact(now);
        headers.insert("x-amz-content-sha256", payload.parse().ok()?);
        headers.insert("x-amz-date", time.parse().ok()?);
        if let Some(token) = &self.key.token {
            headers.insert("x-amz-security-token", sensitive(token)?);
        }
        let host = match (url.host_str()?, url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let own =
            headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?.trim())));
        let mut signed: Vec<(&str, &str)> = own.chain([("host", host.as_str())]).collect();
        signed.sort_unstable();
        let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines =
            signed.iter().fold(String::new(), |lines, (name, value)| lines + name + ":" + value + "\n");
        let (path, query) = (url.path(), url.query().unwrap_or_default());
        let request = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{payload}");
        let scope = format!("{}/{}/s3/aws4_request", &time[..8], self.region);
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", Sha256::of(request.as_bytes()).hex());
        let signature = hex(&mac(&self.day_key(&time[..8]), &text));
        let id = &self.key.id;
        sensitive(&format!(
            "AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
        ))
    }

    /// The key for one day, region and service.
    fn day_key(&self, day: &str) -> Vec<u8> {
        let first = format!("AWS4{}", self.key.secret).into_bytes();
        [day, &self.region, "s3", "aws4_request"].into_iter().fold(first, |key, text| mac(&key, text))
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A moment as `20130524T000000Z`.
fn compact(seconds: u64) -> String {
    gabion_oci::compose::rfc3339(seconds).replace(['-', ':'], "")
}

/// What a query may hold as it is (RFC 3986 §2.3), everything else as `%XX`.
pub(super) fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the reference: 24 May 2013, a key that everybody knows.
    fn check(method: &Method, url: &str, headers: &[(&str, &str)], payload: &str, signature: &str) {
        let key = AwsKey {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            token: None,
        };
        let signing = Signing { key, region: "us-east-1".to_owned() };
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.insert(reqwest::header::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let payload = Sha256::of(payload.as_bytes()).hex();
        let url = Url::parse(&format!("https://examplebucket.s3.amazonaws.com/{url}")).unwrap();
        let value = signing.sign(method, &url, &payload, &mut all, 1_369_353_600).unwrap();
        let text = value.to_str().unwrap();
        assert!(value.is_sensitive() && text.ends_with(&format!("Signature={signature}")), "{text}");
        assert!(
            text.contains("Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"),
            "{text}"
        );
    }

    #[test]
    fn the_examples_of_the_reference_have_their_signatures() {
        check(
            &Method::GET,
            "test.txt",
            &[("range", "bytes=0-9")],
            "",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        );
        check(
            &Method::PUT,
            "test%24file.text",
            &[("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
            "Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        );
        check(
            &Method::GET,
            "?lifecycle=",
            &[],
            "",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        );
        check(
            &Method::GET,
            "?max-keys=2&prefix=J",
            &[],
            "",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        );
    }

    #[test]
    fn a_query_has_one_spelling() {
        assert_eq!(encode("aZ9-._~"), "aZ9-._~");
        assert_eq!(encode("a b/ä+"), "a%20b%2F%C3%A4%2B");
    }
}
