//! The program `perilune`: reads its settings, starts the server, and ends it when told to.

use std::process::ExitCode;

/// Measured against the system's allocator: less memory per big value, and it gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    perilune_server::start::run(std::env::args_os().skip(1).collect())
}
