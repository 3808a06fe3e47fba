//! The trust that clients place in a store: none. Each test is an attack by whoever runs the
//! store, alone or together with holders of tokens; what is not defended is stated in the
//! protocol's limits and shown here where an attack needs a control.

mod admit;
mod audit;
mod children;
mod class;
mod exposed;
mod forge;
mod given;
mod grudge;
mod heads;
mod history;
mod keys;
mod malicious;
mod meanwhile;
mod members;
mod moves;
mod property;
mod real;
mod records;
mod rekey;
mod renew;
mod restore;
mod resume;
mod shape;
mod state;
mod succeed;
mod tamper;
mod tokens;
mod walk;
mod world;
