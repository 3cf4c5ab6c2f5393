//! What a server asks for before it serves: `WWW-Authenticate` (RFC 9110 §11.6.1; tokens as in the
//! distribution project's token authentication specification).

use std::collections::BTreeMap;

/// One way to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme in lowercase: `bearer`, `basic`.
    pub scheme: String,
    /// Its parameters, names in lowercase.
    pub parameters: BTreeMap<String, String>,
}

/// The header is not what RFC 9110 describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the challenge cannot be read after {at} bytes")]
pub struct ChallengeError {
    /// Where it goes wrong.
    pub at: usize,
}

/// Reads all challenges of one header value, in its order.
pub fn challenges(header: &str) -> Result<Vec<Challenge>, ChallengeError> {
    let mut text = Scanner { text: header, at: 0 };
    let mut out: Vec<Challenge> = Vec::new();
    loop {
        text.skip(" \t,");
        if text.rest().is_empty() {
            return Ok(out);
        }
        let name = text.token()?.to_ascii_lowercase();
        match (text.value()?, out.last_mut()) {
            (Some(value), Some(challenge)) => {
                // RFC 9110 §11.2: a parameter stands once.
                if challenge.parameters.insert(name, value).is_some() {
                    return text.wrong();
                }
            }
            (Some(_), None) => return text.wrong(),
            (None, _) => {
                text.token68();
                out.push(Challenge { scheme: name, parameters: BTreeMap::new() });
            }
        }
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn wrong<T>(&self) -> Result<T, ChallengeError> {
        Err(ChallengeError { at: self.at })
    }

    fn skip(&mut self, any: &str) {
        self.at = self.text.len() - self.rest().trim_start_matches(|it| any.contains(it)).len();
    }

    fn take(&mut self, fits: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let count = rest.bytes().position(|byte| !fits(byte)).unwrap_or(rest.len());
        self.at += count;
        &rest[..count]
    }

    fn token(&mut self) -> Result<&'a str, ChallengeError> {
        match self.take(is_token) {
            "" => self.wrong(),
            token => Ok(token),
        }
    }

    /// `=` and a value; `None`, and nothing taken, where a token is the scheme of a challenge.
    fn value(&mut self) -> Result<Option<String>, ChallengeError> {
        let before = self.at;
        self.skip(" \t");
        if !self.rest().starts_with('=') {
            self.at = before;
            return Ok(None);
        }
        self.at += 1;
        self.skip(" \t");
        if self.rest().starts_with('"') {
            self.quoted().map(Some)
        } else {
            self.token().map(|it| Some(it.to_owned()))
        }
    }

    /// RFC 9110 §5.6.4.
    fn quoted(&mut self) -> Result<String, ChallengeError> {
        let mut out = String::new();
        let mut escaped = false;
        for (place, it) in self.rest().char_indices().skip(1) {
            match it {
                _ if it.is_control() && it != '\t' => break,
                _ if escaped => {
                    out.push(it);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    self.at += place + 1;
                    return Ok(out);
                }
                _ => out.push(it),
            }
        }
        self.wrong()
    }

    /// Steps over a token68 (RFC 9110 §11.2), which no scheme of registries uses.
    fn token68(&mut self) {
        let before = self.at;
        self.skip(" \t");
        let token = self.take(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
        self.take(|byte| byte == b'=');
        self.skip(" \t");
        if token.is_empty() || !(self.rest().is_empty() || self.rest().starts_with(',')) {
            self.at = before;
        }
    }
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: &[(&str, &[(&str, &str)])]) {
        let expected: Vec<Challenge> = expected
            .iter()
            .map(|(scheme, parameters)| Challenge {
                scheme: (*scheme).to_owned(),
                parameters: parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            })
            .collect();
        assert_eq!(challenges(header), Ok(expected), "{header}");
    }

    #[test]
    fn challenges_of_real_registries_are_read() {
        check(
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull,push""#,
            &[(
                "bearer",
                &[
                    ("realm", "https://auth.docker.io/token"),
                    ("scope", "repository:library/nginx:pull,push"),
                    ("service", "registry.docker.io"),
                ],
            )],
        );
        check("Basic realm=\"Registry Realm\"", &[("basic", &[("realm", "Registry Realm")])]);
        // RFC 9110 §11.6.1 has this example.
        check(
            r#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#,
            &[
                ("basic", &[("realm", "simple")]),
                ("newauth", &[("realm", "apps"), ("title", "Login to \"apps\""), ("type", "1")]),
            ],
        );
        check("Negotiate, Basic REALM = x", &[("negotiate", &[]), ("basic", &[("realm", "x")])]);
        check("Negotiate YII=, Bearer", &[("negotiate", &[]), ("bearer", &[])]);
        check(" , ", &[]);
    }

    #[test]
    fn what_is_no_challenge_is_refused_where_it_goes_wrong() {
        let at = |header: &str| challenges(header).unwrap_err().at;
        assert_eq!(at("realm=\"x\""), 9);
        assert_eq!(at("Bearer realm=\"x"), 13);
        assert_eq!(at("Bearer a=1, realm="), 18);
        assert_eq!(at("Bearer realm=\"a\", realm=\"b\""), 27);
        assert_eq!(at("Bearer realm=\"a\n\""), 13);
        assert_eq!(at("\"x\""), 0);
        assert_eq!(at("Bearer é"), 7);
    }
}
