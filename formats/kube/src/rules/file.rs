//! The text of rules.

use super::{Class, Expect, Matcher, Pod, Rule, RuleError, Rules, Split, Use, Verdict, When};
use crate::glob::Glob;
use crate::pattern::Pattern;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileToml {
    #[serde(default)]
    image: Vec<Spanned<ImageToml>>,
    #[serde(default)]
    pod: Vec<PodToml>,
    #[serde(default)]
    split: Vec<SplitToml>,
    #[serde(default)]
    expect: Vec<ExpectToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ImageToml {
    kinds: Spanned<Vec<String>>,
    name: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    annotations: BTreeMap<String, Vec<String>>,
    paths: Vec<Spanned<String>>,
    text: Option<String>,
    class: Option<Class>,
    include: Option<bool>,
    ignore: Option<String>,
    undecided: Option<bool>,
    when: Option<WhenToml>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WhenToml {
    UsedBy(Vec<UseToml>),
    KeyOf(Vec<UseToml>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UseToml {
    kind: String,
    path: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PodToml {
    kinds: Spanned<Vec<String>>,
    paths: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SplitToml {
    kinds: Spanned<Vec<String>>,
    at: Spanned<String>,
    #[serde(default)]
    registry: Vec<String>,
    #[serde(default)]
    repository: Vec<String>,
    tag: Vec<String>,
    #[serde(default)]
    digest: Vec<String>,
    default: Option<String>,
    unless: Option<String>,
    #[serde(default = "Class::of_splits")]
    class: Class,
}

impl Class {
    fn of_splits() -> Self {
        Self::B
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ExpectToml {
    kinds: Spanned<Vec<String>>,
    #[serde(default)]
    fields: Vec<String>,
    why: String,
}

fn globs(table: BTreeMap<String, Vec<String>>) -> Vec<(String, Vec<Glob>)> {
    table.into_iter().map(|(key, globs)| (key, globs.into_iter().map(Glob::new).collect())).collect()
}

/// Reads a text; the mistakes are all told at once, apart from those of TOML itself.
pub(super) fn read(text: &str, from: &str) -> Result<Rules, Vec<RuleError>> {
    let mut reader = Reader { text, from, errors: Vec::new() };
    let file: FileToml = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            reader.wrong(&error.span().unwrap_or_default(), error.message().to_owned());
            return Err(reader.errors);
        }
    };
    let rules = Rules {
        images: file.image.into_iter().filter_map(|it| reader.image(it)).map(Arc::new).collect(),
        pods: file.pod.into_iter().filter_map(|it| reader.pod(&it)).collect(),
        splits: file.split.into_iter().filter_map(|it| reader.split(it)).collect(),
        expects: file.expect.into_iter().map(|it| reader.expect(it)).collect(),
    };
    if reader.errors.is_empty() { Ok(rules) } else { Err(reader.errors) }
}

struct Reader<'t> {
    text: &'t str,
    from: &'t str,
    errors: Vec<RuleError>,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
        (before.matches('\n').count() + 1, column + 1)
    }

    fn wrong(&mut self, at: &Range<usize>, why: String) {
        let (line, column) = self.line(at.start);
        self.errors.push(RuleError { from: self.from.to_owned(), line, column, why });
    }

    fn pattern(&mut self, text: &Spanned<String>) -> Option<Pattern> {
        text.get_ref().parse().map_err(|error| self.wrong(&text.span(), format!("{error}"))).ok()
    }

    fn patterns(&mut self, texts: &[Spanned<String>]) -> Option<Vec<Pattern>> {
        let read: Vec<Option<Pattern>> = texts.iter().map(|text| self.pattern(text)).collect();
        read.into_iter().collect()
    }

    fn about(&mut self, kinds: &Spanned<Vec<String>>) -> Matcher {
        if kinds.get_ref().is_empty() {
            self.wrong(&kinds.span(), "`kinds` is empty: `[\"*\"]` is every kind".to_owned());
        }
        let kinds = kinds.get_ref().iter().map(Glob::new).collect();
        Matcher { kinds, name: None, labels: Vec::new(), annotations: Vec::new() }
    }

    fn image(&mut self, toml: Spanned<ImageToml>) -> Option<Rule> {
        let span = toml.span();
        let toml = toml.into_inner();
        let mut about = self.about(&toml.kinds);
        about.name = toml.name.map(Glob::new);
        about.labels = globs(toml.labels);
        about.annotations = globs(toml.annotations);
        let paths = self.patterns(&toml.paths);
        let verdict = match (toml.include, toml.ignore, toml.undecided) {
            (Some(true), None, None) => Verdict::Include,
            (None, Some(reason), None) if !reason.trim().is_empty() => Verdict::Ignore(reason),
            (None, None, Some(true)) => Verdict::Undecided,
            _ => {
                let why = "a rule says one of `include = true`, `ignore = \"reason\"`, `undecided = true`";
                self.wrong(&span, why.to_owned());
                return None;
            }
        };
        let when = match toml.when {
            Some(when) => Some(self.when(when)?),
            None => None,
        };
        let (line, _) = self.line(span.start);
        let text = toml.text.map(Glob::new);
        Some(Rule {
            from: self.from.to_owned(),
            line,
            about,
            paths: paths?,
            text,
            class: toml.class,
            verdict,
            when,
        })
    }

    fn when(&mut self, toml: WhenToml) -> Option<When> {
        Some(match toml {
            WhenToml::UsedBy(uses) => When::UsedBy(self.uses(uses)?),
            WhenToml::KeyOf(uses) => When::KeyOf(self.uses(uses)?),
        })
    }

    fn uses(&mut self, uses: Vec<UseToml>) -> Option<Vec<Use>> {
        let mut one = |it: UseToml| {
            let path = match &it.path {
                Some(path) => Some(self.pattern(path)?),
                None => None,
            };
            Some(Use { kind: Glob::new(it.kind), path })
        };
        uses.into_iter().map(&mut one).collect()
    }

    fn pod(&mut self, toml: &PodToml) -> Option<Pod> {
        Some(Pod { about: self.about(&toml.kinds), paths: self.patterns(&toml.paths)? })
    }

    fn split(&mut self, toml: SplitToml) -> Option<Split> {
        let SplitToml { kinds, at, registry, repository, tag, digest, default, unless, class } = toml;
        let about = self.about(&kinds);
        Some(Split {
            about,
            at: self.pattern(&at)?,
            registry,
            repository,
            tag,
            digest,
            default,
            unless,
            class,
        })
    }

    fn expect(&mut self, toml: ExpectToml) -> Expect {
        Expect { about: self.about(&toml.kinds), fields: toml.fields, why: toml.why }
    }
}
