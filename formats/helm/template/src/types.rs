//! The names of Go's types, as `%T`, `typeOf` and errors write them.

use crate::function::Param;
use crate::value::{Data, Elem, Int, IntKind, Map, MapKind, Value};

impl IntKind {
    /// The name of the type.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
        }
    }

    /// Is it a signed type?
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::Int | Self::Int32 | Self::Int64)
    }
}

impl Int {
    /// Its value. `i128` holds every value of every type.
    pub const fn value(self) -> i128 {
        if self.kind.is_signed() { self.bits as i128 } else { self.bits.cast_unsigned() as i128 }
    }
}

impl Elem {
    /// The name of the slice's type.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Any | Self::Nil => "[]interface {}",
            Self::String => "[]string",
            Self::Int => "[]int",
            Self::Byte => "[]uint8",
            Self::Versions => "common.VersionSet",
        }
    }
}

impl MapKind {
    /// The name of the type.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Any => "map[string]interface {}",
            Self::String => "map[string]string",
            Self::Values => "common.Values",
        }
    }
}

impl Map {
    /// The name of its type.
    pub const fn type_name(&self) -> &'static str {
        self.kind.type_name()
    }
}

impl Value {
    /// The name of its type; `None` for `nil`, which has none (`%T` writes `<nil>`).
    pub fn type_name(&self) -> Option<&str> {
        Some(match &self.data {
            Data::Nil => return None,
            Data::Bool(_) => "bool",
            Data::Int(int) => int.kind.type_name(),
            Data::Float(_) => "float64",
            Data::Text(_) => "string",
            Data::List(list) => list.elem.type_name(),
            Data::Map(map) => map.type_name(),
            Data::Object(object) => object.type_name(),
        })
    }
}

impl Param {
    /// The name of the type.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::Map => "map[string]interface {}",
            Self::List => "[]interface {}",
            Self::Strings => "[]string",
            Self::Time => "time.Time",
        }
    }
}
