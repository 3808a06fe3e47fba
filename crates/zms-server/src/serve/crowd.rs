//! How many connections come from where.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use crate::layers::rates::origin;

/// Counts the connections of each address, save those of this machine: they are what a proxy here
/// passes on, for anybody.
#[derive(Debug, Default)]
pub(super) struct Crowd(Mutex<HashMap<IpAddr, usize>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Place(Option<(Arc<Crowd>, IpAddr)>);

impl Crowd {
    /// One more connection from an address, where it has less than so many; 0 is without a limit.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, most: usize) -> Option<Place> {
        if most == 0 || address.is_loopback() {
            return Some(Place(None));
        }
        let from = origin(address);
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(from).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place(Some((Arc::clone(self), from))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((crowd, from)) = self.0.take() else { return };
        let mut held = crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = held.entry(from) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_connections_of_one_address_leave_room_for_others() {
        let crowd = Arc::new(Crowd::default());
        let enter = |address: &str| crowd.enter(address.parse().expect("an address"), 2);
        let held = [enter("2001:db8::1"), enter("2001:db8::ffff")];
        assert!(held.iter().all(Option::is_some));
        assert!(enter("2001:db8::2").is_none(), "a network is one");
        assert!(enter("192.0.2.1").is_some());
        let here: Vec<_> = (0..9).map(|_| enter("127.0.0.1")).collect();
        assert!(here.iter().all(Option::is_some), "this machine has no limit");
        drop(held);
        assert!(enter("2001:db8::2").is_some());
        assert!(crowd.enter("192.0.2.1".parse().expect("an address"), 0).is_some());
        drop(here);
        assert!(crowd.0.lock().expect("nobody panicked").is_empty(), "who left is forgotten");
    }
}
