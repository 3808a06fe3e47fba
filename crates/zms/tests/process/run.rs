//! `zms run`: the program takes the place of zms, and nothing else changes.

mod become_it;
mod choose;
mod environment;
mod inherit;
mod lookup;
mod terminal;
