//! Killed at any call that writes, or refused by the disk: the old state or the new one.

mod disk_full;
mod errors;
mod kill;
mod story;
