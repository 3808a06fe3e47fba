//! What holds for every request, whatever it asks for.

pub(crate) mod bodies;
pub(crate) mod gate;
pub(crate) mod rates;
pub(crate) mod trace;
