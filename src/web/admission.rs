//! Admission: how much memory remote-write bodies may take at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::telemetry::Gauge;

/// A permit stands for this many bytes: a `u32` of them counts to 4 TiB.
const UNIT: usize = 1024;
/// Room is first taken for this much of a body, so that a sender that promises much and sends little takes little.
const FIRST: usize = 64 * 1024;
/// The longest wait that is asked of a sender, in seconds.
const RETRY_MAX: u32 = 30;

/// The room for bodies in flight.
#[derive(Debug)]
pub(super) struct Admission {
    units: Arc<Semaphore>,
    units_max: u32,
    wait: Duration,
    in_flight: Gauge,
    refused: AtomicU32,
}

/// There was no room within the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Admission {
    pub(super) fn new(bytes_max: usize, wait: Duration, in_flight: Gauge) -> Self {
        let units_max = units(bytes_max).max(1);
        let units = Arc::new(Semaphore::new(units_max as usize));
        Self { units, units_max, wait, in_flight, refused: AtomicU32::new(0) }
    }

    /// Room for the beginning of a body of `bytes`; more is taken as it arrives.
    pub(super) async fn enter(&self, bytes: usize) -> Result<Room, NoRoom> {
        let mut room = Room { permit: None, bytes_taken: 0, in_flight: self.in_flight.clone() };
        self.grow(&mut room, bytes.min(FIRST)).await?;
        Ok(room)
    }

    /// Makes `room` fit `bytes`, at least doubling it, up to `bytes_max`.
    pub(super) async fn fit(&self, room: &mut Room, bytes: usize, bytes_max: usize) -> Result<(), NoRoom> {
        if bytes <= room.bytes_taken {
            return Ok(());
        }
        self.grow(room, bytes.max(room.bytes_taken * 2).min(bytes_max.max(bytes))).await
    }

    async fn grow(&self, room: &mut Room, bytes: usize) -> Result<(), NoRoom> {
        // A body larger than all the room there is takes all of it, rather than waiting for ever.
        let wanted = units(bytes).min(self.units_max);
        let more = wanted.saturating_sub(units(room.bytes_taken));
        let waiting = Arc::clone(&self.units).acquire_many_owned(more);
        let Ok(Ok(permit)) = tokio::time::timeout(self.wait, waiting).await else { return Err(NoRoom) };
        match &mut room.permit {
            Some(own) => own.merge(permit),
            None => room.permit = Some(permit),
        }
        self.in_flight.add((more as usize * UNIT) as f64);
        room.bytes_taken = wanted as usize * UNIT;
        Ok(())
    }

    /// Seconds after which a refused sender should come again. It grows with each try and differs between senders
    /// that are refused together, so that they do not come back together.
    pub(super) fn retry_after(&self, headers: &HeaderMap) -> u32 {
        let attempt = headers.get("retry-attempt").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
        let base = 1u32 << u32::min(attempt, 4);
        let spread = self.refused.fetch_add(1, Relaxed) % (base + 1);
        (base + spread).min(RETRY_MAX)
    }
}

/// Memory set aside for one body; given back when dropped.
#[derive(Debug)]
pub(super) struct Room {
    permit: Option<OwnedSemaphorePermit>,
    bytes_taken: usize,
    in_flight: Gauge,
}

impl Drop for Room {
    fn drop(&mut self) {
        let units = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        self.in_flight.add(-((units * UNIT) as f64));
    }
}

fn units(bytes: usize) -> u32 {
    // The semaphore counts to an eighth of `usize`; half of `u32` is far below that.
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(u32::MAX / 2)
}
