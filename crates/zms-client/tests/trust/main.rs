//! The trust that clients place in a store: none. Each test is an attack by whoever runs the
//! store, alone or together with holders of tokens; what is not defended is stated in the
//! protocol's limits and shown here where an attack needs a control.

mod children;
mod class;
mod forge;
mod grudge;
mod heads;
mod history;
mod keys;
mod malicious;
mod meanwhile;
mod members;
mod property;
mod records;
mod rekey;
mod restore;
mod resume;
mod shape;
mod state;
mod tamper;
mod tokens;
mod world;
