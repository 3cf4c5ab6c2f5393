//! Expressions by the type of what they give.

use super::choices::Choices;

/// Types of Go, as far as functions ask for them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Int,
    Bool,
    List,
    Map,
    Any,
}
use Type::{Any, Bool, Int, List, Map, Text};

/// A rule: what it is made of, `%` standing for an expression of the next type.
type Rule = (&'static str, &'static [Type]);

const TEXTS: &[Rule] = &[
    (".Values.s0", &[]),
    ("$.Values.s1", &[]),
    ("$.Values.s2", &[]),
    ("(% | trim)", &[Text]),
    ("(upper %)", &[Text]),
    ("(% | lower | title)", &[Text]),
    ("(trunc 5 %)", &[Text]),
    ("(trunc -4 %)", &[Text]),
    ("(trimSuffix \"a\" %)", &[Text]),
    ("(trimAll \" -\" %)", &[Text]),
    ("(replace \"a\" \"bb\" %)", &[Text]),
    ("(% | quote)", &[Any]),
    ("(% | squote)", &[Any]),
    ("(quote % %)", &[Any, Any]),
    ("(printf \"%s-%v\" % %)", &[Text, Any]),
    ("(printf \"%q|%5s|%-4d|%03d\" % % % %)", &[Text, Text, Int, Int]),
    ("(printf \"%v %T\" % %)", &[Any, Any]),
    ("(printf \"%d %s\" % %)", &[Any, Any]),
    ("(print % %)", &[Any, Any]),
    ("(toYaml %)", &[Any]),
    ("(toJson %)", &[Any]),
    ("(toPrettyJson %)", &[Any]),
    ("(toYamlPretty %)", &[Any]),
    ("(toString %)", &[Any]),
    ("(include \"h.name\" $)", &[]),
    ("(include \"h.show\" %)", &[Any]),
    ("(include \"h.list\" (dict \"items\" % \"sep\" %))", &[List, Text]),
    ("(tpl \"<{{ .Values.s2 }}>\" $)", &[]),
    ("(join \",\" %)", &[List]),
    ("(% | b64enc)", &[Text]),
    ("(% | b64enc | b64dec)", &[Text]),
    ("(sha256sum %)", &[Text]),
    ("(indent 2 %)", &[Text]),
    ("(% | nindent 4)", &[Text]),
    ("(regexReplaceAll \"[^a-z0-9]+\" % \"-\")", &[Text]),
    ("(regexFind \"[a-z]+\" %)", &[Text]),
    ("(default \"dflt\" %)", &[Text]),
    ("(ternary % % %)", &[Text, Text, Bool]),
    ("(cat % %)", &[Text, Any]),
    ("(repeat 2 %)", &[Text]),
    ("(kindOf %)", &[Any]),
    ("(typeOf %)", &[Any]),
    ("(kebabcase %)", &[Text]),
    ("(snakecase %)", &[Text]),
    ("(camelcase %)", &[Text]),
    ("(abbrev 6 %)", &[Text]),
    ("(substr 1 4 %)", &[Text]),
    ("(html %)", &[Text]),
    ("(urlquery %)", &[Text]),
    ("(nospace %)", &[Text]),
    ("(wrap 8 %)", &[Text]),
];

const INTS: &[Rule] = &[
    ("3", &[]),
    ("(int .Values.i0)", &[]),
    ("(len %)", &[List]),
    ("(len %)", &[Text]),
    ("(len %)", &[Map]),
    ("(int %)", &[Any]),
    ("(add % % | int)", &[Any, Any]),
    ("(sub % 2 | int)", &[Int]),
    ("(mul % 3 | int)", &[Int]),
    ("(max % 4 | int)", &[Any]),
    ("(min % 9 | int)", &[Any]),
    ("(floor % | int)", &[Any]),
    ("(mod % 7 | int)", &[Int]),
    ("(ternary 1 0 %)", &[Bool]),
];

