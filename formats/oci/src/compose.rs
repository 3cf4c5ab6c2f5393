//! Images that are made here: their configuration and manifest as bytes (OCI image specification 1.1, `config.md` and
//! `manifest.md`).
//!
//! Both are JSON without white space whose keys are sorted, so that one image is one digest. There is no history: it is
//! optional, and would say how something was made, which does not change what it is.

use crate::document::Manifest;
use crate::media::MediaType;
use crate::platform::Platform;
use crate::{DOCUMENT_LIMIT, json};
use gabion_digest::Sha256;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What is set in the configuration; what is not given is the base's, or absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The program. It takes the base's `cmd` away, as in a Dockerfile.
    pub entrypoint: Option<Vec<String>>,
    /// Its arguments, or the program where there is no entrypoint.
    pub cmd: Option<Vec<String>>,
    /// Variables, over those of the base.
    pub env: BTreeMap<String, String>,
    /// Who runs it: `1000:1000`.
    pub user: Option<String>,
    /// Where it runs.
    pub workdir: Option<String>,
    /// Labels, over those of the base.
    pub labels: BTreeMap<String, String>,
    /// Ports that it listens at, `8080/tcp`, beside those of the base.
    pub ports: BTreeSet<String>,
    /// The signal that ends it: `SIGTERM`.
    pub stop_signal: Option<String>,
}

/// Why an image cannot be made of its base.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The base's configuration is none.
    #[error("the configuration of the base cannot be read: {why}")]
    Config {
        /// What is wrong.
        why: String,
    },
    /// The base is for another machine.
    #[error("the base is for `{found}`, not for `{wanted}`")]
    Platform {
        /// What it is for.
        found: String,
        /// What is made.
        wanted: Platform,
    },
    /// The base's manifest and configuration tell different numbers of layers.
    #[error("the base has {layers} layers, and its configuration names {named}")]
    Layers {
        /// How many its manifest has.
        layers: usize,
        /// How many its configuration names.
        named: usize,
    },
    /// A layer of the base that no image of this kind can have.
    #[error("the base has a layer of type `{media_type}`")]
    Layer {
        /// What it is.
        media_type: MediaType,
    },
}

/// A layer in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerEntry {
    /// How it is packed.
    pub media_type: String,
    /// The digest of its bytes.
    pub digest: Sha256,
    /// How many bytes it has.
    pub size: u64,
}

/// An image that others are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    fields: Map<String, Value>,
    diff_ids: Vec<Sha256>,
    /// Its layers, the lowest first, as a manifest of OCI's names them.
    pub layers: Vec<LayerEntry>,
}

/// Fields of a base's configuration that an image made of it keeps, beside `config`.
const KEPT: [&str; 6] = ["architecture", "author", "os", "os.features", "os.version", "variant"];

impl BaseImage {
    /// Reads a base for this platform.
    pub fn read(manifest: &Manifest, config: &[u8], platform: &Platform) -> Result<Self, ComposeError> {
        let wrong = |why: String| ComposeError::Config { why };
        if config.len() as u64 > DOCUMENT_LIMIT {
            return Err(wrong("it is too large".to_owned()));
        }
        // Two readers must not see two configurations.
        json::parse(config).map_err(|error| wrong(error.to_string()))?;
        let value: Value = serde_json::from_slice(config).map_err(|error| wrong(error.to_string()))?;
        let Value::Object(mut fields) = value else { return Err(wrong("it is no object".to_owned())) };
        let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let found = format!("{}/{}", text("os"), text("architecture"));
        if found.parse::<Platform>().as_ref() != Ok(platform) {
            return Err(ComposeError::Platform { found, wanted: platform.clone() });
        }
        let ids = fields.get("rootfs").and_then(|it| it.get("diff_ids")).and_then(Value::as_array);
        let ids = ids.ok_or_else(|| wrong("it has no `rootfs.diff_ids`".to_owned()))?;
        let id = |it: &Value| it.as_str().and_then(|it| it.parse::<Sha256>().ok());
        let diff_ids: Option<Vec<Sha256>> = ids.iter().map(id).collect();
        let diff_ids = diff_ids.ok_or_else(|| wrong("a layer has no SHA-256 there".to_owned()))?;
        if fields.get("config").is_some_and(|it| !it.is_object() && !it.is_null()) {
            return Err(wrong("`config` is no object".to_owned()));
        }
        let layers: Vec<LayerEntry> = manifest.layers().iter().map(layer).collect::<Result<_, _>>()?;
        if layers.len() != diff_ids.len() {
            return Err(ComposeError::Layers { layers: layers.len(), named: diff_ids.len() });
        }
        fields.retain(|key, _| KEPT.contains(&key.as_str()) || key == "config");
        Ok(Self { fields, diff_ids, layers })
    }
}

