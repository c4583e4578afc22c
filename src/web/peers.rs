//! How many connections each address has open.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts by address; there are never more of them than connections.
#[derive(Debug, Default)]
pub(super) struct Peers(Mutex<HashMap<IpAddr, usize>>);

/// One connection of an address, counted until it is dropped.
#[derive(Debug)]
pub(super) struct Peer {
    peers: Arc<Peers>,
    address: IpAddr,
}

impl Peers {
    /// Counts one more connection; none where the address has as many as it may.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, max: Option<usize>) -> Option<Peer> {
        // Through a socket of both families, IPv4 is written as IPv6.
        let address = address.to_canonical();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        // Those above are there already where the limit came later, so the entry stays.
        if max.is_some_and(|max| *count >= max) {
            return None;
        }
        *count += 1;
        Some(Peer { peers: Arc::clone(self), address })
    }
}

impl Peer {
    pub(super) fn address(&self) -> IpAddr {
        self.address
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut counts = self.peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = counts.entry(self.address) {
            *count.get_mut() = count.get().saturating_sub(1);
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
    fn each_address_has_its_own_count_and_gives_it_back() {
        let peers = Arc::new(Peers::default());
        let [one, same, other] = ["10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap());
        let first = peers.enter(one, Some(2)).unwrap();
        let second = peers.enter(same, Some(2)).unwrap();
        assert!(peers.enter(one, Some(2)).is_none());
        assert!(peers.enter(one, None).is_some());
        let third = peers.enter(other, Some(2)).unwrap();
        drop(first);
        drop(peers.enter(one, Some(2)).unwrap());
        drop((second, third));
        assert!(peers.0.lock().unwrap().is_empty());
    }
}
