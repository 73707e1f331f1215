// SPDX-License-Identifier: GPL-2.0-only
//! Inline assembly without instructions: barriers, and values that the optimizer must take for others.
//!
//! Text for the stand-in's assembler means nothing to the subject's. Without text, operands are all that is left, and those C
//! can say for any machine.

use super::function::Lower;
use crate::error::{Error, Result};
use crate::ir::*;
use crate::lexer::unescape;

/// Where an operand may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Register,
    FloatRegister,
    Memory,
    /// Only a number, so that nothing of it reaches a machine.
    Immediate,
    /// Wherever that output is.
    Tied(usize),
}

/// What a constraint allows that every machine has.
fn place(constraint: &str) -> Option<Place> {
    if let Ok(output) = constraint.parse() {
        return Some(Place::Tied(output));
    }
    let known = |c: char| matches!(c, 'r' | 'f' | 'm' | 'o' | 'g' | 'i' | 'n' | 'X');
    if constraint.is_empty() || !constraint.chars().all(known) {
        return None;
    }
    Some(if constraint.contains(['r', 'g', 'X']) {
        Place::Register
    } else if constraint.contains(['m', 'o']) {
        Place::Memory
    } else if constraint.contains('f') {
        Place::FloatRegister
    } else {
        Place::Immediate
    })
}

/// Whether a text has no instruction in it: white space and comments.
fn is_empty(template: &str) -> bool {
    let text = unescape(template);
    let text = String::from_utf8_lossy(&text);
    text.lines().map(str::trim).all(|line| {
        line.is_empty()
            || line.starts_with('#')
            || (line.starts_with("/*") && line.find("*/") == Some(line.len() - 2))
    })
}

