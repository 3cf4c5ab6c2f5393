//! What calls cost, in steps of the run.
//!
//! A statement and a command are a step. A call is more where it does more: for the bytes of the texts that it is given and
//! gives, for the items of its list, and what its [`Work`] says. So the budget bounds the time of a run, not only its turns.

use super::{Exec, Step};
use crate::function::{Function, Work};
use crate::value::{Data, Value};

/// So many bytes of a text are a step.
const BYTES: usize = 64;
/// So many items of a list are a step.
const ITEMS: usize = 16;
/// Below this nothing is counted: what goes down so far is an error of the function.
const DEEPEST: usize = 1000;

impl Exec<'_, '_, '_> {
    /// One step of the budget.
    pub(super) fn spend(&mut self) -> Step<()> {
        self.spend_more(1)
    }

    fn spend_more(&mut self, steps: u64) -> Step<()> {
        match self.run.steps.checked_sub(steps) {
            Some(left) => {
                self.run.steps = left;
                Ok(())
            }
            None => {
                self.over_budget(format!("the run takes more than {} steps", self.run.options.limits.steps))
            }
        }
    }

    /// What a call costs before it is made; its arguments are on the stack from `base` on.
    pub(super) fn spend_for(&mut self, function: &Function, base: usize) -> Step<()> {
        let steps = match function.work {
            Work::Small => self.run.stack[base..].iter().map(of_text).sum(),
            Work::Steps(steps) => steps,
            Work::Deep | Work::Pairs => {
                let (args, left) = (&self.run.stack[base..], self.run.steps);
                let pairs = if function.work == Work::Pairs { args.iter().map(pairs).sum() } else { 0 };
                args.iter().try_fold(pairs, |sum, arg| weigh(arg, left, sum)).unwrap_or(u64::MAX)
            }
        };
        if steps == 0 { Ok(()) } else { self.spend_more(steps) }
    }

    /// Functions may give more than a run is allowed to hold; what they give is paid for.
    pub(super) fn check_size(&mut self, value: &Value) -> Step<()> {
        let limits = &self.run.options.limits;
        let steps = match &value.data {
            Data::Text(text) if text.bytes().len() > limits.text => {
                return self.over_budget(format!("a text is longer than {} bytes", limits.text));
            }
            Data::List(list) if list.items.len() > limits.items => {
                return self.over_budget(format!("a list is longer than {} elements", limits.items));
            }
            Data::Text(_) => of_text(value),
            Data::List(list) => (list.items.len() / ITEMS) as u64,
            _ => 0,
        };
        if steps == 0 { Ok(()) } else { self.spend_more(steps) }
    }
}

fn of_text(value: &Value) -> u64 {
    value.as_text().map_or(0, |text| (text.bytes().len() / BYTES) as u64)
}

fn pairs(value: &Value) -> u64 {
    match &value.data {
        Data::List(list) => (list.items.len() as u64).saturating_mul(list.items.len() as u64) / ITEMS as u64,
        _ => 0,
    }
}

/// Adds the values that one holds to a sum, or gives nothing where that is more than `most`.
fn weigh(value: &Value, most: u64, mut sum: u64) -> Option<u64> {
    let mut left = vec![(value.clone(), 0)];
    while let Some((value, depth)) = left.pop() {
        sum += 1 + of_text(&value);
        if sum > most {
            return None;
        }
        let mut push = |item: &Value| match &item.data {
            Data::List(_) | Data::Map(_) if depth < DEEPEST => left.push((item.clone(), depth + 1)),
            _ => sum += 1 + of_text(item),
        };
        match &value.data {
            Data::List(list) => list.items.iter().for_each(&mut push),
            Data::Map(map) => map.entries.borrow().values().for_each(&mut push),
            _ => {}
        }
    }
    Some(sum)
}
