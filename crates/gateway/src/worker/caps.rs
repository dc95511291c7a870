//! How many connections a node, and one address, may have.
//!
//! Asked once per connection, never per request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The caps and what is open.
#[derive(Debug)]
pub(crate) struct Caps {
    all_max: usize,
    per_address_max: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection's place under the caps.
#[derive(Debug)]
pub(crate) struct Place {
    caps: Arc<Caps>,
    address: IpAddr,
}

impl Caps {
    pub(crate) fn new(all_max: usize, per_address_max: usize) -> Self {
        Self {
            all_max,
            per_address_max,
            open: Mutex::default(),
        }
    }

    /// A place for a connection from `address`; none when there is no room.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = open.by_address.get(&address).copied().unwrap_or(0);
        if open.all >= self.all_max || of_address >= self.per_address_max {
            return None;
        }
        open.all += 1;
        open.by_address.insert(address, of_address + 1);
        Some(Place {
            caps: Arc::clone(self),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.caps.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        match open.by_address.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One address must not take every place, and a place that was left is free again.
    #[test]
    fn caps_hold_for_all_and_for_one() {
        let caps = Arc::new(Caps::new(3, 2));
        let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let first = caps.enter(a).unwrap();
        let _second = caps.enter(a).unwrap();
        assert!(caps.enter(a).is_none());
        let _third = caps.enter(b).unwrap();
        assert!(caps.enter(b).is_none(), "full");
        drop(first);
        assert!(caps.enter(b).is_some());
        assert_eq!(caps.open.lock().unwrap().by_address.len(), 2);
    }
}
