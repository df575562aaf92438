//! Development tool: bench.
fn main() {}
