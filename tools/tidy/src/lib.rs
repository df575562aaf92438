//! Habits of this tree, held by the machine: a rule with a test needs no reviewer.
//!
//! This library has the rules; each looks at the files, or at what Cargo says about the workspace, and answers with
//! what breaks it. `tests/tree.rs` holds the real tree against all of them, as part of the normal test run. The rules
//! have tests of their own, because a rule that never fires is no rule.
//!
//! An exception is a row in a table here, with its reason; a row that is no longer needed is itself a breach.

mod edges;
mod files;
mod sources;

pub use edges::forbidden_edges;
pub use files::{TextFile, read_tree, root};
pub use sources::{
    bare_ignores, ends_left_open, lints_of_its_own, machine_paths, missing_documents, overlong,
    unopened, unsafe_outside,
};
