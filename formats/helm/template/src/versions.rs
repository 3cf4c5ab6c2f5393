//! The named slice of strings that has a method (`VersionSet` of Helm's `pkg/chart/common`).

use std::any::Any;
use std::rc::Rc;

use crate::function::Error;
use crate::object::Object;
use crate::value::{Elem, Kind, List, Value};

/// Versions of interfaces, while their method is called.
#[derive(Debug)]
pub(crate) struct Versions(pub(crate) Rc<List>);

impl Object for Versions {
    fn type_name(&self) -> &str {
        Elem::Versions.type_name()
    }

    fn kind(&self) -> Kind {
        Kind::Slice
    }

    fn call(&self, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
        if method != "Has" {
            return None;
        }
        let [wanted] = args else {
            return Some(Err(format!("wrong number of args for Has: want 1 got {}", args.len()).into()));
        };
        let Some(wanted) = wanted.as_text() else {
            let got = wanted.type_name().unwrap_or("nil");
            return Some(Err(format!("wrong type for value; expected string; got {got}").into()));
        };
        Some(Ok(self.0.items.iter().any(|it| it.as_text() == Some(wanted)).into()))
    }

    fn print(&self) -> String {
        String::new()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
