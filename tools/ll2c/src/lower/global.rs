// SPDX-License-Identifier: GPL-2.0-only
//! Variables and aliases.
//!
//! A variable is a packed struct of byte arrays, with a member of its own for each address in it: the bytes are laid out
//! here, C only relocates.

use super::alias;
use super::constant::single_bits;
use super::signature::attribute_list;
use super::sum::{fold, sum};
use super::{Ctx, is_full};
use crate::error::{Error, Result};
use crate::ir::*;
use crate::lexer::unescape;
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The symbols in `llvm.used` and `llvm.compiler.used`.
pub(super) fn used(m: &Module<'_>) -> FxHashSet<SymId> {
    let mut set = FxHashSet::default();
    for g in &m.globals {
        if matches!(m.name(g.head.sym), "llvm.used" | "llvm.compiler.used")
            && let Some(Const::Agg(members)) = &g.init
        {
            for (_, c) in members {
                if let Const::Sym(sym) = c {
                    set.insert(*sym);
                }
            }
        }
    }
    set
}

/// The sections with a variable that may change in them: GCC refuses constants in the same section.
pub(super) fn writable<'a>(m: &Module<'a>) -> FxHashSet<&'a str> {
    let variables = m.globals.iter().filter(|g| g.init.is_some() && !g.constant);
    variables.filter_map(|g| g.head.section).collect()
}

/// A piece of a variable.
enum Piece {
    Bytes(Vec<u8>),
    Zeros(u64),
    /// An address or a number made of one, of so many bytes.
    Word(u64, String),
}

#[derive(Default)]
struct Image {
    pieces: Vec<Piece>,
    /// Zeros that follow the pieces.
    pending: u64,
}

/// Fewer zeros than this go among the bytes beside them.
const ZEROS: u64 = 32;

impl Image {
    fn bytes(&mut self, bytes: &[u8]) {
        // Runs of zeros are counted, also inside.
        for run in bytes.chunk_by(|&a, &b| (a == 0) == (b == 0)) {
            if run[0] == 0 {
                self.zeros(run.len() as u64);
            } else {
                self.flush_zeros();
                self.append(run);
            }
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        if let Some(Piece::Bytes(last)) = self.pieces.last_mut() {
            last.extend_from_slice(bytes);
        } else {
            self.pieces.push(Piece::Bytes(bytes.to_vec()));
        }
    }

    /// Zeros are counted, not written: there may be very many.
    fn zeros(&mut self, n: u64) {
        self.pending = self.pending.saturating_add(n);
    }

    fn flush_zeros(&mut self) {
        match std::mem::take(&mut self.pending) {
            n @ ZEROS.. => self.pieces.push(Piece::Zeros(n)),
            n => self.append_zeros(n as usize),
        }
    }

    fn append_zeros(&mut self, n: usize) {
        if n > 0 {
            self.append(&[0; ZEROS as usize][..n]);
        }
    }

    fn word(&mut self, size: u64, text: String) {
        self.flush_zeros();
        self.pieces.push(Piece::Word(size, text));
    }
}

/// A global larger than this is taken for a mistake.
const MAX_GLOBAL: u64 = 1 << 30;

impl Ctx<'_, '_> {
    pub(super) fn global(
        &mut self,
        g: &Global<'_>,
        declarations: &mut String,
        data: &mut String,
    ) -> Result<()> {
        let name = self.m.name(g.head.sym);
        if name.starts_with("llvm.") {
            return match name {
                "llvm.used" | "llvm.compiler.used" => Ok(()),
                "llvm.global_ctors" => self.starters(g, "constructor", data),
                "llvm.global_dtors" => self.starters(g, "destructor", data),
                _ => Err(Error::new(format!("unsupported variable `@{name}`"))),
            };
        }
        let sym = g.head.sym;
        let c = self.names.c(sym).to_owned();
        let label = self.names.label(sym);
        let defined = g.init.is_some() && g.head.linkage != Linkage::AvailableExternally;
        let constant = self.qualifiers(g);
        let size = self.m.types.size(g.ty);
        if size > MAX_GLOBAL {
            return Err(Error::new(format!("unsupported variable of {size} bytes")));
        }
        let Some(init) = g.init.as_ref().filter(|_| defined) else {
            let attrs = attribute_list(&self.head_attributes(&g.head, false));
            let _ = writeln!(declarations, "extern {constant}u8 {c}[]{label}{attrs};");
            return Ok(());
        };
        let mut image = Image::default();
        self.image(g.ty, init, &mut image)?;
        image.flush_zeros();
        let mut attrs = self.head_attributes(&g.head, true);
        if g.head.align == 0 {
            attrs.push(format!("aligned({})", self.m.types.align(g.ty)));
        }
        if g.head.linkage == Linkage::Common {
            attrs.push("common".into());
        }
        let mut members = String::new();
        let mut values = Vec::new();
        for (i, piece) in image.pieces.iter().enumerate() {
            match piece {
                Piece::Bytes(bytes) => {
                    let _ = write!(members, " u8 f{i}[{}];", bytes.len());
                    values.push(byte_initializer(bytes));
                }
                Piece::Zeros(n) => {
                    let _ = write!(members, " u8 f{i}[{n}];");
                    values.push("{ 0 }".into());
                }
                Piece::Word(size, expr) => {
                    let _ = write!(members, " {} f{i};", if *size == 8 { "u64" } else { "ptr" });
                    values.push(expr.clone());
                }
            }
        }
        let attrs = attribute_list(&attrs);
        let (storage, early) = if g.head.linkage.is_local() {
            ("static ", "static ")
        } else {
            ("", "extern ")
        };
        let tag = format!("struct G_{c}");
        let _ = writeln!(
            declarations,
            "{tag} {{{members} }} __attribute__((packed));"
        );
        // Only code takes the address of a thread's own variable, and C23 wants it declared once.
        let again = if g.head.thread_local {
            format!("{label}{attrs}")
        } else {
            let _ = writeln!(declarations, "{early}{constant}{tag} {c}{label}{attrs};");
            String::new()
        };
        let zero = image.pieces.iter().all(|p| match p {
            Piece::Bytes(bytes) => bytes.iter().all(|&b| b == 0),
            Piece::Zeros(_) => true,
            Piece::Word(..) => false,
        });
        let value = if zero && !self.is_const(g) {
            String::new()
        } else {
            format!(" = {{ {} }}", values.join(", "))
        };
        let _ = writeln!(data, "{storage}{constant}{tag} {c}{again}{value};");
        Ok(())
    }

