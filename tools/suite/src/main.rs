//! Development tool: suite.
fn main() {}
