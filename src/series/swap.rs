//! A value that is replaced as a whole while others read it: a pointer under crossbeam's epochs.
//!
//! Reading costs one load. The old value is freed once no reader that could have seen it is pinned any more.

#![allow(unsafe_code)]

use std::sync::atomic::Ordering;

use crossbeam_epoch::{Atomic, Guard, Owned};

/// A replaceable value.
#[derive(Debug)]
pub(super) struct Swap<T>(Atomic<T>);

impl<T: Send + Sync + 'static> Swap<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Atomic::new(value))
    }

    /// The present value; it lives while the guard does.
    pub(super) fn load<'g>(&self, guard: &'g Guard) -> &'g T {
        let shared = self.0.load(Ordering::Acquire, guard);
        // SAFETY: the pointer is never null (only `new` and `store` set it, both from a live value), and a value
        // that `store` takes out is destroyed only after every guard that was pinned then is gone, `guard` included.
        unsafe { shared.deref() }
    }

    /// Puts a value in place of the present one.
    pub(super) fn store(&self, value: T, guard: &Guard) {
        let old = self.0.swap(Owned::new(value), Ordering::AcqRel, guard);
        // SAFETY: the swap took `old` out, so no new reader can find it and nobody else destroys it.
        unsafe { guard.defer_destroy(old) }
    }
}

impl<T> Drop for Swap<T> {
    fn drop(&mut self) {
        // SAFETY: `&mut self` means that nobody else reads or stores any more, and the pointer is never null.
        drop(unsafe { std::mem::replace(&mut self.0, Atomic::null()).into_owned() });
    }
}