fn layer(it: &crate::Descriptor) -> Result<LayerEntry, ComposeError> {
    const OCI: &str = "application/vnd.oci.image.layer.v1.tar";
    const DOCKER: &str = "application/vnd.docker.image.rootfs.diff.tar";
    let packing = match it.media_type.as_str() {
        OCI | DOCKER => "",
        "application/vnd.oci.image.layer.v1.tar+gzip"
        | "application/vnd.docker.image.rootfs.diff.tar.gzip" => "+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd"
        | "application/vnd.docker.image.rootfs.diff.tar.zstd" => "+zstd",
        _ => return Err(ComposeError::Layer { media_type: it.media_type.clone() }),
    };
    Ok(LayerEntry { media_type: format!("{OCI}{packing}"), digest: it.digest, size: it.size })
}

/// The configuration of an image with these layers of its own, by the digests of their tars. `created` is in seconds since
/// 1970.
pub fn config(
    base: Option<&BaseImage>,
    platform: &Platform,
    own: &[Sha256],
    settings: &Settings,
    created: u64,
) -> Vec<u8> {
    let mut fields = base.map(|it| it.fields.clone()).unwrap_or_default();
    let mut config = match fields.remove("config") {
        Some(Value::Object(config)) => config,
        _ => Map::new(),
    };
    // What a Dockerfile does to a base is not done here, so nothing is handed on to it either.
    config.retain(|key, _| key != "OnBuild");
    settings.apply(&mut config);
    let ids = base.iter().flat_map(|it| &it.diff_ids).chain(own).map(|it| Value::from(it.to_string()));
    let rootfs = [("type".to_owned(), Value::from("layers")), ("diff_ids".to_owned(), ids.collect())];
    if base.is_none() {
        let (os, architecture, variant) = platform.parts();
        let parts = [("os", os), ("architecture", architecture), ("variant", variant)];
        let said = parts.into_iter().filter(|(_, value)| !value.is_empty());
        fields.extend(said.map(|(key, value)| (key.to_owned(), Value::from(value))));
    }
    fields.insert("created".to_owned(), Value::from(rfc3339(created)));
    fields.insert("config".to_owned(), Value::Object(config));
    fields.insert("rootfs".to_owned(), Value::Object(rootfs.into_iter().collect()));
    canonical(&Value::Object(fields))
}

impl Settings {
    fn apply(&self, config: &mut Map<String, Value>) {
        let list = |it: &Vec<String>| it.iter().map(|it| Value::from(it.as_str())).collect::<Value>();
        if let Some(entrypoint) = &self.entrypoint {
            config.insert("Entrypoint".to_owned(), list(entrypoint));
            config.remove("Cmd");
        }
        let texts = [("User", &self.user), ("WorkingDir", &self.workdir), ("StopSignal", &self.stop_signal)];
        let texts = texts.into_iter().filter_map(|(key, value)| Some((key, Value::from(value.as_deref()?))));
        let lists = self.cmd.iter().map(|it| ("Cmd", list(it)));
        config.extend(texts.chain(lists).map(|(key, value)| (key.to_owned(), value)));
        if !self.env.is_empty() {
            let env = self.env_over(config.get("Env"));
            config.insert("Env".to_owned(), env);
        }
        let labels = self.labels.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        merge(config, "Labels", labels);
        let ports = self.ports.iter().map(|port| (port.clone(), Value::Object(Map::new())));
        merge(config, "ExposedPorts", ports);
    }

    /// The base's variables in their order, with the values of ours; then the new ones, sorted.
    fn env_over(&self, base: Option<&Value>) -> Value {
        let mut left = self.env.clone();
        let mut all: Vec<String> = Vec::new();
        for text in base.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            let name = text.split('=').next().unwrap_or_default();
            match left.remove(name) {
                Some(value) => all.push(format!("{name}={value}")),
                None => all.push(text.to_owned()),
            }
        }
        all.extend(left.iter().map(|(name, value)| format!("{name}={value}")));
        all.into_iter().map(Value::from).collect()
    }
}

/// Adds to a table of the configuration, which may be absent.
fn merge(config: &mut Map<String, Value>, key: &str, more: impl Iterator<Item = (String, Value)>) {
    let mut all = match config.remove(key) {
        Some(Value::Object(all)) => all,
        _ => Map::new(),
    };
    all.extend(more);
    if !all.is_empty() {
        config.insert(key.to_owned(), Value::Object(all));
    }
}

/// The manifest of an image: all of its layers, the lowest first.
pub fn manifest(config: &[u8], layers: &[LayerEntry]) -> Vec<u8> {
    canonical(&document("application/vnd.oci.image.config.v1+json", config, layers))
}

/// The configuration of what has none (OCI image specification 1.1, "Guidance for an Empty Descriptor").
pub const EMPTY: &[u8] = b"{}";

