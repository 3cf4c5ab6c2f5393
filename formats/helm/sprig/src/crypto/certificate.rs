//! `genCA`, `genSignedCert` and their like.
//!
//! Keys are RSA with 2048 bits, as sprig's. Keys of the curve P-521 and of DSA sign nothing here.

use std::rc::Rc;

use gabion_template::{Data, Error, Function, Object, Origin, Param, Taint, Text, Value};

use super::key::Key;
use super::x509::{Parent, Template, create};
use super::{MAKES_A_KEY, SIGNS};
use crate::call::{Answer, any, bytes, derive, int, text};
use crate::encode::decode64;
use crate::text::strval;

use Param::{Any, Int, List, String as Str};

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("buildCustomCert", &[Str, Str], custom),
    derive("genCA", &[Str, Int], |args| authority(args, &Key::rsa(2048)?)).that_takes(MAKES_A_KEY),
    derive("genCAWithKey", &[Str, Int, Str], |args| authority(args, &key(args, 2)?)).that_takes(SIGNS),
    derive("genSelfSignedCert", &[Str, List, List, Int], |args| self_signed(args, &Key::rsa(2048)?))
        .that_takes(MAKES_A_KEY),
    derive("genSelfSignedCertWithKey", &[Str, List, List, Int, Str], |args| {
        self_signed(args, &key(args, 4)?)
    })
    .that_takes(SIGNS),
    derive("genSignedCert", &[Str, List, List, Int, Any], |args| signed(args, &Key::rsa(2048)?))
        .that_takes(MAKES_A_KEY),
    derive("genSignedCertWithKey", &[Str, List, List, Int, Any, Str], |args| signed(args, &key(args, 5)?))
        .that_takes(SIGNS),
];

/// sprig's `certificate`: a certificate and its key, both PEM.
#[derive(Debug)]
struct Certificate {
    certificate: Text,
    key: Text,
}

impl Certificate {
    fn generated(certificate: String, key: &Key) -> Value {
        let made = |text: String| Text::from_origin(text.into_bytes(), Origin::default(), Taint::CERTIFICATE);
        let pair = Self { certificate: made(certificate), key: made(key.pem()) };
        Value::from(Data::Object(Rc::new(pair))).tainted(Taint::CERTIFICATE)
    }
}

impl Object for Certificate {
    fn type_name(&self) -> &'static str {
        "sprig.certificate"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(self.certificate.clone().into()),
            "Key" => Some(self.key.clone().into()),
            _ => None,
        }
    }

    fn print(&self) -> String {
        format!("{{{} {}}}", self.certificate.to_str(), self.key.to_str())
    }

    fn plain(&self) -> Option<Value> {
        let entries = [("Cert", &self.certificate), ("Key", &self.key)];
        let entries = entries.into_iter().map(|(name, text)| (name.as_bytes().into(), text.clone().into()));
        Some(Value::map(entries.collect()))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn key(args: &[Value], at: usize) -> Result<Key, Error> {
    Key::read(bytes(args, at)?).map_err(|error| Error(format!("parsing private key: {error}")))
}

fn items(args: &[Value], at: usize) -> &[Value] {
    any(args, at).as_list().map_or(&[], |list| &list.items)
}

/// A template with the names and addresses of the arguments from 1 on.
fn template(args: &[Value]) -> Result<Template<'_>, Error> {
    let mut addresses = Vec::new();
    for value in items(args, 1) {
        let shown = strval(value)?;
        let Some(text) = value.as_text() else {
            return Err(format!("error parsing ip: {} is not a string", shown.to_str()).into());
        };
        let address = text.to_str().parse();
        addresses.push(address.map_err(|_| Error(format!("error parsing ip: {}", shown.to_str())))?);
    }
    let mut names = Vec::new();
    for value in items(args, 2) {
        let Some(text) = value.as_text() else {
            let shown = strval(value)?;
            return Err(
                format!("error processing alternate dns name: {} is not a string", shown.to_str()).into()
            );
        };
        names.push(text.bytes().to_vec());
    }
    Ok(Template { common_name: bytes(args, 0)?, addresses, names, days: int(args, 3)?, authority: false })
}

fn failed(error: &Error) -> Error {
    Error(format!("error creating certificate: {error}"))
}

fn authority(args: &[Value], key: &Key) -> Answer {
    let (common_name, days) = (bytes(args, 0)?, int(args, 1)?);
    let template = Template { common_name, addresses: Vec::new(), names: Vec::new(), days, authority: true };
    let made = create(&template, key, None, key).map_err(|error| failed(&error))?;
    Ok(Certificate::generated(made, key))
}

fn self_signed(args: &[Value], key: &Key) -> Answer {
    let made = create(&template(args)?, key, None, key).map_err(|error| failed(&error))?;
    Ok(Certificate::generated(made, key))
}

fn signed(args: &[Value], key: &Key) -> Answer {
    let authority = match &any(args, 4).data {
        Data::Object(object) => object.as_any().downcast_ref::<Certificate>(),
        _ => None,
    };
    let authority = authority.ok_or("wrong type for value; expected sprig.certificate")?;
    let parent = Parent::read(authority.certificate.bytes(), "decodedSignerCert")?;
    let signer = Key::read(authority.key.bytes())
        .map_err(|error| Error(format!("error parsing private key: {error}")))?;
    let made = create(&template(args)?, key, Some(&parent), &signer).map_err(|error| failed(&error))?;
    Ok(Certificate::generated(made, key))
}

/// `buildCustomCert`: what is given in base64, once it was read.
fn custom(args: &[Value]) -> Answer {
    let decoded = |at: usize, what: &str| {
        let bytes =
            decode64(bytes(args, at)?).map_err(|_| Error(format!("unable to decode base64 {what}")))?;
        Ok::<_, Error>(Text::from_origin(bytes, Origin::default(), text(args, at)?.taint()))
    };
    let certificate = decoded(0, "certificate")?;
    let key = decoded(1, "private key")?;
    Parent::read(certificate.bytes(), "decodedCert")?;
    Key::read(key.bytes()).map_err(|error| Error(format!("error parsing private key: {error}")))?;
    Ok(Data::Object(Rc::new(Certificate { certificate, key })).into())
}
