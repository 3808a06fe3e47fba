//! zms.
fn main() {}
