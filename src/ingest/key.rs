//! What makes fingerprints unguessable, so that nobody can craft two series that share one.

use std::fmt;

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_secret};

/// Bytes of XXH3's own secret.
const LENGTH: usize = 192;

/// A secret for XXH3, made once: with a seed in its place, each hash of more than 240 bytes would make one anew.
pub(super) struct Key(Box<[u8; LENGTH]>);

impl Key {
    /// `seed` is a number that nobody outside knows.
    pub(super) fn new(seed: u64) -> Self {
        let mut secret = Box::new([0; LENGTH]);
        for (number, word) in secret.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            *word = xxh3_64_with_seed(&number.to_le_bytes(), seed).to_le_bytes();
        }
        Self(secret)
    }

    #[inline]
    pub(super) fn hash(&self, bytes: &[u8]) -> u128 {
        xxh3_128_with_secret(bytes, &*self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}
