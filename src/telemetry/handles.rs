//! What a room counts with: one atomic number each, made once, cheap to clone and to read back.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that only grows.
#[derive(Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// A number that goes up and down; it holds the bits of a float.
#[derive(Clone, Default)]
pub struct Gauge(Arc<AtomicU64>);

impl Gauge {
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Relaxed);
    }

    /// Adds to the value; a negative `by` takes away.
    pub fn add(&self, by: f64) {
        let plus = |bits| Some((f64::from_bits(bits) + by).to_bits());
        // The closure never declines, so there is no error to see.
        let _ = self.0.fetch_update(Relaxed, Relaxed, plus);
    }

    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// The closed set of values that a label may have.
pub trait LabelValue: Copy + 'static {
    /// All of them, in the order of [`LabelValue::index`].
    const ALL: &'static [Self];

    /// The value as metrics, logs and the API write it.
    fn as_str(self) -> &'static str;

    /// Its place in [`LabelValue::ALL`].
    fn index(self) -> usize;
}

/// A counter for each value of a label.
pub struct Counters<L> {
    counters: Box<[Counter]>,
    label: PhantomData<L>,
}

impl<L: LabelValue> Counters<L> {
    pub fn add(&self, value: L, n: u64) {
        if let Some(counter) = self.counters.get(value.index()) {
            counter.add(n);
        }
    }

    /// The count of one value.
    pub fn get(&self, value: L) -> u64 {
        self.counters.get(value.index()).map_or(0, Counter::get)
    }

    /// Over all values.
    pub fn total(&self) -> u64 {
        self.counters.iter().map(Counter::get).sum()
    }

    /// Each value with its counter.
    pub fn iter(&self) -> impl Iterator<Item = (L, &Counter)> {
        L::ALL.iter().copied().zip(&self.counters)
    }
}

impl<L: LabelValue> Default for Counters<L> {
    fn default() -> Self {
        Self { counters: L::ALL.iter().map(|_| Counter::default()).collect(), label: PhantomData }
    }
}

impl<L> Clone for Counters<L> {
    fn clone(&self) -> Self {
        Self { counters: self.counters.clone(), label: PhantomData }
    }
}

impl<L: LabelValue> fmt::Debug for Counters<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(value, counter)| (value.as_str(), counter))).finish()
    }
}

/// Writes an enum whose variants are the values of a label.
macro_rules! label_values {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $crate::telemetry::LabelValue for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}
pub(super) use label_values;
