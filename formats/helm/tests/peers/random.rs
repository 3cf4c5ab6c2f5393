//! Templates and values at random: what every engine has to agree about with the real Helm.
//!
//! A template is made of a sequence of small numbers, so that proptest makes a failing one smaller by making the sequence
//! shorter. The grammar knows types: most of what it makes can be executed, and what cannot is an error in every engine.

mod choices;
mod expression;
mod statement;
mod values;

use gabion_testkit::Helm;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

/// A chart of one template, and the values it is given.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    /// What only defines: `templates/_helpers.tpl`.
    pub(crate) helpers: String,
    /// `templates/it.yaml`.
    pub(crate) template: String,
    /// JSON, which is YAML too.
    pub(crate) values: Value,
}

/// Any of them.
pub(crate) fn any_chart() -> impl Strategy<Value = Random> {
    (vec(any::<u8>(), 0..300), values::any_values()).prop_map(|(numbers, values)| {
        let template = statement::template(&mut choices::Choices::new(&numbers));
        Random { helpers: statement::HELPERS.to_owned(), template, values }
    })
}

impl Random {
    /// The question to the real Helm.
    pub(crate) fn question(&self) -> Value {
        json!({
            "op": "eval", "templates": [self.template], "values": [self.values.to_string()],
            "chart": {"files": {"templates/_helpers.tpl": self.helpers}},
        })
    }
}

#[test]
fn most_random_templates_can_be_executed() {
    let Some(mut helm) = Helm::start() else { return };
    let mut runner = TestRunner::deterministic();
    let (mut good, mut bytes) = (0, 0);
    for _ in 0..400 {
        let chart = any_chart().new_tree(&mut runner).unwrap().current();
        let answer = helm.ask(&chart.question()).unwrap()[0].take();
        assert_ne!(answer["error"]["class"], "parse", "{answer}\n{}", chart.template);
        assert_ne!(answer["error"]["class"], "values", "{answer}\n{}", chart.values);
        good += usize::from(answer["out"] != Value::Null);
        bytes += answer["out"].as_str().map_or(0, str::len);
    }
    assert!(good > 240 && bytes > 20_000, "{good} of 400 give {bytes} bytes");
}

#[test]
fn what_helm_says_of_one_template_is_the_same_each_time() {
    let Some(mut helm) = Helm::start() else { return };
    let mut runner = TestRunner::deterministic();
    for _ in 0..200 {
        let chart = any_chart().new_tree(&mut runner).unwrap().current();
        let (once, again) = (helm.ask(&chart.question()).unwrap(), helm.ask(&chart.question()).unwrap());
        assert_eq!(once, again, "{}\n{}", chart.template, chart.values);
    }
}
