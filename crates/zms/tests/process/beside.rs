//! `zms run` beside the program: what it does is done, and otherwise it is as if it were not there.

mod encoded;
mod left;
mod mask;
mod screen;
mod signals;
mod watch;
