//! Development tool: isolation.
fn main() {}
