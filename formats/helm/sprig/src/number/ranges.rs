//! Rows of numbers: `until`, `untilStep`, `seq`.

use std::rc::Rc;

use gabion_template::{Data, Elem, Error, Function, List, Param, Value};

use crate::call::{Answer, MOST_ITEMS, derive, derive_all, int, string};

use Param::Int;

pub(crate) const FUNCTIONS: &[Function] = &[
    derive_all("seq", &[], Int, seq),
    derive("until", &[Int], |args| {
        let end = int(args, 0)?;
        list(&until(0, end, if end < 0 { -1 } else { 1 })?)
    }),
    derive("untilStep", &[Int, Int, Int], |args| list(&until(int(args, 0)?, int(args, 1)?, int(args, 2)?)?)),
];

/// A `[]int`.
fn list(numbers: &[i64]) -> Answer {
    let items = numbers.iter().copied().map(Value::int).collect();
    Ok(Data::List(Rc::new(List { elem: Elem::Int, items })).into())
}

/// The numbers from `start` to before `end`; none if the step leads away.
fn until(start: i64, end: i64, step: i64) -> Result<Vec<i64>, Error> {
    let mut out = Vec::new();
    let mut now = i128::from(start);
    let (end, step, falls) = (i128::from(end), i128::from(step), end < start);
    if falls && step >= 0 || !falls && step <= 0 {
        return Ok(out);
    }
    while falls && now > end || !falls && now < end {
        if out.len() == MOST_ITEMS {
            return Err(format!("a list of more than {MOST_ITEMS} numbers").into());
        }
        out.push(now as i64);
        now += step;
    }
    Ok(out)
}

/// Numbers as a text, as the program of this name writes them.
fn seq(args: &[Value]) -> Answer {
    let given: Vec<i64> = (0..args.len()).map(|at| int(args, at)).collect::<Result<_, _>>()?;
    let (start, step, end) = match given.as_slice() {
        [end] => (1, if *end < 1 { -1 } else { 1 }, *end),
        [start, end] => (*start, if end < start { -1 } else { 1 }, *end),
        [start, step, end] if end < start && *step > 0 => return string(""),
        [start, step, end] => (*start, *step, *end),
        _ => return string(""),
    };
    let past = if end < start { end.wrapping_sub(1) } else { end.wrapping_add(1) };
    let texts: Vec<String> = until(start, past, step)?.iter().map(ToString::to_string).collect();
    string(texts.join(" "))
}
