//! `.Files`: what lies in a chart and is nothing else (`pkg/engine/files.go`).

use super::{glob::Glob, write};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gabion_template::{Data, Elem, Error, Kind, List, Object, Origin, Taint, Text, Value};
use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Files by their path in the chart.
#[derive(Debug, Clone)]
pub(super) struct Files(BTreeMap<String, File>);

#[derive(Debug, Clone)]
struct File {
    content: Rc<[u8]>,
    /// Its number among the sources.
    number: u32,
}

impl Files {
    /// The files of a chart. `number` gives each its number among the sources.
    pub(super) fn new(files: &BTreeMap<String, Vec<u8>>, mut number: impl FnMut(&str) -> u32) -> Self {
        let file = |(path, content): (&String, &Vec<u8>)| {
            (path.clone(), File { content: content.as_slice().into(), number: number(path) })
        };
        Self(files.iter().map(file).collect())
    }

    fn get(&self, name: &str) -> Value {
        self.0.get(name).map_or_else(|| Text::default().into(), |it| it.text().into())
    }

    fn bytes(&self, name: &str) -> Value {
        self.0.get(name).map_or_else(|| bytes(&[]), |it| bytes(&it.content))
    }

    fn glob(&self, pattern: &str) -> Value {
        let glob = Glob::parse(pattern).unwrap_or_else(Glob::everything);
        let found = self.0.iter().filter(|(path, _)| glob.fits(path));
        let found = found.map(|(path, file)| (path.clone(), file.clone())).collect();
        Data::Object(Rc::new(Self(found))).into()
    }

    /// A mapping from the last parts of the paths, of what `of` makes of each content.
    fn mapping(&self, of: impl Fn(&File) -> Text) -> Value {
        let entry = |(path, file): (&String, &File)| {
            let name = path.rsplit('/').next().unwrap_or(path);
            (name.as_bytes().into(), of(file).into())
        };
        write::to_yaml(&Value::map(self.0.iter().map(entry).collect()))
    }

    fn lines(&self, name: &str) -> Value {
        let Some(text) = self.0.get(name).map(File::text).filter(|it| !it.bytes().is_empty()) else {
            return Value::strings([]);
        };
        let content = text.bytes();
        let end = content.len() - usize::from(content.ends_with(b"\n"));
        let (mut out, mut start) = (Vec::new(), 0);
        for line in content[..end].split(|it| *it == b'\n') {
            out.push(text.slice(start, start + line.len()));
            start += line.len() + 1;
        }
        Value::strings(out)
    }
}

impl File {
    fn text(&self) -> Text {
        let origin = Origin { file: self.number, file_line: 1, ..Origin::default() };
        Text::from_origin(Rc::clone(&self.content), origin, Taint::NONE)
    }
}

fn bytes(content: &[u8]) -> Value {
    let byte = |it: &u8| Value::integer(i64::from(*it), gabion_template::IntKind::Uint8);
    Data::List(Rc::new(List { elem: Elem::Byte, items: content.iter().map(byte).collect() })).into()
}

impl Object for Files {
    fn type_name(&self) -> &'static str {
        "engine.files"
    }

    fn kind(&self) -> Kind {
        Kind::Map
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.0.get(name).map(|it| bytes(&it.content))
    }

    fn call(&self, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
        let run: fn(&Self, &str) -> Result<Value, Error> = match method {
            "Get" => |files, name| Ok(files.get(name)),
            "GetBytes" => |files, name| Ok(files.bytes(name)),
            "Glob" => |files, name| Ok(files.glob(name)),
            "Lines" => |files, name| Ok(files.lines(name)),
            "AsConfig" | "AsSecrets" if !args.is_empty() => {
                return Some(Err(super::arguments(method, 0, args.len())));
            }
            "AsConfig" => return Some(Ok(self.mapping(File::text))),
            "AsSecrets" => return Some(Ok(self.mapping(|it| STANDARD.encode(&it.content).into()))),
            _ => return None,
        };
        Some(super::one_text(method, args).and_then(|name| run(self, &name)))
    }

    fn entries(&self) -> Option<Vec<(Text, Value)>> {
        let entry = |(path, file): (&String, &File)| (path.as_str().into(), bytes(&file.content));
        Some(self.0.iter().map(entry).collect())
    }

    fn print(&self) -> String {
        let byte = |it: &u8| it.to_string();
        let entry = |(path, file): (&String, &File)| {
            format!("{path}:[{}]", file.content.iter().map(byte).collect::<Vec<_>>().join(" "))
        };
        format!("map[{}]", self.0.iter().map(entry).collect::<Vec<_>>().join(" "))
    }

    fn plain(&self) -> Option<Value> {
        let entry =
            |(path, file): (&String, &File)| (path.as_bytes().into(), STANDARD.encode(&file.content).into());
        Some(Value::map(self.0.iter().map(entry).collect()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
