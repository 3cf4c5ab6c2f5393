//! Go's `complex128`, which a template can write (`1i`) and print, and nothing else.

use crate::fmt;
use crate::object::Object;
use crate::value::Kind;

#[derive(Debug)]
pub(crate) struct Complex {
    printed: String,
}

impl Complex {
    pub(crate) fn new(re: f64, im: f64) -> Self {
        let mut printed = vec![b'('];
        fmt::float(&mut printed, re, b'g', None);
        if !(im.is_sign_negative() || im.is_nan()) {
            printed.push(b'+');
        }
        fmt::float(&mut printed, im, b'g', None);
        printed.extend_from_slice(b"i)");
        Self { printed: String::from_utf8_lossy(&printed).into_owned() }
    }
}

impl Object for Complex {
    fn type_name(&self) -> &'static str {
        "complex128"
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn print(&self) -> String {
        self.printed.clone()
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