const BOOLS: &[Rule] = &[
    (".Values.flag", &[]),
    ("true", &[]),
    ("(eq % %)", &[Text, Text]),
    ("(ne % \"a\")", &[Text]),
    ("(lt % %)", &[Int, Int]),
    ("(ge % 2)", &[Int]),
    ("(gt % %)", &[Text, Text]),
    ("(not %)", &[Any]),
    ("(and % % | empty)", &[Any, Any]),
    ("(or % % | empty | not)", &[Any, Any]),
    ("(empty %)", &[Any]),
    ("(hasKey % \"a\")", &[Map]),
    ("(contains \"a\" %)", &[Text]),
    ("(hasPrefix \"a\" %)", &[Text]),
    ("(has % %)", &[Any, List]),
    ("(kindIs \"string\" %)", &[Any]),
    ("(regexMatch \"^[a-z]*$\" %)", &[Text]),
    ("(semverCompare \">=1.25-0\" .Capabilities.KubeVersion.Version)", &[]),
    ("(deepEqual % %)", &[Any, Any]),
    ("(eq % nil)", &[Any]),
];

const LISTS: &[Rule] = &[
    (".Values.list", &[]),
    (".Values.words", &[]),
    ("(list % % %)", &[Any, Any, Any]),
    ("(splitList \"-\" %)", &[Text]),
    ("(until (mod % 5 | int))", &[Int]),
    ("(sortAlpha %)", &[List]),
    ("(uniq %)", &[List]),
    ("(without % %)", &[List, Any]),
    ("(append % %)", &[List, Any]),
    ("(prepend % %)", &[List, Any]),
    ("(concat % %)", &[List, List]),
    ("(keys % | sortAlpha)", &[Map]),
    ("(compact %)", &[List]),
    ("(reverse %)", &[List]),
    ("(rest %)", &[List]),
    ("(initial %)", &[List]),
    ("(regexSplit \"[ -]\" % -1)", &[Text]),
    ("(toStrings %)", &[List]),
];

const MAPS: &[Rule] = &[
    (".Values.map", &[]),
    ("(dict \"a\" % \"b-c\" %)", &[Any, Any]),
    ("(pick % \"a\" \"k1\")", &[Map]),
    ("(omit % \"b\")", &[Map]),
    ("(merge (deepCopy %) %)", &[Map, Map]),
    ("(mergeOverwrite (deepCopy %) %)", &[Map, Map]),
    ("(set (deepCopy %) \"new\" %)", &[Map, Any]),
    ("(set % \"k2\" %)", &[Map, Text]),
    ("(unset (deepCopy %) \"a\")", &[Map]),
    ("(% | toYaml | fromYaml)", &[Map]),
    ("(% | toJson | fromJson)", &[Map]),
    ("(default (dict \"d\" 1) %)", &[Map]),
];

const ANYS: &[Rule] = &[
    (".Values.tree", &[]),
    (".Values.nul", &[]),
    (".Values.missing", &[]),
    (".Values.i1", &[]),
    ("1.5", &[]),
    ("(dig \"a\" \"b\" % .Values.map)", &[Any]),
    ("(get % \"a\")", &[Map]),
    ("(index % \"k1\")", &[Map]),
    ("(coalesce % % \"c\")", &[Any, Any]),
    ("(first %)", &[List]),
    ("(last %)", &[List]),
    ("(default % %)", &[Any, Any]),
    ("(ternary % % %)", &[Any, Any, Bool]),
    ("(float64 %)", &[Any]),
    ("(mulf % 1.5)", &[Int]),
    ("(round % 2)", &[Any]),
    ("(divf % 4)", &[Int]),
    ("(% | fromYaml)", &[Text]),
    ("(% | toYaml | fromYamlArray)", &[List]),
    ("(deepCopy .Values.tree)", &[]),
];

/// An expression that gives a value of this type, if it can be executed at all.
pub(crate) fn expression(choices: &mut Choices, wanted: Type, depth: usize) -> String {
    let rules = match wanted {
        Text => TEXTS,
        Int => INTS,
        Bool => BOOLS,
        List => LISTS,
        Map => MAPS,
        Any => match choices.below(8) {
            0 => TEXTS,
            1 => INTS,
            2 => BOOLS,
            3 => LISTS,
            4 => MAPS,
            _ => ANYS,
        },
    };
    // The first of each are leaves.
    let leaves = rules.iter().take_while(|(_, parts)| parts.is_empty()).count();
    let (text, types) = rules[choices.below(if depth == 0 { leaves } else { rules.len() })];
    let mut types = types.iter();
    let mut out = String::new();
    let mut inside = false;
    for character in text.chars() {
        inside ^= character == '"';
        match character {
            '%' if !inside => {
                let next = types.next().expect("a rule says the type of each of its parts");
                out.push_str(&expression(choices, *next, depth - 1));
            }
            other => out.push(other),
        }
    }
    out
}
