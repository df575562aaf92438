//! LuaJIT behind one port: sandbox, conversions, libraries, limits.
//!
//! A [`Vm`] is an interpreter; [`Vm::eval`] runs a [`Script`] in it, [`Vm::call`] a [`Function`] of a [`Library`]. What runs reaches the server through one
//! [`Port`] ("call this command"), its result goes to a [`Reply`](perilune_resp::Reply), and other threads can end
//! it through the VM's [`Interrupt`]. This crate knows no keys, no sessions and no sockets.
//!
//! Where to look: `vm.rs` and `run.rs` for a run from beginning to end, `state.rs` for the rule that keeps Lua's errors and
//! Rust's destructors apart, `interrupt.rs` and `memory.rs` for how a script is bounded, `sandbox.rs` for what it
//! sees, `api.rs`, `sink.rs` and `answer.rs` for commands and conversions.

#![allow(unsafe_code)] // This crate is the wall around LuaJIT's C API.

mod answer;
mod api;
mod arguments;
mod bit;
mod byte_set;
mod cjson;
mod cmsgpack;
mod guard;
mod interrupt;
mod library;
mod memory;
mod number;
mod output;
mod pattern;
mod port;
mod random;
mod run;
mod sandbox;
mod scan;
mod script;
mod sink;
mod sort;
mod source;
mod state;
mod strings;
mod struct_lib;
mod survey;
mod tables;
mod vm;

pub use interrupt::{Interrupt, KillReason, RunId};
pub use library::{Declaration, ENGINE, Function, Library};
pub use port::{Abort, LogLevel, Port, Propagation};
pub use script::{Script, ScriptFlags, sha1_hex};
pub use vm::{Api, Arguments, Completion, Limits, ScriptStop, Vm};
