//! Methods of `.Values` (`pkg/chart/common/values.go`). Charts do not call them, but a key of such a name cannot be reached.

use super::functions::pure;
use super::write;
use gabion_template::{Data, Error, Function, Map, MapKind, Param, Value};
use gabion_yaml::Style;
use std::rc::Rc;

use Param::{Any, String as Str};

pub(super) const VALUES: &[Function] = &[
    pure("AsMap", &[Any], |args| {
        let (map, _) = given(args)?;
        Ok(Data::Map(Rc::new(map.as_kind(MapKind::Any))).into())
    }),
    pure("YAML", &[Any], |args| {
        let text = write::yaml(&args[0], Style::Helm)?;
        let text = text.as_text().map(|it| it.to_str().into_owned()).unwrap_or_default();
        Ok(write::whole(&format!("{text}\n"), &args[0]))
    }),
    pure("Table", &[Any, Str], |args| {
        let (map, path) = given(args)?;
        table(map, &path).map(|it| Data::Map(Rc::new(it.as_kind(MapKind::Values))).into())
    }),
    pure("PathValue", &[Any, Str], |args| {
        let (map, path) = given(args)?;
        let (above, name) = path
            .rsplit_once('.')
            .map_or((Ok(Rc::clone(map)), &*path), |(above, name)| (table(map, above), name));
        let found = above.ok().and_then(|it| it.get(name.as_bytes())).filter(|it| it.as_map().is_none());
        found.ok_or_else(|| Error(format!("{name:?} is not a value")))
    }),
];

fn given(args: &[Value]) -> Result<(&Rc<Map>, String), Error> {
    let path = args.get(1).and_then(Value::as_text).map(|it| it.to_str().into_owned()).unwrap_or_default();
    args[0].as_map().map(|it| (it, path)).ok_or_else(|| "these are no values".into())
}

fn table(map: &Rc<Map>, path: &str) -> Result<Rc<Map>, Error> {
    let mut at = Rc::clone(map);
    for name in path.split('.') {
        let found = at.get(name.as_bytes());
        let found = found.as_ref().and_then(Value::as_map).map(Rc::clone);
        at = found.ok_or_else(|| Error(format!("{name:?} is not a table")))?;
    }
    Ok(at)
}
