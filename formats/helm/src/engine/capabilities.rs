//! `.Capabilities`: the cluster that a chart is rendered for (`pkg/chart/common/capabilities.go`).

use gabion_template::{Data, Elem, Error, Kind, List, Object, Value};
use std::any::Any;
use std::rc::Rc;

/// The version of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// As the cluster says it: `v1.33.4+k3s1`.
    version: String,
    /// Without anything behind the numbers, where constraints see that.
    normal: Option<String>,
    major: String,
    minor: String,
}

/// Why a text is no version of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version of Kubernetes")]
pub struct KubeVersionError(pub String);

impl KubeVersion {
    /// A version as `helm template --kube-version` takes it: constraints see its numbers alone, so that `v1.33.4-rc.1` is
    /// 1.33.4 to them (`ParseKubeVersion`).
    pub fn parse(text: &str) -> Result<Self, KubeVersionError> {
        let wrong = || KubeVersionError(text.to_owned());
        if text.contains('\n') {
            return Err(wrong());
        }
        let rest = text.trim_start_matches([' ', '\t', '\r', '\x0c']);
        let rest = rest.strip_prefix('v').unwrap_or(rest);
        let mut parts = Vec::new();
        let mut at = rest;
        loop {
            let end = at.find(|it: char| !it.is_ascii_digit()).unwrap_or(at.len());
            if end == 0 {
                break;
            }
            let number: u64 = at[..end].parse().map_err(|_| wrong())?;
            if parts.is_empty() && at.starts_with('0') && end > 1 {
                return Err(wrong());
            }
            parts.push(number.to_string());
            match at[end..].strip_prefix('.') {
                Some(more) => at = more,
                None => break,
            }
        }
        let [major, minor, ..] = parts.as_slice() else { return Err(wrong()) };
        Ok(Self {
            version: if text.starts_with('v') { text.to_owned() } else { format!("v{text}") },
            major: major.clone(),
            minor: minor.clone(),
            normal: Some(format!("v{}", parts.join("."))),
        })
    }

    /// A version as a cluster answers it to Helm, which takes it as it is.
    pub fn of_cluster(git_version: &str, major: &str, minor: &str) -> Self {
        let owned = |it: &str| it.to_owned();
        Self { version: owned(git_version), normal: None, major: owned(major), minor: owned(minor) }
    }

    /// As the cluster says it.
    pub fn as_str(&self) -> &str {
        &self.version
    }

    /// As constraints see it.
    pub fn normal(&self) -> &str {
        self.normal.as_deref().unwrap_or(&self.version)
    }
}

/// What `.Capabilities.HelmVersion` says. Charts look at it to tell Helm 2 from what came later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmVersion {
    /// `Version`.
    pub version: String,
    /// `GoVersion`.
    pub go: String,
    /// `KubeClientVersion`.
    pub kube_client: String,
}

impl Default for HelmVersion {
    fn default() -> Self {
        let owned = |it: &str| it.to_owned();
        Self { version: owned("v4.3.1"), go: owned("go1.26"), kube_client: owned("v1.37") }
    }
}

/// All that templates see of a cluster.
#[derive(Debug, Clone)]
pub(super) struct Capabilities {
    kube: Rc<KubeVersion>,
    apis: Value,
    helm: Rc<HelmVersion>,
}

impl Capabilities {
    pub(super) fn new(kube: &KubeVersion, apis: &[String], helm: &HelmVersion) -> Self {
        let items = apis.iter().map(|it| it.as_str().into()).collect();
        let apis = Data::List(Rc::new(List { elem: Elem::Versions, items })).into();
        Self { kube: Rc::new(kube.clone()), apis, helm: Rc::new(helm.clone()) }
    }
}

fn object(it: Rc<dyn Object>) -> Value {
    Data::Object(it).into()
}

