//! How long to wait before the next attempt.

use std::time::Duration;

/// Doubles from `first` to `max`. There is one sender for each addressee, so there is no crowd to spread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    first: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, next: first }
    }

    /// The wait after one more failure; at least as long as the other side asks for, within reason.
    pub(super) fn wait(&mut self, asked_for: Option<Duration>) -> Duration {
        let own = self.next.min(self.max);
        self.next = own.saturating_mul(2);
        // Whoever asks for more than the longest wait gets that: what waits may have changed by then.
        own.max(asked_for.unwrap_or_default().min(self.max))
    }

    /// After a success.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10));
        let waits: Vec<u64> = [None, None, seconds(7), None, None, seconds(100)]
            .map(|asked_for| backoff.wait(asked_for).as_secs())
            .to_vec();
        assert_eq!(waits, [1, 2, 7, 8, 10, 10]);
        backoff.reset();
        assert_eq!(backoff.wait(None), Duration::from_secs(1));
    }
}
