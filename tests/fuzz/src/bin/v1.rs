//! Remote write 1.0, from the body to the windows.
#![no_main]

use headroom::ingest::Protocol;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    headroom_fuzz::mutate(data, size, max_size, seed)
});

fuzz_target!(|body: &[u8]| headroom_fuzz::remote_write(Protocol::V1, body));
