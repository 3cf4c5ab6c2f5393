//! Values as templates see them.

use super::{Entry, Item, Place, Table};
use gabion_template::{Bytes, IntKind, Map, MapKind, Origin, Taint, Text, Value};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Makes values of templates, one map for each table: what is one table stays one map.
#[derive(Default)]
pub(crate) struct Shared {
    /// The tables are kept, so that no address is used again.
    maps: BTreeMap<usize, (Table, Rc<Map>)>,
}

impl Shared {
    /// A table as the values of a chart, a type of its own, which shares its entries with the map that it is elsewhere.
    pub(crate) fn of_chart(&mut self, table: &Table) -> Rc<Map> {
        Rc::new(self.map(table).as_kind(MapKind::Values))
    }

    fn map(&mut self, table: &Table) -> Rc<Map> {
        if let Some((_, map)) = self.maps.get(&table.identity()) {
            return Rc::clone(map);
        }
        let map = Rc::new(Map::new(MapKind::Any));
        self.maps.insert(table.identity(), (table.clone(), Rc::clone(&map)));
        for (key, entry) in table.entries() {
            map.set(Bytes::from(key.as_bytes()), self.value(&entry));
        }
        map
    }

    fn value(&mut self, entry: &Entry) -> Value {
        match &entry.item {
            Item::Null => Value::NIL,
            Item::Bool(it) => (*it).into(),
            Item::Int(it) => Value::int64(*it),
            Item::Uint(it) => Value::integer((*it).cast_signed(), IntKind::Uint64),
            Item::Float(it) => (*it).into(),
            Item::Text(it) => Text::from_origin(it.as_bytes(), origin(entry.place), Taint::NONE).into(),
            Item::List(items) => Value::list(items.iter().map(|it| self.value(it)).collect()),
            Item::Table(table) => gabion_template::Data::Map(self.map(table)).into(),
        }
    }
}

fn origin(place: Place) -> Origin {
    Origin { file: place.file, file_line: place.line, ..Origin::default() }
}
