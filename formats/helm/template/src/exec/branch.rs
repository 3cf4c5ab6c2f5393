//! `if`, `with` and `range`.

use super::{Exec, Flow, Step, Val, is_true};
use crate::ast::Branch;
use crate::ast::show::Node;
use crate::fmt;
use crate::text::Text;
use crate::value::{Data, Elem, Int, List, Map, MapKind, Value};

impl<'t> Exec<'_, '_, 't> {
    /// `if`, or `with`, which also moves the dot.
    pub(super) fn choose(&mut self, dot: &Val, branch: &'t Branch, moves: bool) -> Step<Flow> {
        let mark = self.run.variables.len();
        self.check_stack()?;
        self.enter(branch.line);
        let value = self.pipeline(dot, &branch.pipe)?;
        let flow = if is_true(&value) {
            if moves {
                self.list(&Val::concrete(value), &branch.list)?
            } else {
                self.list(dot, &branch.list)?
            }
        } else {
            self.or_else(dot, branch)?
        };
        self.run.variables.truncate(mark);
        Ok(flow)
    }

    fn or_else(&mut self, dot: &Val, branch: &'t Branch) -> Step<Flow> {
        match &branch.or_else {
            Some(list) => self.list(dot, list),
            None => Ok(Flow::Next),
        }
    }

    pub(super) fn range(&mut self, dot: &Val, branch: &'t Branch) -> Step<Flow> {
        let outer = self.run.variables.len();
        self.check_stack()?;
        self.enter(branch.line);
        let value = self.pipeline(dot, &branch.pipe)?;
        let mut turns = Turns { branch, mark: self.run.variables.len(), ran: false };
        match &value.data {
            Data::Nil => {}
            Data::Int(int) => self.range_int(&mut turns, *int, &value)?,
            Data::List(list) => self.range_list(&mut turns, list, &value)?,
            Data::Map(map) => self.range_map(&mut turns, map, &value)?,
            Data::Object(object) => match object.entries() {
                Some(entries) => self.range_entries(&mut turns, entries, &value)?,
                None => self.no_range(&value)?,
            },
            Data::Bool(_) | Data::Float(_) | Data::Text(_) => self.no_range(&value)?,
        }
        let mut flow = Flow::Next;
        if !turns.ran {
            // A `break` in `else` ends this loop, as Go has it, and not the one around it, though only that allows it.
            flow = match self.or_else(dot, branch)? {
                Flow::Continue => Flow::Continue,
                Flow::Next | Flow::Break => Flow::Next,
            };
        }
        self.run.variables.truncate(outer);
        Ok(flow)
    }

    fn no_range(&self, value: &Value) -> Step<()> {
        match fmt::displayed(value) {
            Ok(shown) => self.fail(format!("range can't iterate over {}", String::from_utf8_lossy(&shown))),
            Err(error) => self.fail(error.to_string()),
        }
    }

    fn range_int(&mut self, turns: &mut Turns<'t>, int: Int, value: &Value) -> Step<()> {
        if turns.branch.pipe.decl.len() > 1 {
            return self.fail(format!("can't use {} to iterate over more than one variable", int.value()));
        }
        let mut at = 0;
        while at < int.value() {
            let turn = Value::integer(at as i64, int.kind).tainted(value.taint);
            if self.turn(turns, || Value::NIL, &Val::concrete(turn))? == Flow::Break {
                break;
            }
            at += 1;
        }
        Ok(())
    }

    fn range_list(&mut self, turns: &mut Turns<'t>, list: &List, value: &Value) -> Step<()> {
        let interface = list.elem == Elem::Any;
        for (at, item) in list.items.iter().enumerate() {
            let item = Val { value: item.clone().tainted(value.taint), interface };
            if self.turn(turns, || Value::count(at), &item)? == Flow::Break {
                break;
            }
        }
        Ok(())
    }

    fn range_map(&mut self, turns: &mut Turns<'t>, map: &Map, value: &Value) -> Step<()> {
        let interface = map.kind != MapKind::String;
        for (key, item) in map.snapshot() {
            let item = Val { value: item.tainted(value.taint), interface };
            if self.turn(turns, || Value::text(key).tainted(value.taint), &item)? == Flow::Break {
                break;
            }
        }
        Ok(())
    }

    fn range_entries(
        &mut self,
        turns: &mut Turns<'t>,
        entries: Vec<(Text, Value)>,
        value: &Value,
    ) -> Step<()> {
        for (key, item) in entries {
            let item = Val::concrete(item.tainted(value.taint));
            if self.turn(turns, || Value::from(key).tainted(value.taint), &item)? == Flow::Break {
                break;
            }
        }
        Ok(())
    }

    /// One turn of a loop. Of two variables the first has the key; of one, the element.
    fn turn(&mut self, turns: &mut Turns<'t>, key: impl FnOnce() -> Value, item: &Val) -> Step<Flow> {
        turns.ran = true;
        self.spend()?;
        let pipe = &turns.branch.pipe;
        let last = turns.mark;
        match (pipe.decl.as_slice(), pipe.assign) {
            ([], _) => {}
            ([only], true) => self.assign(*only, item.clone())?,
            ([first, second, ..], true) => {
                self.assign(*first, Val::concrete(key()))?;
                self.assign(*second, item.clone())?;
            }
            ([_], false) => self.run.variables[last - 1].1 = item.clone(),
            ([_, _, ..], false) => {
                self.run.variables[last - 1].1 = item.clone();
                self.run.variables[last - 2].1 = Val::concrete(key());
            }
        }
        let flow = self.list(item, &turns.branch.list)?;
        self.run.variables.truncate(turns.mark);
        self.at = Node::Pipe(pipe);
        Ok(flow)
    }
}

/// A loop.
struct Turns<'t> {
    branch: &'t Branch,
    /// Where the variables of a turn begin.
    mark: usize,
    /// Was there any turn?
    ran: bool,
}
