//! Development tool: differential.
fn main() {}
