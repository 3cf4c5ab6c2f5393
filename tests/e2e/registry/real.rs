//! Debian's own registry on loopback, and images that other programs make and push.

use gabion::config::{Config, Credential};
use gabion_digest::Sha256;
use gabion_testkit::{Server, free_address, program, run, text, umoci};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What [`Real`] runs, but for what makes an index.
pub(crate) const NEEDS: [&str; 5] = ["docker-registry", "htpasswd", "skopeo", "umoci", "dpkg"];

/// A registry with one user, `me` with `secret`, that speaks plain HTTP.
pub(crate) struct Real {
    pub(crate) host: String,
    folder: tempfile::TempDir,
    _server: Server,
}

impl Real {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = free_address().to_string();
        let path = |name: &str| folder.path().join(name);
        fs_err::write(path("users"), run(program("htpasswd").args(["-Bbn", "me", "secret"]))).unwrap();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: '{}'}}\n\
             http: {{addr: '{host}'}}\nauth:\n  htpasswd: {{realm: gabion, path: '{}'}}\n",
            path("data").display(),
            path("users").display()
        );
        fs_err::write(path("config.yml"), config).unwrap();
        let mut command = program("docker-registry");
        command.arg("serve").arg(path("config.yml"));
        let server = Server::start(&mut command, || TcpStream::connect(&host).is_ok());
        Self { _server: server.unwrap_or_else(|said| panic!("{said}")), folder, host }
    }

    /// Removes what no manifest with a tag names.
    pub(crate) fn collect_garbage(&self) {
        let mut collect = program("docker-registry");
        run(collect.args(["garbage-collect", "--delete-untagged"]).arg(self.path("config.yml")));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The image of the files of a package as umoci makes it, in the layout `layout`.
    fn image(&self, package: &str) -> String {
        copy_package(package, &self.path("root"));
        umoci(&self.path("layout"), "1", &self.path("root/usr"));
        format!("oci:{}:1", self.path("layout").display())
    }

    /// Pushes an image of the files of a package; gives its reference.
    pub(crate) fn push(&self, package: &str) -> String {
        let reference = format!("{}/debian/{package}:1", self.host);
        let mut skopeo = program("skopeo");
        skopeo.args(["copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false"]);
        skopeo.args(["--dest-creds=me:secret", &self.image(package), &format!("docker://{reference}")]);
        run(&mut skopeo);
        reference
    }

    /// Pushes the image that `push` made, for two machines, behind an index of buildah's; gives its reference.
    pub(crate) fn push_index(&self, package: &str) -> String {
        let layout = self.path("layout").display().to_string();
        let other = ["config", "--image", &format!("{layout}:1"), "--tag", "2", "--architecture", "arm64"];
        run(program("umoci").args(other));
        let reference = format!("{}/debian/{package}:2", self.host);
        self.buildah(&["manifest", "create", "many"]);
        for tag in ["1", "2"] {
            self.buildah(&["manifest", "add", "many", &format!("oci:{layout}:{tag}")]);
        }
        let push =
            ["manifest", "push", "--quiet", "--all", "--tls-verify=false", "--creds=me:secret", "many"];
        self.buildah(&[&push[..], &[&format!("docker://{reference}")]].concat());
        reference
    }

    /// Pushes an artifact of one layer with one annotation under a tag; gives the digest of its manifest.
    pub(crate) fn push_artifact(
        &self,
        repository: &str,
        tag: &str,
        (kind, layer): (&str, &[u8]),
        (annotation, value): (&str, &str),
    ) -> Sha256 {
        let folder = self.path("artifact");
        let config = br#"{"architecture":"","os":"","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;
        let config_kind = "application/vnd.oci.image.config.v1+json";
        let part = |kind: &str, bytes: &[u8], more: &str| {
            format!(
                r#"{{"mediaType":"{kind}","size":{},"digest":"{}"{more}}}"#,
                bytes.len(),
                Sha256::of(bytes)
            )
        };
        let annotations = format!(r#","annotations":{{"{annotation}":"{value}"}}"#);
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}]}}"#,
            part(config_kind, config, ""),
            part(kind, layer, &annotations)
        );
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::write(folder.join("version"), "Directory Transport Version: 1.1\n").unwrap();
        fs_err::write(folder.join("manifest.json"), &manifest).unwrap();
        for bytes in [&config[..], layer] {
            fs_err::write(folder.join(Sha256::of(bytes).hex()), bytes).unwrap();
        }
        let mut skopeo = program("skopeo");
        skopeo.args(["copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false"]);
        skopeo.args(["--dest-creds=me:secret", &format!("dir:{}", folder.display())]);
        run(skopeo.arg(format!("docker://{}/{repository}:{tag}", self.host)));
        Sha256::of(manifest.as_bytes())
    }

    fn buildah(&self, arguments: &[&str]) {
        let at = |option: &str, name: &str| format!("{option}={}", self.path(name).display());
        let mut buildah = program("buildah");
        buildah.args([at("--root", "storage"), at("--runroot", "run")]).arg("--storage-driver=vfs");
        run(buildah.args(arguments));
    }

    /// The bytes of a blob in the registry's own storage.
    pub(crate) fn blob(&self, digest: Sha256) -> Vec<u8> {
        let hex = digest.hex();
        let blobs = self.path("data/docker/registry/v2/blobs/sha256");
        fs_err::read(blobs.join(&hex[..2]).join(&hex).join("data")).unwrap()
    }

    /// A configuration that reaches it with a password.
    pub(crate) fn config(&self, password: &str) -> Config {
        let credential = Credential { username: Some("me".to_owned()), secret: password.to_owned() };
        Config {
            mirrors: vec![(format!("https://{}", self.host), vec![format!("http://{}", self.host)])],
            credentials: [(self.host.clone(), credential)].into(),
            ..Config::default()
        }
    }

    /// The same as a user writes it, with the password in a file.
    pub(crate) fn config_toml(&self) -> String {
        let (host, file) = (&self.host, self.path("password"));
        fs_err::write(&file, "secret\n").unwrap();
        format!(
            "[mirror]\n'https://{host}' = 'http://{host}'\n[credentials.'{host}']\nusername = 'me'\nfile = '{}'\n",
            file.display()
        )
    }
}

/// The digest that skopeo tells.
pub(crate) fn digest(reference: &str) -> Sha256 {
    text(inspect(reference).arg("--format={{.Digest}}")).trim().parse().unwrap()
}

/// The index or manifest as skopeo gets it.
pub(crate) fn document(reference: &str) -> Vec<u8> {
    run(inspect(reference).arg("--raw"))
}

fn inspect(reference: &str) -> Command {
    let mut skopeo = program("skopeo");
    skopeo.args(["inspect", "--tls-verify=false", "--creds=me:secret"]);
    skopeo.arg(format!("docker://{reference}"));
    skopeo
}

/// Copies the files of an installed package.
fn copy_package(package: &str, to: &Path) {
    let list = text(program("dpkg").args(["-L", package]));
    for from in list.lines().map(Path::new).filter(|it| it.starts_with("/usr") && it.is_file()) {
        let to = to.join(from.strip_prefix("/").unwrap());
        fs_err::create_dir_all(to.parent().unwrap()).unwrap();
        fs_err::copy(from, to).unwrap();
    }
}
