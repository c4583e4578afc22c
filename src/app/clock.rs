//! The only place that reads the machine's clock.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::time::{Clock, Timestamp};

/// The machine's wall clock. Samples carry wall-clock times, so windows and decisions do too.
#[must_use]
pub fn now() -> Timestamp {
    #[allow(clippy::disallowed_methods, reason = "this is the clock")]
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(0) + since_epoch
}

/// [`now`] as a [`Clock`].
#[must_use]
pub fn system() -> Clock {
    Arc::new(now)
}
