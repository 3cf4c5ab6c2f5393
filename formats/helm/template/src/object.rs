//! Values with fields and methods of their own: a chart's files, the capabilities of a cluster, a moment, a version.

use std::fmt::Debug;

use crate::function::Error;
use crate::text::Text;
use crate::value::{Kind, Value};

/// A value with fields or methods: Go's structs, pointers, and named maps that have methods.
pub trait Object: Debug {
    /// Its Go type, as `%T` and `typeOf` print it.
    fn type_name(&self) -> &str;

    /// Its kind. A map that has methods says [`Kind::Map`] and gives its [`entries`](Self::entries).
    fn kind(&self) -> Kind {
        Kind::Struct
    }

    /// The value of an exported field, or of the key of a map. `None`: there is no such field.
    fn field(&self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }

    /// The answer of a method. `None`: there is no such method.
    fn call(&self, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
        let _ = (method, args);
        None
    }

    /// Its entries, if it is a map, in the order of `range`.
    fn entries(&self) -> Option<Vec<(Text, Value)>> {
        None
    }

    /// What `print` writes.
    fn print(&self) -> String;

    /// What `print` writes of it inside of a list or map. `None`: an address, which is another one at each run.
    fn inside(&self) -> Option<String> {
        Some(self.print())
    }

    /// What an action writes. It can reach a value where it lies, and so methods that `print` does not find: Go's `String` of
    /// a pointer.
    fn shown(&self) -> String {
        self.print()
    }

    /// The plain value that its JSON would be read as; `None` if it has none.
    fn plain(&self) -> Option<Value> {
        None
    }

    /// Its fields in the order in which its JSON has them, where that is not the order of their names.
    fn fields(&self) -> Option<Vec<(&'static str, Value)>> {
        None
    }

    /// Itself, so that functions can know their own objects again (`date` a moment).
    fn as_any(&self) -> &dyn std::any::Any;
}