    /// What stands before a variable's type, but for `static` and `extern`.
    pub(super) fn qualifiers(&self, g: &Global<'_>) -> &'static str {
        match (g.head.thread_local, self.is_const(g)) {
            (false, false) => "",
            (false, true) => "const ",
            (true, false) => "__thread ",
            (true, true) => "__thread const ",
        }
    }

    /// The functions of `llvm.global_ctors` or `llvm.global_dtors`: one in C for each priority, which calls them in order.
    fn starters(&mut self, g: &Global<'_>, attribute: &str, data: &mut String) -> Result<()> {
        let list = match &g.init {
            Some(Const::Agg(list)) => &list[..],
            Some(Const::Zero | Const::Undef) | None => &[],
            Some(_) => return Err(Error::new("a list of functions that is none")),
        };
        let m = self.m;
        let mut calls: BTreeMap<u128, String> = BTreeMap::new();
        for (_, entry) in list {
            let Const::Agg(entry) = entry else { continue };
            let [(_, Const::Int(priority)), (_, function), ..] = &entry[..] else {
                return Err(Error::new("an entry that is no priority and function"));
            };
            if *function == Const::Null {
                continue;
            }
            let plain = match function {
                Const::Sym(sym) => match m.symbols[sym.0 as usize].def {
                    Def::Function(n) => {
                        let sig = &m.functions[n as usize].sig;
                        (sig.ret == Types::VOID && sig.params.is_empty()).then_some(*sym)
                    }
                    _ => None,
                },
                _ => None,
            };
            let Some(sym) = plain else {
                return Err(Error::new(
                    "unsupported entry that is not the name of a `void ()` function",
                ));
            };
            let _ = write!(
                calls.entry(*priority).or_default(),
                " {}();",
                self.names.c(sym)
            );
        }
        for (priority, calls) in calls {
            let number = match priority {
                65535 => String::new(),
                _ => format!("({priority})"),
            };
            let _ = writeln!(
                data,
                "static __attribute__(({attribute}{number}, used)) void ll_{attribute}_{priority}(void) {{{calls} }}"
            );
        }
        Ok(())
    }

    /// Whether a variable is `const` in C.
    fn is_const(&self, g: &Global<'_>) -> bool {
        g.constant && !g.head.section.is_some_and(|s| self.writable.contains(s))
    }

    /// Appends the bytes of `init`.
    fn image(&mut self, ty: TypeId, init: &Const<'_>, image: &mut Image) -> Result<()> {
        let m = self.m;
        let size = m.types.size(ty);
        if matches!(init, Const::Expr(_))
            && let Some(n) = fold(m, ty, init)
        {
            let width = m.types.int_width(ty).unwrap_or(size as u32 * 8);
            image.bytes(&int_bytes(n, width, size, m.types.layout().big_endian));
            return Ok(());
        }
        match init {
            Const::Zero | Const::Undef | Const::Null => image.zeros(size),
            Const::Int(n) => image.bytes(&int_bytes(
                *n,
                m.types.int_width(ty).unwrap_or(32),
                size,
                m.types.layout().big_endian,
            )),
            Const::Float(bits) => {
                let n = match m.types.get(ty) {
                    Type::Float => u128::from(single_bits(*bits)),
                    _ => u128::from(*bits),
                };
                image.bytes(&int_bytes(
                    n,
                    size as u32 * 8,
                    size,
                    m.types.layout().big_endian,
                ));
            }
            Const::Bytes(text) => {
                let bytes = unescape(text);
                if bytes.len() as u64 != size {
                    return Err(Error::new(format!(
                        "a string of {} bytes for {}",
                        bytes.len(),
                        m.types.show(ty)
                    )));
                }
                image.bytes(&bytes);
            }
            Const::Agg(members) => match m.types.get(ty) {
                Type::Struct { fields, packed } => {
                    let offsets = m.types.offsets(fields, *packed);
                    let mut end = 0;
                    for ((t, c), offset) in members.iter().zip(offsets) {
                        image.zeros(offset - end);
                        self.image(*t, c, image)?;
                        end = offset + m.types.size(*t);
                    }
                    image.zeros(size - end);
                }
                _ => {
                    for (t, c) in members {
                        self.image(*t, c, image)?;
                    }
                    let each = members.first().map_or(0, |(t, _)| m.types.size(*t));
                    image.zeros(size.saturating_sub(each * members.len() as u64));
                }
            },
            Const::Splat(element, value) => {
                let n = m.types.lanes(ty).map_or(0, |(n, _)| n);
                for _ in 0..n {
                    self.image(*element, value, image)?;
                }
                image.zeros(size.saturating_sub(n * m.types.size(*element)));
            }
            Const::Sym(sym) => {
                self.same_for_all_threads(*sym)?;
                let text = self.constant(ty, init)?;
                image.word(size, text);
            }
            Const::Expr(e) => self.image_expr(ty, size, init, e, image)?,
        }
        Ok(())
    }

    fn same_for_all_threads(&self, sym: SymId) -> Result<()> {
        match self.m.symbols[self.aliased(sym).0 as usize].def {
            Def::Global(n) if self.m.globals[n as usize].head.thread_local => Err(Error::new(
                "unsupported address of a thread-local variable in an initializer",
            )),
            _ => Ok(()),
        }
    }

    fn image_expr(
        &mut self,
        ty: TypeId,
        size: u64,
        whole: &Const<'_>,
        e: &ConstExpr<'_>,
        image: &mut Image,
    ) -> Result<()> {
        let m = self.m;
        // In an initializer only a pointer plus a number is a constant, also where the IR has it as an integer.
        let word = ty == Types::PTR || m.types.int_width(ty) == Some(32);
        if let Some(sum) = sum(m, ty, whole).filter(|_| word)
            && let Some(sym) = sum.only_address()
        {
            self.same_for_all_threads(sym)?;
            let base = self.address(sym);
            image.word(size, format!("{base} + {}", sum.number as i32));
            return Ok(());
        }
        match e {
            ConstExpr::Gep(gep) => {
                if let Ok((sym, _)) = alias::below(m, &gep.ptr) {
                    self.same_for_all_threads(sym)?;
                }
                let (base, offset) = self.const_gep(gep)?;
                image.word(size, format!("{base} + {}", offset as i32));
                Ok(())
            }
            ConstExpr::Cast { op, .. } => Err(Error::new(format!(
                "unsupported `{}` to {} in an initializer",
                op.word(),
                m.types.show(ty)
            ))),
            ConstExpr::Bin { op, .. } => Err(Error::new(format!(
                "unsupported `{}` of addresses in an initializer",
                op.word()
            ))),
        }
    }
}

/// An integer of `width` bits in `size` bytes of memory: the value's bytes, then padding.
fn int_bytes(n: u128, width: u32, size: u64, big_endian: bool) -> Vec<u8> {
    let store = if is_full(width) {
        size as usize
    } else {
        width.div_ceil(8) as usize
    };
    let mut bytes: Vec<u8> = (0..store)
        .map(|i| if i < 16 { (n >> (8 * i)) as u8 } else { 0 })
        .collect();
    if big_endian {
        bytes.reverse();
    }
    bytes.resize(size as usize, 0);
    bytes
}

/// A string where that is short to write, else zeros.
fn byte_initializer(bytes: &[u8]) -> String {
    if bytes.iter().all(|&b| b == 0) {
        return "{ 0 }".into();
    }
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for &b in bytes {
        match b {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(b as char);
            }
            // Three digits always, so that a digit after it stays apart; `?` so that no trigraph arises.
            b' '..=b'~' if b != b'?' => text.push(b as char),
            _ => {
                let _ = write!(text, "\\{b:03o}");
            }
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_integers_are_stored_before_their_padding() {
        assert_eq!(int_bytes(0x01_0203, 24, 4, true), [1, 2, 3, 0]);
        assert_eq!(int_bytes(0x01_0203, 24, 4, false), [3, 2, 1, 0]);
        assert_eq!(int_bytes(1, 1, 1, true), [1]);
        assert_eq!(int_bytes(5, 128, 16, true)[15], 5);
    }

    #[test]
    fn strings_keep_every_byte() {
        assert_eq!(byte_initializer(b"a\"\\?\n1"), "\"a\\\"\\\\\\077\\0121\"");
        assert_eq!(byte_initializer(&[0, 0]), "{ 0 }");
    }
}
