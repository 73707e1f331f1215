// SPDX-License-Identifier: GPL-2.0-only
//! Types.

use super::TypeId;
use crate::layout::{DataLayout, Measure};
use rustc_hash::FxHashMap;

/// A type. Equal types have equal [`TypeId`]s; a named struct is the struct it names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// `void`
    Void,
    /// `iN`
    Int(u32),
    /// `ptr`, in address space 0
    Ptr,
    /// `float`
    Float,
    /// `double`
    Double,
    /// `metadata`, an operand of some intrinsics
    Metadata,
    /// `[N x T]`
    Array(u64, TypeId),
    /// `<N x T>`, of integers, pointers or floating-point numbers
    Vector(u64, TypeId),
    /// `{ … }` or `<{ … }>`
    Struct {
        /// The members, in order.
        fields: Vec<TypeId>,
        /// No padding, alignment 1.
        packed: bool,
    },
    /// A struct without a body.
    Opaque,
}

/// All types of a module, each once, and how they are laid out.
#[derive(Debug)]
pub struct Types {
    list: Vec<Type>,
    ids: FxHashMap<Type, TypeId>,
    measures: Vec<Measure>,
    layout: DataLayout,
}

impl Types {
    /// `void`
    pub const VOID: TypeId = TypeId(0);
    /// `ptr`
    pub const PTR: TypeId = TypeId(1);
    /// `i1`
    pub const I1: TypeId = TypeId(2);
    /// `i32`
    pub const I32: TypeId = TypeId(3);
    /// `i8`
    pub const I8: TypeId = TypeId(4);

    /// The id of a type, new or known.
    pub fn intern(&mut self, ty: Type) -> TypeId {
        if let Some(&id) = self.ids.get(&ty) {
            return id;
        }
        let id = TypeId(self.list.len() as u32);
        self.measures.push(self.layout.measure(self, &ty));
        self.list.push(ty.clone());
        self.ids.insert(ty, id);
        id
    }

    /// The id of a type that is known.
    pub fn find(&self, ty: &Type) -> Option<TypeId> {
        self.ids.get(ty).copied()
    }

    /// The number of elements and the element type of a vector.
    pub fn lanes(&self, id: TypeId) -> Option<(u64, TypeId)> {
        match self.get(id) {
            Type::Vector(n, e) => Some((*n, *e)),
            _ => None,
        }
    }

    /// The element type of a vector; any other type itself.
    pub fn scalar(&self, id: TypeId) -> TypeId {
        self.lanes(id).map_or(id, |(_, e)| e)
    }

    /// The layout string's rules.
    pub fn layout(&self) -> &DataLayout {
        &self.layout
    }

    /// Lays all types out by other rules.
    pub fn lay_out(&mut self, layout: DataLayout) {
        self.layout = layout;
        self.measures.clear();
        // A type's members are older than it is.
        for i in 0..self.list.len() {
            let measure = self.layout.measure(self, &self.list[i]);
            self.measures.push(measure);
        }
    }

    /// What is to be known of a type's layout.
    pub fn measure(&self, id: TypeId) -> Measure {
        self.measures[id.0 as usize]
    }

    /// The type of an id.
    pub fn get(&self, id: TypeId) -> &Type {
        &self.list[id.0 as usize]
    }

    /// The width of an integer type.
    pub fn int_width(&self, id: TypeId) -> Option<u32> {
        match self.get(id) {
            Type::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The type of member `index` of an aggregate.
    pub fn member(&self, id: TypeId, index: u64) -> Option<TypeId> {
        match self.get(id) {
            Type::Struct { fields, .. } => fields.get(usize::try_from(index).ok()?).copied(),
            Type::Array(n, e) => (index < *n).then_some(*e),
            _ => None,
        }
    }

    /// Whether it is a struct, an array or a vector: a struct in C.
    pub fn is_aggregate(&self, id: TypeId) -> bool {
        matches!(
            self.get(id),
            Type::Struct { .. } | Type::Array(..) | Type::Vector(..)
        )
    }

    /// The type as IR text, cut where it would be long: a type can be much longer than the file that it is in.
    pub fn show(&self, id: TypeId) -> String {
        let mut text = String::new();
        self.show_in(id, &mut text);
        text
    }

    fn show_in(&self, id: TypeId, text: &mut String) {
        if text.len() > MAX_SHOWN {
            if !text.ends_with("...") {
                text.push_str("...");
            }
            return;
        }
        match self.get(id) {
            Type::Void => text.push_str("void"),
            Type::Int(n) => text.push_str(&format!("i{n}")),
            Type::Ptr => text.push_str("ptr"),
            Type::Float => text.push_str("float"),
            Type::Double => text.push_str("double"),
            Type::Metadata => text.push_str("metadata"),
            Type::Array(n, e) => {
                text.push_str(&format!("[{n} x "));
                self.show_in(*e, text);
                text.push(']');
            }
            Type::Vector(n, e) => {
                text.push_str(&format!("<{n} x "));
                self.show_in(*e, text);
                text.push('>');
            }
            Type::Struct { fields, packed } => {
                text.push_str(if *packed { "<{ " } else { "{ " });
                for (i, &f) in fields.iter().enumerate() {
                    if i > 0 {
                        text.push_str(", ");
                    }
                    self.show_in(f, text);
                    if text.ends_with("...") {
                        return;
                    }
                }
                text.push_str(if *packed { " }>" } else { " }" });
            }
            Type::Opaque => text.push_str("opaque"),
        }
    }
}

/// Characters after which the text of a type is cut.
const MAX_SHOWN: usize = 200;

impl Default for Types {
    fn default() -> Self {
        let mut types = Self {
            list: Vec::new(),
            ids: FxHashMap::default(),
            measures: Vec::new(),
            layout: DataLayout::default(),
        };
        for ty in [
            Type::Void,
            Type::Ptr,
            Type::Int(1),
            Type::Int(32),
            Type::Int(8),
        ] {
            types.intern(ty);
        }
        types
    }
}