/// The manifest of an artifact of type `kind`: its configuration is [`EMPTY`], and it has at least one layer (OCI image
/// specification 1.1, "Guidelines for Artifact Usage").
pub fn artifact(kind: &str, layers: &[LayerEntry]) -> Vec<u8> {
    let mut document = document("application/vnd.oci.empty.v1+json", EMPTY, layers);
    document["artifactType"] = Value::from(kind);
    canonical(&document)
}

fn document(kind: &str, config: &[u8], layers: &[LayerEntry]) -> Value {
    let descriptor = |media_type: &str, digest: Sha256, size: u64| serde_json::json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size });
    let layers: Vec<Value> = layers.iter().map(|it| descriptor(&it.media_type, it.digest, it.size)).collect();
    serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": descriptor(kind, Sha256::of(config), config.len() as u64),
        "layers": layers,
    })
}

/// What Flux takes files from, an `OCIRepository` (source.toolkit.fluxcd.io): its configuration and manifest. `diff_id` is the
/// digest of the one tar, `layer` that of its gzip, which has `size` bytes.
///
/// Flux unpacks the first layer unless a `layerSelector` says otherwise, and asks nothing of the configuration
/// (fluxcd/source-controller, `ocirepository_controller.go`); the media types are those of its own `flux push artifact`.
pub fn flux_artifact(diff_id: Sha256, layer: Sha256, size: u64) -> (Vec<u8>, Vec<u8>) {
    let config =
        canonical(&serde_json::json!({ "rootfs": { "type": "layers", "diff_ids": [diff_id.to_string()] } }));
    let descriptor = |media_type: &str, digest: Sha256, size: u64| serde_json::json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size });
    let manifest = canonical(&serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": descriptor(MediaType::FLUX_CONFIG, Sha256::of(&config), config.len() as u64),
        "layers": [descriptor(MediaType::FLUX_CONTENT, layer, size)],
    }));
    (config, manifest)
}

/// JSON without white space, the keys of every object sorted by their bytes, whatever a map of `serde_json` does here.
fn canonical(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            out.push(b'{');
            for (number, (key, value)) in sorted.into_iter().enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(Value::from(key.as_str()).to_string().as_bytes());
                out.push(b':');
                write(value, out);
            }
            out.push(b'}');
        }
        Value::Array(list) => {
            out.push(b'[');
            for (number, value) in list.iter().enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                write(value, out);
            }
            out.push(b']');
        }
        plain => out.extend_from_slice(plain.to_string().as_bytes()),
    }
}

