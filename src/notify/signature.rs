//! How a webhook's receiver can tell that a message is ours, and new.
//!
//! `X-Headroom-Timestamp` has the time of the attempt in seconds since the Unix epoch, and `X-Headroom-Signature` has
//! `sha256=` and the HMAC-SHA256, in hexadecimal, of that text, a dot and the body. A receiver makes the same of what it
//! got, compares in constant time, and refuses times that are minutes away, so that nothing can be sent to it twice.

use std::fmt::Write as _;

use ring::hmac;

use crate::client::Secret;
use crate::time::Timestamp;

/// The header with the time of the attempt.
pub(super) const TIMESTAMP: &str = "x-headroom-timestamp";
/// The header with the signature.
pub(super) const SIGNATURE: &str = "x-headroom-signature";

/// What the two headers say, the time first.
pub(super) fn sign(secret: &Secret, body: &[u8], at: Timestamp) -> (String, String) {
    let timestamp = at.as_millis().div_euclid(1000).to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(timestamp.as_bytes());
    context.update(b".");
    context.update(body);
    let mut signature = "sha256=".to_owned();
    for byte in context.sign().as_ref() {
        // Writing to a string can't fail.
        let _ = write!(signature, "{byte:02x}");
    }
    (timestamp, signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_openssl_makes_of_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "opensesame\n").unwrap();
        let at = Timestamp::from_millis(1_700_000_000_999);
        let (timestamp, signature) = sign(&Secret::read(&file).unwrap(), br#"{"a":1}"#, at);
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac opensesame
        let want = "sha256=5abe8159e02f1ff302a9105edc276ec3508794db021514bfdc95836d646fe459";
        assert_eq!((timestamp.as_str(), signature.as_str()), ("1700000000", want));
    }
}
