//! The server as its clients see it: a process of its own, spoken to over sockets.
//!
//! One program for all tests, because linking one is quicker than linking many.

mod atomicity;
mod big_values;
mod blocking;
mod by_force;
mod client_commands;
mod connection;
mod contention;
mod cves;
mod differences;
mod docs;
mod functions;
mod harness;
mod introspection;
mod long_running;
mod panics;
mod ports;
mod pubsub;
mod rolled_back;
