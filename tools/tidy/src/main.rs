//! Development tool: tidy.
fn main() {}
