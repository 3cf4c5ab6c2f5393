//! A difference as lines of text.

use super::{Diff, Fate, FieldChange, ImageChange, ObjectChange, Section};

/// How long a value may be before it is cut, in characters.
const WIDTH: usize = 100;
/// How many lines are shown of a text that differs.
const LINES: usize = 12;

impl Diff {
    /// The difference as lines: dangers first, then images, then objects by section. Changes that say nothing of
    /// their own are only counted, unless `all` is asked for.
    pub fn lines(&self, all: bool) -> Vec<String> {
        let mut out = Vec::new();
        for danger in &self.dangers {
            let path =
                if danger.path.steps().is_empty() { String::new() } else { format!(" `{}`", danger.path) };
            out.push(format!("! {}{path}: {}", danger.object, danger.why));
        }
        if !self.images.is_empty() {
            out.push("Images".to_owned());
            out.extend(self.images.iter().map(image));
        }
        let mut last = None;
        for object in &self.objects {
            if last.replace(object.section) != Some(object.section) {
                out.push(title(object.section).to_owned());
            }
            lines_of(object, all, &mut out);
        }
        out
    }
}

fn title(section: Section) -> &'static str {
    match section {
        Section::Workloads => "Workloads",
        Section::Rbac => "RBAC",
        Section::Definitions => "CRDs",
        Section::Hooks => "Hooks",
        Section::Other => "Other",
    }
}

fn image(change: &ImageChange) -> String {
    let (old, new) = (change.old.join(", "), change.new.join(", "));
    match (old.is_empty(), new.is_empty()) {
        (true, _) => format!("  + {} {new}", change.name),
        (_, true) => format!("  - {} {old}", change.name),
        _ => format!("  ~ {} {old} → {new}", change.name),
    }
}

fn lines_of(object: &ObjectChange, all: bool, out: &mut Vec<String>) {
    let sign = match object.fate {
        Fate::Added => '+',
        Fate::Removed => '-',
        Fate::Changed => '~',
    };
    out.push(format!("  {sign} {}", object.object));
    out.extend(object.notes.iter().map(|note| format!("      {note}")));
    let (quiet, loud): (Vec<_>, Vec<_>) = object.fields.iter().partition(|it| it.quiet && !all);
    for field in loud {
        field_lines(field, out);
    }
    if !quiet.is_empty() {
        out.push(format!("      {} of checksums and versions of charts", quiet.len()));
    }
}

fn field_lines(field: &FieldChange, out: &mut Vec<String>) {
    let path = &field.path;
    match (&field.old, &field.new) {
        _ if field.secret => {
            let what = match (field.old.is_some(), field.new.is_some()) {
                (false, _) => "added",
                (_, false) => "removed",
                _ => "changed",
            };
            out.push(format!("      {path}: {what}"));
        }
        (Some(old), Some(new)) if old.contains('\n') || new.contains('\n') => {
            out.push(format!("      {path}:"));
            out.extend(text_lines(old, new));
        }
        (Some(old), Some(new)) => out.push(format!("      {path}: {} → {}", cut(old), cut(new))),
        (Some(old), None) => out.push(format!("      {path}: - {}", cut(old))),
        (None, Some(new)) => out.push(format!("      {path}: + {}", cut(new))),
        (None, None) => {}
    }
}

/// The lines between those that two texts begin and end with alike.
fn text_lines(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[head..], &new[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    let line = |sign: char, text: &str| format!("        {sign} {}", cut(text));
    let gone = old.iter().take(LINES / 2).map(|it| line('-', it));
    let come = new.iter().take(LINES / 2).map(|it| line('+', it));
    let mut out: Vec<String> = gone.chain(come).collect();
    let more = old.len().saturating_sub(LINES / 2) + new.len().saturating_sub(LINES / 2);
    if more > 0 {
        out.push(format!("        … {more} lines more"));
    }
    out
}

/// A value in one line of bounded length, without what would steer a terminal.
fn cut(text: &str) -> String {
    let plain = |it: char| match it {
        '\n' => '⏎',
        it if it.is_control() => '\u{fffd}',
        it => it,
    };
    let text: String = text.chars().map(plain).collect();
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
