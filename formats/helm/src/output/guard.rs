//! Which values an action of a template asks for: those that it reads itself, and those that the conditions around it read.
//!
//! This looks at the text alone. What reaches an action through variables or arguments is not found.

/// The keys below `.Values` that are read where something stands in a template: first those of the actions on that line,
/// then those of the conditions around them, from within.
pub(super) fn keys(template: &str, line: u32) -> Vec<String> {
    let mut around: Vec<Vec<&str>> = Vec::new();
    let (mut own, mut conditions) = (Vec::new(), Vec::new());
    for action in actions(template) {
        let word = action.text.split_whitespace().next().unwrap_or_default();
        match word {
            "end" => {
                around.pop();
            }
            "else" => {
                if let Some(block) = around.last_mut() {
                    block.push(action.text);
                }
            }
            _ => {}
        }
        if (action.first..=action.last).contains(&line) {
            own.extend(read(action.text));
            conditions.extend(around.iter().rev().flatten().flat_map(|it| read(it)));
        }
        match word {
            "if" | "with" => around.push(vec![action.text]),
            "range" | "define" | "block" => around.push(Vec::new()),
            _ => {}
        }
    }
    let mut out: Vec<String> = Vec::new();
    for key in own.into_iter().chain(conditions) {
        if !out.contains(&key) {
            out.push(key);
        }
    }
    out
}

/// What stands between `{{` and `}}`.
struct Action<'t> {
    text: &'t str,
    first: u32,
    last: u32,
}

fn actions(template: &str) -> Vec<Action<'_>> {
    let (mut out, mut at, mut line) = (Vec::new(), 0, 1);
    let lines = |text: &str| text.matches('\n').count() as u32;
    while let Some(start) = template[at..].find("{{") {
        let start = at + start;
        line += lines(&template[at..start]);
        let inner = start + 2;
        let Some(length) = end(&template[inner..]) else { break };
        let text = &template[inner..inner + length];
        let last = line + lines(text);
        let trimmed = text.strip_prefix('-').unwrap_or(text);
        let trimmed = trimmed.strip_suffix('-').unwrap_or(trimmed).trim();
        out.push(Action { text: trimmed, first: line, last });
        line = last;
        at = inner + length + 2;
    }
    out
}

/// The length of an action: `}}` in a string or a comment does not end it.
fn end(text: &str) -> Option<usize> {
    let start = text.strip_prefix('-').unwrap_or(text).trim_start();
    if start.starts_with("/*") {
        let comment = text.find("*/")?;
        return Some(comment + text[comment..].find("}}")?);
    }
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, it)) = chars.next() {
        match (quote, it) {
            (Some('"' | '\''), '\\') => {
                chars.next();
            }
            (Some(open), _) if open == it => quote = None,
            (None, '"' | '\'' | '`') => quote = Some(it),
            (None, '}') if text[at..].starts_with("}}") => return Some(at),
            _ => {}
        }
    }
    None
}

const VALUES: &str = ".Values.";

/// Chains of fields behind `.Values`, outside of strings.
fn read(action: &str) -> Vec<String> {
    let plain = outside_of_strings(action);
    let mut out = Vec::new();
    for (at, _) in plain.match_indices(VALUES) {
        let chain = &plain[at + VALUES.len()..];
        let inside = |it: char| it.is_alphanumeric() || matches!(it, '_' | '.');
        let chain = chain[..chain.find(|it| !inside(it)).unwrap_or(chain.len())].trim_end_matches('.');
        if !chain.is_empty() {
            out.push(chain.to_owned());
        }
    }
    out
}

fn outside_of_strings(text: &str) -> String {
    let (mut out, mut quote) = (String::new(), None);
    let mut chars = text.chars();
    while let Some(it) = chars.next() {
        match (quote, it) {
            (Some('"' | '\''), '\\') => {
                chars.next();
            }
            (Some(open), _) if open == it => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(it),
            (None, _) => out.push(it),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_action_itself_comes_first_and_then_what_stands_around_it() {
        let text = "{{- if .Values.a }}\n{{- /* }} .Values.no */}}\n{{ if not $.Values.b.c }}\n\
            x: {{ .Values.d | default (randAlphaNum 5) }} {{ \".Values.e }}\" }}\n\
            {{ else if .Values.f }}\ny\n{{ end }}\n{{ end }}\n{{ .Values.g }}\n";
        assert_eq!(keys(text, 4), ["d", "b.c", "a"]);
        assert_eq!(keys(text, 9), ["g"]);
        assert_eq!(keys(text, 6), Vec::<String>::new());
        assert_eq!(keys("{{ if .Values.a }}\n{{ else }}\n{{ x }}{{ end }}", 3), ["a"]);
        assert_eq!(keys("{{ .Values.a", 1), Vec::<String>::new());
    }
}