fn texts(fields: &[(&'static str, &str)], name: &str) -> Option<Value> {
    fields.iter().find(|(field, _)| *field == name).map(|(_, value)| (*value).into())
}

impl Object for Capabilities {
    fn type_name(&self) -> &'static str {
        "*common.Capabilities"
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "KubeVersion" => object(self.kube.clone()),
            "APIVersions" => self.apis.clone(),
            "HelmVersion" => object(self.helm.clone()),
            _ => return None,
        })
    }

    fn call(&self, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
        match (method, args) {
            ("Copy", []) => Some(Ok(object(Rc::new(self.clone())))),
            _ => None,
        }
    }

    fn print(&self) -> String {
        let texts = self.apis.as_list().into_iter().flat_map(|it| &it.items).filter_map(Value::as_text);
        let apis = texts.map(|it| it.to_str().into_owned()).collect::<Vec<_>>().join(" ");
        format!("&{{{} [{apis}] {}}}", self.kube.printed(), self.helm.print())
    }

    fn inside(&self) -> Option<String> {
        None
    }

    fn fields(&self) -> Option<Vec<(&'static str, Value)>> {
        let entry = |name| Some((name, self.field(name)?));
        Some(["KubeVersion", "APIVersions", "HelmVersion"].into_iter().filter_map(entry).collect())
    }

    fn plain(&self) -> Option<Value> {
        let entry = |name: &str| {
            let value = match self.field(name)? {
                Value { data: Data::Object(it), .. } => it.plain()?,
                other => other,
            };
            Some((name.as_bytes().into(), value))
        };
        Some(Value::map(
            ["KubeVersion", "APIVersions", "HelmVersion"].into_iter().filter_map(entry).collect(),
        ))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl KubeVersion {
    /// What Go prints of the struct, where its method counts for nothing.
    fn printed(&self) -> String {
        let normal = self.normal.as_deref().unwrap_or_default();
        format!("{{{} {normal} {} {}}}", self.version, self.major, self.minor)
    }
}

impl Object for KubeVersion {
    fn type_name(&self) -> &'static str {
        "common.KubeVersion"
    }

    fn field(&self, name: &str) -> Option<Value> {
        texts(&[("Version", &self.version), ("Major", &self.major), ("Minor", &self.minor)], name)
    }

    fn call(&self, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
        let text = match method {
            "String" => self.normal(),
            "GitVersion" => &self.version,
            _ => return None,
        };
        Some(if args.is_empty() { Ok(text.into()) } else { Err(super::arguments(method, 0, args.len())) })
    }

    fn print(&self) -> String {
        self.printed()
    }

    fn shown(&self) -> String {
        self.normal().to_owned()
    }

    fn plain(&self) -> Option<Value> {
        let entry = |(name, value): (&str, Value)| (name.as_bytes().into(), value);
        Some(Value::map(Object::fields(self)?.into_iter().map(entry).collect()))
    }

    fn fields(&self) -> Option<Vec<(&'static str, Value)>> {
        let entry = |name| Some((name, self.field(name)?));
        Some(["Version", "Major", "Minor"].into_iter().filter_map(entry).collect())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for HelmVersion {
    fn type_name(&self) -> &'static str {
        "version.BuildInfo"
    }

    fn field(&self, name: &str) -> Option<Value> {
        texts(
            &[
                ("Version", &self.version),
                ("GitCommit", ""),
                ("GitTreeState", "clean"),
                ("GoVersion", &self.go),
                ("KubeClientVersion", &self.kube_client),
            ],
            name,
        )
    }

    fn print(&self) -> String {
        format!("{{{}  clean {} {}}}", self.version, self.go, self.kube_client)
    }

    fn plain(&self) -> Option<Value> {
        let entry = |(name, value): (&str, Value)| (name.as_bytes().into(), value);
        Some(Value::map(self.fields()?.into_iter().map(entry).collect()))
    }

    fn fields(&self) -> Option<Vec<(&'static str, Value)>> {
        Some(vec![
            ("version", self.version.as_str().into()),
            ("git_tree_state", "clean".into()),
            ("go_version", self.go.as_str().into()),
            ("kube_client_version", self.kube_client.as_str().into()),
        ])
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_k3s_keeps_its_spelling_and_loses_it_for_constraints() {
        let version = KubeVersion::parse("v1.33.4+k3s1").unwrap();
        assert_eq!((version.as_str(), version.normal()), ("v1.33.4+k3s1", "v1.33.4"));
        let version = KubeVersion::parse("1.30").unwrap();
        assert_eq!((version.as_str(), version.normal()), ("v1.30", "v1.30"));
        let version = KubeVersion::of_cluster("v1.33.4+k3s1", "1", "33");
        assert_eq!((version.as_str(), version.normal()), ("v1.33.4+k3s1", "v1.33.4+k3s1"));
        for text in ["", "v1", "1", "x1.2", "01.2", "v1.2\n"] {
            assert_eq!(KubeVersion::parse(text), Err(KubeVersionError(text.to_owned())), "{text}");
        }
        assert_eq!(KubeVersion::parse("1.2.").unwrap().normal(), "v1.2");
    }
}
