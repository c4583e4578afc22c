//! What waits for the future to come: forecasts for what will come of them, and seasons for the steps they are of.

use super::super::rows::Seasonal;
use super::super::{ANCHORS, REACH};
use super::COUNT;
use crate::demand::packed::{Cursor, Packed, packed};

/// Where each anchor's forecasts begin, and behind the last one how many there are in all.
const BEGIN: [usize; COUNT + 1] = {
    let mut begin = [0; COUNT + 1];
    let mut anchor = 0;
    while anchor < COUNT {
        begin[anchor + 1] = begin[anchor] + ANCHORS[anchor];
        anchor += 1;
    }
    begin
};

/// Forecasts that wait for what came of them: at each anchor as many as it is steps ahead.
#[derive(Debug, Clone)]
pub(super) struct Waiting(pub(super) Vec<f32>);

impl Waiting {
    pub(super) fn new() -> Self {
        Self(vec![f32::NAN; BEGIN[COUNT]])
    }

    fn slot(anchor: usize, number: i64) -> usize {
        BEGIN[anchor] + number.rem_euclid(ANCHORS[anchor] as i64) as usize
    }

    pub(super) fn get(&self, anchor: usize, number: i64) -> f64 {
        f64::from(self.0[Self::slot(anchor, number)])
    }

    pub(super) fn put(&mut self, anchor: usize, number: i64, value: f64) {
        self.0[Self::slot(anchor, number)] = value as f32;
    }
}

impl Packed for Waiting {
    fn pack(&self, bytes: &mut Vec<u8>) {
        self.0.pack(bytes);
    }

    fn unpack(&mut self, bytes: &mut Cursor<'_>) -> Option<()> {
        self.0.unpack(bytes)
    }
}

/// Steps whose seasons are remembered: those that can be the target of a forecast, and the newest one.
const TARGETS: usize = 64;
/// Steps whose loudness is remembered: those, and all that the windows reach back to that end now.
const LOUD: usize = 128;

/// What the seasons say of the steps to come, each asked once. It does not depend on from where they are looked at, as
/// long as no season is shorter than the way.
#[derive(Debug, Clone)]
pub(super) struct Targets {
    ring: Vec<[f32; 4]>,
    /// How loud they are expected to be.
    loud: Vec<f32>,
    /// The farthest step that is known.
    until: i64,
}
packed!(Targets: ring, loud, until);

impl Targets {
    pub(super) fn new() -> Self {
        Self { ring: vec![[f32::NAN; 4]; TARGETS], loud: vec![1.0; LOUD], until: i64::MIN }
    }

    fn slot(number: i64) -> usize {
        number.rem_euclid(TARGETS as i64) as usize
    }

    pub(super) fn get(&self, number: i64) -> Seasonal {
        Seasonal::from_array(self.ring[Self::slot(number)].map(f64::from))
    }

    /// How loud the step was expected to be when it came within reach; `None` where it has not, or that is long ago.
    pub(super) fn loudness(&self, number: i64) -> Option<f64> {
        let known = number <= self.until && number > self.until.saturating_sub(LOUD as i64);
        known.then(|| f64::from(self.loud[number.rem_euclid(LOUD as i64) as usize]))
    }

    /// The steps within reach of `number` that have not been asked for. Whoever calls puts all of them.
    pub(super) fn unasked(&self, number: i64) -> std::ops::RangeInclusive<i64> {
        self.until.max(number).saturating_add(1)..=number.saturating_add(REACH as i64)
    }

    pub(super) fn put(&mut self, number: i64, seasonal: &Seasonal, loudness: f64) {
        self.ring[Self::slot(number)] = seasonal.to_array().map(|value| value as f32);
        self.loud[number.rem_euclid(LOUD as i64) as usize] = loudness as f32;
        self.until = self.until.max(number);
    }

    pub(super) fn values(&mut self) -> impl Iterator<Item = &mut f32> {
        self.ring.as_flattened_mut().iter_mut()
    }

    pub(super) fn size(&self) -> usize {
        self.ring.capacity() * size_of::<[f32; 4]>() + self.loud.capacity() * size_of::<f32>()
    }
}
