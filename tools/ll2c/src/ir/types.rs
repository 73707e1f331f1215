// SPDX-License-Identifier: GPL-2.0-only
//! Types.

use super::TypeId;
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

/// All types of a module, each once.
#[derive(Debug)]
pub struct Types {
    list: Vec<Type>,
    ids: FxHashMap<Type, TypeId>,
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
        self.list.push(ty.clone());
        self.ids.insert(ty, id);
        id
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

    /// Whether it is a struct or an array.
    pub fn is_aggregate(&self, id: TypeId) -> bool {
        matches!(self.get(id), Type::Struct { .. } | Type::Array(..))
    }

    /// The type as IR text.
    pub fn show(&self, id: TypeId) -> String {
        match self.get(id) {
            Type::Void => "void".into(),
            Type::Int(n) => format!("i{n}"),
            Type::Ptr => "ptr".into(),
            Type::Float => "float".into(),
            Type::Double => "double".into(),
            Type::Metadata => "metadata".into(),
            Type::Array(n, e) => format!("[{n} x {}]", self.show(*e)),
            Type::Struct { fields, packed } => {
                let inner = fields
                    .iter()
                    .map(|&f| self.show(f))
                    .collect::<Vec<_>>()
                    .join(", ");
                if *packed {
                    format!("<{{ {inner} }}>")
                } else {
                    format!("{{ {inner} }}")
                }
            }
            Type::Opaque => "opaque".into(),
        }
    }
}

impl Default for Types {
    fn default() -> Self {
        let mut types = Self {
            list: Vec::new(),
            ids: FxHashMap::default(),
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
