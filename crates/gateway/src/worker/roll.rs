//! The connections of a worker, so that a drain can wake those that wait.

use std::cell::RefCell;
use std::task::Waker;

/// Places of connections; a place holds the waker of a connection that waits idle.
#[derive(Debug, Default)]
pub(crate) struct Roll {
    places: RefCell<Places>,
}

#[derive(Debug, Default)]
struct Places {
    list: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Roll {
    /// A place for a connection.
    pub(crate) fn enter(&self) -> usize {
        let mut places = self.places.borrow_mut();
        if let Some(free) = places.free.pop() {
            return free;
        }
        places.list.push(None);
        places.list.len() - 1
    }

    /// Gives a place back.
    pub(crate) fn leave(&self, place: usize) {
        let mut places = self.places.borrow_mut();
        if let Some(waker) = places.list.get_mut(place) {
            *waker = None;
            places.free.push(place);
        }
    }

    /// Has the connection woken when a drain starts.
    pub(crate) fn note(&self, place: usize, waker: &Waker) {
        if let Some(known) = self.places.borrow_mut().list.get_mut(place) {
            match known {
                // A connection is one task and keeps its waker.
                Some(known) if known.will_wake(waker) => {}
                other => *other = Some(waker.clone()),
            }
        }
    }

    /// Wakes everybody who waits.
    pub(crate) fn wake_all(&self) {
        let wakers: Vec<Waker> = self.places.borrow().list.iter().flatten().cloned().collect();
        wakers.iter().for_each(Waker::wake_by_ref);
    }
}