/// A moment, in seconds since 1970, as RFC 3339 says it: `2023-11-14T22:13:20Z`.
pub fn rfc3339(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March, so that the odd day is the last one (Howard Hinnant, `civil_from_days`).
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;

    fn amd64() -> Platform {
        "linux/amd64".parse().unwrap()
    }

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|it| (*it).to_owned()).collect()
    }

    fn pairs(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn settings() -> Settings {
        Settings {
            entrypoint: Some(strings(&["/usr/bin/api"])),
            env: pairs(&[("B", "2"), ("PATH", "/usr/bin"), ("A", "1 \"x\"")]),
            user: Some("1000:1000".to_owned()),
            workdir: Some("/srv".to_owned()),
            labels: pairs(&[("org.opencontainers.image.title", "api")]),
            ports: ["8080/tcp".to_owned()].into(),
            stop_signal: Some("SIGINT".to_owned()),
            ..Settings::default()
        }
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn an_image_of_nothing_is_one_text() {
        let layer = Sha256::of(b"tar");
        let made = config(None, &amd64(), &[layer], &settings(), 1_700_000_000);
        assert_eq!(
            text(made.clone()),
            format!(
                r#"{{"architecture":"amd64","config":{{"Entrypoint":["/usr/bin/api"],"Env":["A=1 \"x\"","B=2","PATH=/usr/bin"],"ExposedPorts":{{"8080/tcp":{{}}}},"Labels":{{"org.opencontainers.image.title":"api"}},"StopSignal":"SIGINT","User":"1000:1000","WorkingDir":"/srv"}},"created":"2023-11-14T22:13:20Z","os":"linux","rootfs":{{"diff_ids":["{layer}"],"type":"layers"}}}}"#
            )
        );
        let packed = LayerEntry {
            media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
            digest: Sha256::of(b"gz"),
            size: 7,
        };
        let manifest = manifest(&made, &[packed]);
        assert!(
            matches!(Document::reopen(manifest.clone()), Ok(Document::Manifest(it)) if it.layers().len() == 1)
        );
        let config = Sha256::of(&made);
        assert_eq!(
            text(manifest),
            format!(
                r#"{{"config":{{"digest":"{config}","mediaType":"application/vnd.oci.image.config.v1+json","size":{}}},"layers":[{{"digest":"{}","mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":7}}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}}"#,
                made.len(),
                Sha256::of(b"gz")
            )
        );
    }

    #[test]
    fn an_artifact_is_one_text_that_is_read_again() {
        let digest = Sha256::of(b"x");
        let layer = LayerEntry { media_type: "application/x".to_owned(), digest, size: 1 };
        let made = artifact("application/y", &[layer]);
        assert_eq!(
            text(made.clone()),
            format!(
                r#"{{"artifactType":"application/y","config":{{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","mediaType":"application/vnd.oci.empty.v1+json","size":2}},"layers":[{{"digest":"{digest}","mediaType":"application/x","size":1}}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}}"#
            )
        );
        let Ok(Document::Manifest(read)) = Document::reopen(made) else { panic!() };
        assert_eq!(read.artifact_type().map(MediaType::as_str), Some("application/y"));
    }

    fn base(layer_type: &str, config: &str) -> Result<BaseImage, ComposeError> {
        let layer = Sha256::of(b"base");
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{0}","config":{{"mediaType":"application/json","digest":"{layer}","size":1}},"layers":[{{"mediaType":"{layer_type}","digest":"{layer}","size":1}}]}}"#,
            MediaType::OCI_MANIFEST
        );
        let Ok(Document::Manifest(manifest)) = Document::reopen(manifest.into_bytes()) else { panic!() };
        BaseImage::read(&manifest, config.as_bytes(), &amd64())
    }

    const DOCKER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

    fn of_base(config: &str) -> String {
        let id = Sha256::of(b"base tar");
        format!(
            r#"{{"architecture":"amd64","os":"linux","config":{config},"container":"x","history":[{{}}],"id":"y","author":"a","rootfs":{{"type":"layers","diff_ids":["{id}"]}}}}"#
        )
    }

    #[test]
    fn what_is_not_set_is_the_base_s() {
        let config_of = |settings: &Settings, base_config: &str| {
            let base = base(DOCKER, &of_base(base_config)).unwrap();
            assert_eq!(base.layers[0].media_type, "application/vnd.oci.image.layer.v1.tar+gzip");
            text(config(Some(&base), &amd64(), &[Sha256::of(b"own")], settings, 0))
        };
        let base = r#"{"Cmd":["sh"],"Env":["PATH=/bin","Z=1"],"Labels":null,"OnBuild":["RUN x"],"Healthcheck":{"Interval":5},"User":"root"}"#;
        let plain = config_of(&Settings::default(), base);
        assert_eq!(
            plain,
            format!(
                r#"{{"architecture":"amd64","author":"a","config":{{"Cmd":["sh"],"Env":["PATH=/bin","Z=1"],"Healthcheck":{{"Interval":5}},"User":"root"}},"created":"1970-01-01T00:00:00Z","os":"linux","rootfs":{{"diff_ids":["{}","{}"],"type":"layers"}}}}"#,
                Sha256::of(b"base tar"),
                Sha256::of(b"own")
            )
        );
        let set = config_of(&settings(), base);
        assert!(set.contains(r#""Env":["PATH=/usr/bin","Z=1","A=1 \"x\"","B=2"]"#), "{set}");
        assert!(!set.contains("\"Cmd\"") && set.contains("\"User\":\"1000:1000\""), "{set}");
        let cmd = Settings { cmd: Some(strings(&["-v"])), ..settings() };
        assert!(config_of(&cmd, base).contains(r#""Cmd":["-v"]"#));
        assert!(config_of(&settings(), "null").contains("\"WorkingDir\":\"/srv\""));
    }

    #[test]
    fn a_base_that_does_not_fit_is_refused() {
        let good = of_base("{}");
        let refused = |layer: &str, config: &str, why: &str| {
            let error = base(layer, config).unwrap_err().to_string();
            assert!(error.contains(why), "no `{why}`: {error}");
        };
        refused(DOCKER, &good.replace("amd64", "arm64"), "is for `linux/arm64`, not for `linux/amd64`");
        refused(DOCKER, &good.replace("[\"sha256", "[\"sha257"), "no SHA-256");
        refused(DOCKER, &good.replace("diff_ids", "ids"), "no `rootfs.diff_ids`");
        refused(DOCKER, &good.replacen("\"os\"", "\"os\":\"x\",\"os\"", 1), "stands twice");
        refused(DOCKER, &of_base("7"), "`config` is no object");
        refused(DOCKER, "[]", "no object");
        refused("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &good, "a layer of type");
        let none = good.replace(&format!("\"{}\"", Sha256::of(b"base tar")), "");
        refused(DOCKER, &none, "has 1 layers, and its configuration names 0");
    }

    #[test]
    fn moments_are_said_as_the_calendar_has_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (315_532_800, "1980-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }
}
