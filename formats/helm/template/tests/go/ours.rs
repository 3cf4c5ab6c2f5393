//! This crate's answer to a question.

use gabion_template::{Class, Limits, Missing, Options, Run, Set};

use crate::functions::Table;
use crate::peer::{Answer, Question};
use crate::values::{bytes, characters, value};

pub(crate) fn answer(question: &Question<'_>) -> Answer {
    let mut set = Set::new(&Table);
    for (name, text) in question.files {
        if let Err(error) = set.parse(name, 1, &bytes(text)) {
            return failure("parse", &error.to_string());
        }
    }
    let missing = match question.missing {
        "zero" => Missing::Zero,
        "error" => Missing::Error,
        _ => Missing::Invalid,
    };
    let limits = Limits { steps: 20_000, text: 1 << 20, ..Limits::default() };
    let mut run = Run::new(&set, Options { missing, limits, ..Options::default() });
    match run.render(&question.files[0].0, &value(question.data)) {
        Ok(text) => Answer { out: characters(text.bytes()), err: String::new(), class: String::new() },
        Err(error) => {
            failure(if error.class == Class::Budget { "budget" } else { "exec" }, &error.to_string())
        }
    }
}

fn failure(class: &str, message: &str) -> Answer {
    Answer { out: String::new(), err: characters(message.as_bytes()), class: class.to_owned() }
}
