//! Killed at any call that writes, or refused by the disk: the old state or the new one.

mod backup;
mod clock;
mod disk;
mod disk_full;
mod dump;
mod errors;
mod fault;
mod kill;
mod moves;
mod passphrase;
mod power;
mod read_only;
mod ready;
mod shares;
mod stories;
mod story;