impl<'a> Lower<'_, '_, 'a> {
    pub(super) fn asm(
        &mut self,
        result: Option<LocalId>,
        call: &Call<'a>,
        template: &str,
        constraints: &str,
    ) -> Result<()> {
        let bad = |what: &str| {
            Error::new(format!(
                "unsupported inline assembly \"{template}\", \"{constraints}\": {what}"
            ))
        };
        if !is_empty(template) {
            return Err(bad("instructions of the stand-in"));
        }
        let mut args = call.args.iter();
        let (mut outputs, mut inputs, mut clobbers) = (Vec::new(), Vec::new(), Vec::new());
        // The type of each output that is a value, the address of each that is in memory.
        let mut kinds: Vec<std::result::Result<TypeId, String>> = Vec::new();
        let mut values = 0usize;
        let count = constraints
            .split(',')
            .filter(|c| c.starts_with('=') && !c.contains('*'))
            .count();
        let held = self.asm_result(result, call.ret, count)?;
        for constraint in constraints.split(',').filter(|c| !c.is_empty()) {
            let unknown = || bad(&format!("constraint `{constraint}`"));
            if constraint == "~{memory}" {
                clobbers.push("\"memory\"");
                continue;
            }
            // Registers of the stand-in: an empty text changes none.
            if constraint.starts_with("~{") {
                continue;
            }
            let (output, rest) = match constraint.strip_prefix('=') {
                Some(rest) => (true, rest.trim_start_matches('&')),
                None => (false, constraint),
            };
            if let Some(rest) = rest.strip_prefix('*') {
                // What is in memory, by its address.
                let arg = args.next().ok_or_else(|| bad("an operand is missing"))?;
                if place(rest).is_none() || arg.ty != Types::PTR {
                    return Err(unknown());
                }
                let element = arg
                    .attrs
                    .element
                    .ok_or_else(|| bad("an address without `elementtype`"))?;
                let size = self.ctx.m.types.size(element).max(1);
                let p = self.value(arg.ty, &arg.value)?;
                let text = format!("m\"(*(u8_a1 (*)[{size}]){p})");
                if output {
                    kinds.push(Err(p));
                    outputs.push(format!("\"={text}"));
                } else {
                    inputs.push(format!("\"{text}"));
                }
                continue;
            }
            let place = place(rest).ok_or_else(unknown)?;
            if output {
                let (ty, lvalue) = match &held[..] {
                    [one] if count == 1 => (call.ret, one.clone()),
                    _ => {
                        let ty = self.ctx.m.types.member(call.ret, values as u64);
                        (
                            ty.ok_or_else(|| bad("a result is missing"))?,
                            held[values].clone(),
                        )
                    }
                };
                let letter = self.letter(place, ty).ok_or_else(unknown)?;
                kinds.push(Ok(ty));
                values += 1;
                outputs.push(format!("\"=&{letter}\"({lvalue})"));
                continue;
            }
            let arg = args.next().ok_or_else(|| bad("an operand is missing"))?;
            let v = self.value(arg.ty, &arg.value)?;
            match place {
                Place::Immediate if matches!(arg.value, Value::Const(_)) => {}
                Place::Immediate => return Err(bad("a number that is none")),
                Place::Tied(output) => match kinds.get(output) {
                    Some(Ok(ty)) => {
                        let types = &self.ctx.m.types;
                        if types.store_size(*ty) != types.store_size(arg.ty) {
                            return Err(bad("an operand of another size than the result's"));
                        }
                        inputs.push(format!("\"{output}\"({v})"));
                    }
                    Some(Err(p)) => {
                        let c = self.ctx.ctype(arg.ty)?;
                        let size = self.ctx.m.types.store_size(arg.ty);
                        let text = format!("{{ {c} t = {v}; __builtin_memcpy({p}, &t, {size}); }}");
                        self.e.statement(&text);
                        outputs[output] = outputs[output].replacen('=', "+", 1);
                    }
                    None => return Err(unknown()),
                },
                _ => {
                    let letter = self
                        .letter(place, arg.ty)
                        .ok_or_else(|| bad("an operand that fits no register"))?;
                    if letter == "m" {
                        return Err(bad("a value in memory"));
                    }
                    inputs.push(format!("\"{letter}\"({v})"));
                }
            }
        }
        if values != count || (count == 0) != (call.ret == Types::VOID) {
            return Err(bad("a result without a constraint"));
        }
        let parts = [outputs.join(", "), inputs.join(", "), clobbers.join(", ")];
        let used = parts
            .iter()
            .rposition(|p| !p.is_empty())
            .map_or(1, |n| n + 1);
        let operands: String = parts[..used]
            .iter()
            .map(|p| format!(" : {p}").trim_end().to_owned())
            .collect();
        self.e
            .statement(&format!("__asm__ __volatile__(\"\"{operands});"));
        match result.filter(|&id| self.is_read(id)) {
            Some(id) => {
                let var = self.var(id).to_owned();
                self.cut(call.ret, &var)
            }
            None => Ok(()),
        }
    }

    /// The lvalues of the results: the variable, its members, or what nobody reads.
    fn asm_result(
        &mut self,
        result: Option<LocalId>,
        ty: TypeId,
        count: usize,
    ) -> Result<Vec<String>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let var = match result.filter(|&id| self.is_read(id)) {
            Some(id) => self.var(id).to_owned(),
            None => {
                let c = self.ctx.ctype(ty)?;
                self.temporary(&c)
            }
        };
        Ok(match count {
            1 => vec![var],
            _ => (0..count).map(|i| format!("{var}.f{i}")).collect(),
        })
    }

    /// The constraint for a value of a type, if it fits.
    fn letter(&self, place: Place, ty: TypeId) -> Option<&'static str> {
        let types = &self.ctx.m.types;
        let scalar = match types.get(ty) {
            Type::Int(width) => *width <= 64,
            Type::Ptr | Type::Float | Type::Double => true,
            _ => false,
        };
        let float = matches!(types.get(ty), Type::Float | Type::Double);
        match place {
            Place::Register if scalar => Some("r"),
            Place::FloatRegister if float => Some("f"),
            Place::Memory if scalar => Some("m"),
            _ => None,
        }
    }
}
