//! What ZMS promises about its key, its network, its traces and its memory.

mod audit;
mod backup;
mod canaries;
mod damage;
mod locked;
mod memory;
mod network;
mod reset;
