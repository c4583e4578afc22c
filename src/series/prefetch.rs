//! Asks the processor for a cache line before it is needed: the look-ups of a request lie all over memory, and waiting
//! for each in turn is most of their cost.

#![allow(unsafe_code)]

/// Begins to load the line at `target`. A hint: on processors that we know no way to tell, nothing happens.
#[inline]
pub(super) fn prefetch<T>(target: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program could see, and the address comes from a reference.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(target).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = target;
}
