//! The vocabulary: what a command *is*.
//!
//! A [`Command`] is a [`Spec`] (data) and a handler (code). Everything that can be said of a command before it
//! runs comes from its spec: whether it exists, whether the number of its arguments is right, which keys it
//! uses and so which stripes it locks, who may call it and when, what COMMAND INFO and COMMAND DOCS answer. Whether
//! it writes comes from its handler's type, so that flags and locks cannot disagree with what it does.
//!
//! This crate does no work: commands live in `families` and `server`.

mod argument;
mod error;
mod handler;
pub mod introspection;
mod keys;
mod registry;
mod spec;
pub mod waiting;

pub use argument::{Arguments, cursor, float, integer, integer_between, is_token};
pub use error::{CommandError, Outcome, Stop, errors, until_nul};
pub use handler::{Access, Command, DataHandler, HasAccess, ReadHandler, WriteHandler, help};
pub use keys::{KeyError, KeyFinder, KeyPosition, KeyShape};
pub use registry::{Entry, Registry};
pub use spec::{
    Arg, ArgFlags, ArgKind, BeginSearch, Category, Example, FindKeys, Flags, Group, KeyFlags,
    KeySpec, PlanKind, Spec, accepts,
};
