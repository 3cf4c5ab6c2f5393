//! Who is let in, and who sees the password.

use super::{API, APP, Puller, app, failed, path_of, through, tokens};
use gabion::config::{Config, Credential};
use gabion::event::Event;
use gabion_digest::Sha256;
use gabion_upstream::{Fault, Upstream};

#[test]
fn a_redirect_takes_no_credential_along_and_goes_on_after_a_cut() {
    let objects = Upstream::start(app()).unwrap();
    let mut content = app();
    content.registries.get_mut("/ghcr").unwrap().objects = Some(format!("{}/ghcr/objects/", objects.url()));
    let upstream = Upstream::start(content).unwrap();
    let puller = Puller::of(&upstream);
    let layer = puller.app().layers()[0].clone();
    objects.fail(&format!("/ghcr/objects/{}", layer.digest.hex()), [Fault::Cut(50)]);
    let output = puller.blob(APP, &layer).unwrap();
    assert_eq!(Sha256::of(&puller.bytes(&output)), layer.digest);
    let there = objects.seen();
    assert_eq!(there.iter().map(|it| it.status).collect::<Vec<_>>(), [200, 206]);
    assert!(there.iter().all(|it| it.authorization.is_none()), "{there:?}");
    assert!(upstream.seen().iter().any(|it| it.path == path_of(&layer) && it.authorization.is_some()));
}

#[test]
fn a_challenge_from_elsewhere_is_not_answered() {
    let elsewhere = Upstream::start(app()).unwrap();
    let mut content = app();
    // The registry sends us to another one, which asks who we are.
    content.registries.get_mut("/ghcr").unwrap().objects =
        Some(format!("{}{API}/blobs/sha256:", elsewhere.url()));
    let upstream = Upstream::start(content).unwrap();
    let puller = Puller::of(&upstream);
    let layer = puller.app().layers()[0].clone();
    failed(puller.blob(APP, &layer), "HTTP 401 from where the registry redirects to");
    assert_eq!(tokens(&elsewhere.seen()), 0);
}

/// A configuration with the user `me` for the server.
fn login(upstream: &Upstream, password: &str) -> Config {
    let credential = Credential { username: Some("me".to_owned()), secret: password.to_owned() };
    let credentials = [(upstream.url().replace("http://", ""), credential)].into();
    Config { credentials, ..through(upstream) }
}

fn private() -> Upstream {
    let mut content = app();
    // `me:secret`
    content.registries.get_mut("/ghcr").unwrap().login = Some("bWU6c2VjcmV0".to_owned());
    Upstream::start(content).unwrap()
}

#[test]
fn the_password_goes_to_the_endpoint_of_tokens_and_nowhere_else() {
    let upstream = private();
    let puller = Puller::new(&login(&upstream, "secret"));
    let layer = puller.app().layers()[0].clone();
    assert!(puller.blob(APP, &layer).is_ok());
    for it in upstream.seen() {
        let basic = it.authorization.is_some_and(|text| text.starts_with("Basic "));
        assert_eq!(basic, it.path.starts_with("/ghcr/token?"), "{}", it.path);
    }
    failed(Puller::new(&login(&upstream, "wrong")).document(APP), "no token: HTTP 401");
    failed(Puller::of(&upstream).document(APP), "no token: HTTP 401");
    let said = format!("{:?}", Puller::new(&login(&upstream, "secret")).client);
    assert!(!said.contains("secret\"") && !said.contains("bWU6c2VjcmV0"), "{said}");
}

#[test]
fn dockers_login_is_used_where_gabion_has_none() {
    let upstream = private();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let host = upstream.url().replace("http://", "");
    fs_err::write(&file, format!(r#"{{"auths":{{"{host}":{{"auth":"bWU6c2VjcmV0"}}}}}}"#)).unwrap();
    let docker = Config { docker: Some(file.clone()), ..through(&upstream) };
    assert_eq!(Puller::new(&docker).index(APP).manifests().len(), 2);
    // Gabion's own comes first.
    let wrong = Config { docker: Some(file.clone()), ..login(&upstream, "wrong") };
    failed(Puller::new(&wrong).document(APP), "no token: HTTP 401");
    // A helper that is not there is said, and nobody is asked for a password.
    fs_err::write(&file, r#"{"credsStore":"not-there"}"#).unwrap();
    let puller = Puller::new(&docker);
    failed(puller.document(APP), "no token: HTTP 401");
    let warned =
        puller.events.try_iter().any(|it| matches!(it, Event::Warning(text) if text.contains("`not-there`")));
    assert!(warned);
}

#[test]
fn an_endpoint_of_tokens_elsewhere_does_not_see_the_password() {
    let (upstream, elsewhere) = (private(), private());
    // Another name of the same machine is another host.
    let realm = elsewhere.url().replace("127.0.0.1", "localhost");
    let header = format!("WWW-Authenticate: Bearer realm=\"{realm}/ghcr/token\",service=\"gabion\"");
    upstream.fail(&format!("{API}/manifests/1.0"), [Fault::Header(header.leak())]);
    failed(Puller::new(&login(&upstream, "secret")).document(APP), "no token: HTTP 401");
    let asked = elsewhere.seen();
    assert!(tokens(&asked) == 1 && asked[0].authorization.is_none(), "{asked:?}");
}
