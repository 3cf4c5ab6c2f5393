//! Text to nodes.

use gabion_yaml::{Data, Node};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;

struct Read(Node);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Data;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value")
            }
            fn visit_bool<E>(self, v: bool) -> Result<Data, E> {
                Ok(Data::Bool(v))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Data, E> {
                Ok(Data::Int(v))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Data, E> {
                Ok(i64::try_from(v).map_or(Data::Uint(v), Data::Int))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Data, E> {
                Ok(Data::Float(v))
            }
            fn visit_str<E>(self, v: &str) -> Result<Data, E> {
                Ok(Data::String(v.to_owned()))
            }
            fn visit_unit<E>(self) -> Result<Data, E> {
                Ok(Data::Null)
            }
            fn visit_none<E>(self) -> Result<Data, E> {
                Ok(Data::Null)
            }
            fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Data, D::Error> {
                Read::deserialize(d).map(|it| it.0.data)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut a: A) -> Result<Data, A::Error> {
                let mut list = Vec::new();
                while let Some(Read(item)) = a.next_element()? {
                    list.push(item);
                }
                Ok(Data::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut a: A) -> Result<Data, A::Error> {
                let mut map = BTreeMap::new();
                while let Some((key, Read(value))) = a.next_entry::<String, Read>()? {
                    map.insert(key, value);
                }
                Ok(Data::Map(map))
            }
        }
        d.deserialize_any(V).map(|data| Self(data.into()))
    }
}

/// The documents of a text.
pub(crate) fn nodes(text: &str) -> Result<Vec<Node>, String> {
    let read: Result<Vec<Read>, _> = serde_saphyr::from_multiple(text);
    read.map(|it| it.into_iter().map(|it| it.0).collect()).map_err(|it| it.to_string())
}
