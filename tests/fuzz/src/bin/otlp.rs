//! OpenTelemetry's metrics, plain and packed, from the body to the windows.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| headroom_fuzz::otlp(body));
