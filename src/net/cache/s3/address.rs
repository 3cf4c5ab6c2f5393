//! Where a bucket is, and who asks for it.

use super::sign::Signing;
use crate::config::{Aws, AwsKey, Credential};
use crate::error::chain;
use crate::net::Client;
use crate::net::cache::base;
use reqwest::Url;

/// The region of servers that have none, and of AWS where nobody says another one.
const REGION: &str = "us-east-1";

/// What an address says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Below which location the objects are; it ends with no slash.
    pub(super) base: Url,
    /// What signatures are for.
    pub(super) region: String,
    /// The address as people write it.
    pub(super) name: String,
}

impl Place {
    /// Reads `s3://BUCKET/PREFIX`, with the server that `aws` names or else AWS' own, or `s3+https://SERVER/BUCKET/PREFIX`.
    pub(super) fn of(address: &str, aws: &Aws) -> Result<Self, String> {
        let name = address.trim_end_matches('/').to_owned();
        let region = aws.region().map_err(|error| chain(&error))?;
        if name.contains('@') {
            return Err("a credential stands below `[credentials]` or in the environment, not in an address"
                .to_owned());
        }
        if let Some(server) = name.strip_prefix("s3+") {
            let base = base(server)?;
            check_path(server.splitn(4, '/').nth(3).unwrap_or_default())?;
            let region = region.or_else(|| region_of(&base)).unwrap_or_else(|| REGION.to_owned());
            return Ok(Self { base, region, name });
        }
        let path = check_path(name.strip_prefix("s3://").ok_or("a bucket stands behind `s3://`")?)?;
        if let Some(server) = aws.endpoint().map_err(|error| chain(&error))? {
            let base = base(&server).map_err(|why| format!("`{server}`: {why}"))?;
            let region = region.or_else(|| region_of(&base)).unwrap_or_else(|| REGION.to_owned());
            return Ok(Self { base: at(base, path)?, region, name });
        }
        let region = region.unwrap_or_else(|| REGION.to_owned());
        let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
        if region.is_empty() || !region.bytes().all(plain) {
            return Err(format!("`{region}` is no region"));
        }
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let server = format!("s3.{region}.{domain}");
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        // A certificate is for one label below the server's name.
        let (server, path) =
            if bucket.contains('.') { (server, path) } else { (format!("{bucket}.{server}"), prefix) };
        let server = Url::parse(&format!("https://{server}")).map_err(|error| error.to_string())?;
        Ok(Self { base: at(server, path)?, region, name })
    }

    /// The key that requests are signed with; `None` where requests are nobody's.
    pub(super) fn signing(&self, client: &Client) -> Result<Option<Signing>, String> {
        let key = match client.configured(&self.base) {
            Some(Credential { username: Some(id), secret }) => Some(AwsKey { id, secret, token: None }),
            Some(_) => {
                return Err("the credential of a server of S3 has its access key as `username`".to_owned());
            }
            None => client.config.aws.key().map_err(|error| chain(&error))?,
        };
        let key = key.filter(|_| client.may_see_credentials(&self.base));
        Ok(key.map(|key| Signing { key, region: self.region.clone() }))
    }
}

/// `path` below a server, which may have a path of its own.
fn at(mut server: Url, path: &str) -> Result<Url, String> {
    check_path(&format!("bucket{}", server.path().trim_end_matches('/')))?;
    let whole = format!("{}/{path}", server.path().trim_end_matches('/'));
    server.set_path(whole.trim_end_matches('/'));
    Ok(server)
}

/// A bucket and a prefix that are signed as they are written: nothing that anybody would encode.
fn check_path(path: &str) -> Result<&str, String> {
    let bucket = path.split('/').next().unwrap_or_default();
    let letter = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let fits = (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|it| letter(it) || matches!(it, b'-' | b'.'))
        && bucket.starts_with(|it: char| it.is_ascii_alphanumeric())
        && bucket.ends_with(|it: char| it.is_ascii_alphanumeric());
    if !fits {
        return Err(format!("`{bucket}` is no bucket"));
    }
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"-_.~".contains(&it);
    let odd = path.split('/').find(|it| matches!(*it, "" | "." | "..") || !it.bytes().all(plain));
    odd.map_or(Ok(path), |odd| Err(format!("`{odd}` cannot be part of a prefix")))
}

/// The region in the name of a server, `s3.REGION.example.net`, as most providers have it.
fn region_of(server: &Url) -> Option<String> {
    let mut labels = server.domain()?.split('.');
    let region =
        labels.by_ref().nth(1).filter(|_| server.domain().is_some_and(|it| it.starts_with("s3.")))?;
    (labels.count() >= 2).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, base: &str, region: &str) {
        let place = Place::of(address, &Aws::default()).unwrap();
        assert_eq!((place.base.as_str(), place.region.as_str()), (base, region));
        assert_eq!(place.name, address.trim_end_matches('/'));
    }

    #[test]
    fn a_bucket_is_at_aws_or_at_the_server_that_is_named() {
        check("s3://my-bucket", "https://my-bucket.s3.us-east-1.amazonaws.com/", REGION);
        check("s3://my-bucket/a/b/", "https://my-bucket.s3.us-east-1.amazonaws.com/a/b", REGION);
        check("s3://my.bucket/a", "https://s3.us-east-1.amazonaws.com/my.bucket/a", REGION);
        check("s3+https://s3.gra.io.cloud.example/team/x", "https://s3.gra.io.cloud.example/team/x", "gra");
        check("s3+https://s3.example.net/team", "https://s3.example.net/team", REGION);
        check("s3+http://127.0.0.1:9000/cache", "http://127.0.0.1:9000/cache", REGION);
    }

    #[test]
    fn what_would_be_signed_otherwise_than_it_is_sent_is_refused() {
        for (address, why) in [
            ("s3:bucket", "behind `s3://`"),
            ("s3://", "behind `s3://`"),
            ("s3://Bucket", "`Bucket` is no bucket"),
            ("s3://user:secret@bucket", "below `[credentials]`"),
            ("s3://bucket/a b", "`a b` cannot be"),
            ("s3://bucket/a//b", "`` cannot be"),
            ("s3://bucket/../b", "`..` cannot be"),
            ("s3://bucket/ä", "cannot be"),
            ("s3://bucket/a%20b", "cannot be"),
            ("s3+https://s3.example.net", "is no bucket"),
            ("s3+https://me:secret@s3.example.net/bucket", "below `[credentials]`"),
            ("s3+https://s3.example.net/bucket?x=y", "ends with its path"),
        ] {
            let error = Place::of(address, &Aws::default()).unwrap_err();
            assert!(error.contains(why) && !error.contains("secret"), "{address}: {error}");
        }
    }
}
