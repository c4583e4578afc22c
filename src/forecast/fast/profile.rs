//! The robust shape of a day: what is usual at each time of it.

use crate::demand::History;
use crate::demand::packed::packed;
use crate::forecast::Holidays;

/// The usual demand in each stretch of the shortest season, in units; NaN where nothing is known yet.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) slots: Vec<f32>,
    /// Steps in a slot.
    ratio: i64,
    /// The last slot, counted from the epoch, that has been taken in.
    pub(crate) taken: Option<i64>,
    /// What another series lent: its day relative to its mean.
    lent: Option<Shape>,
    /// That has been put in place of what is not known.
    pub(crate) borrowed: bool,
}

/// The shape of a day: demand in each stretch of it, relative to the mean of all.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape(Vec<f32>);

impl Shape {
    /// Its values, which are one in the mean.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// A shape from any values of a day, as many as there are stretches; `None` where they have no mean above zero.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn new(values: &[f64]) -> Option<Self> {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let sound = mean.is_finite() && mean > 0.0 && values.iter().all(|value| value.is_finite());
        sound.then(|| Self(values.iter().map(|value| (value / mean) as f32).collect()))
    }
}

packed!(Profile: slots, taken);

/// Days that the profile is made of.
const DAYS: i64 = 6;
/// Slots in a profile, at most.
const SLOTS_MAX: usize = 288;

impl Profile {
    /// A profile for a season of `season` steps. What is longer than a day of five minutes has none.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(crate) fn new(season: i64, ratio: i64) -> Self {
        let slots = if season > 1 && season % ratio == 0 { (season / ratio) as usize } else { 0 };
        let slots = if slots > SLOTS_MAX { 0 } else { slots };
        Self { slots: vec![f32::NAN; slots], ratio, taken: None, lent: None, borrowed: false }
    }

    /// Its shape, once all of the day is known.
    pub(crate) fn shape(&self) -> Option<Shape> {
        if self.slots.is_empty() {
            return None;
        }
        Shape::new(&self.slots.iter().map(|value| f64::from(*value)).collect::<Vec<_>>())
    }

    /// Takes a shape to go by where nothing of its own is known; one of another length is stretched.
    pub(crate) fn lend(&mut self, shape: &Shape) {
        let (wanted, given) = (self.slots.len(), shape.0.len());
        if wanted > 0 && given > 0 {
            self.lent = Some(Shape((0..wanted).map(|slot| shape.0[slot * given / wanted]).collect()));
        }
    }

    /// Puts what was lent in place, at the level of a step `number` whose demand is about `level`.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn settle(&mut self, number: i64, level: f64) {
        let length = self.length();
        if let Some(shape) = self.lent.take_if(|_| length > 0) {
            let now = number.div_euclid(self.ratio).rem_euclid(length) as usize;
            self.borrowed = true;
            let unit = level / f64::from(shape.0[now]).max(0.05);
            for (slot, value) in self.slots.iter_mut().zip(&shape.0).filter(|(slot, _)| slot.is_nan()) {
                *slot = (f64::from(*value) * unit) as f32;
            }
        }
    }

    fn length(&self) -> i64 {
        self.slots.len() as i64
    }

    /// Takes in all slots that ended at least `delay` steps before the step `now`. The delay keeps a slot from telling
    /// about a step that forecasts of the time could not know.
    pub(crate) fn advance(&mut self, history: &History, holidays: &Holidays, now: i64, delay: i64) {
        if self.slots.is_empty() {
            return;
        }
        let newest = now.saturating_sub(delay).div_euclid(self.ratio).saturating_sub(1);
        let from = self.taken.unwrap_or(newest.saturating_sub(1)).max(newest.saturating_sub(self.length()));
        for slot in from.saturating_add(1)..=newest {
            self.take(history, holidays, slot);
        }
        self.taken = Some(self.taken.map_or(newest, |taken| taken.max(newest)));
    }

    /// Works the slot out anew from the last days, this one among them. Median and mean together: the median alone keeps
    /// a spike out, the mean alone is the less noisy one.
    #[allow(clippy::cast_possible_truncation)]
    fn take(&mut self, history: &History, holidays: &Holidays, slot: i64) {
        let mut values = [0.0_f64; DAYS as usize];
        let mut count = 0;
        for day in 0..DAYS {
            let number = slot.saturating_sub(day * self.length()).saturating_mul(self.ratio);
            let value = history.mean(number);
            if !value.is_nan() && !holidays.holds(history, number) {
                values[count] = value;
                count += 1;
            }
        }
        let values = &mut values[..count];
        if values.is_empty() {
            return;
        }
        values.sort_by(f64::total_cmp);
        let median = f64::midpoint(values[(count - 1) / 2], values[count / 2]);
        let kept = if count >= 4 { &values[1..count - 1] } else { &values[..] };
        let mean = kept.iter().sum::<f64>() / kept.len() as f64;
        let index = slot.rem_euclid(self.length()) as usize;
        self.slots[index] = f64::midpoint(median, mean) as f32;
    }

    /// What is usual at the step `number`, on the line through the middles of the slots.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(crate) fn at(&self, number: i64) -> f64 {
        let length = self.length();
        if length == 0 {
            return f64::NAN;
        }
        let slot = number.div_euclid(self.ratio);
        let get = |slot: i64| f64::from(self.slots[slot.rem_euclid(length) as usize]);
        let here = get(slot);
        if self.ratio == 1 {
            return here;
        }
        let offset = (number.rem_euclid(self.ratio) as f64 + 0.5) / self.ratio as f64 - 0.5;
        let there = get(if offset < 0.0 { slot.saturating_sub(1) } else { slot.saturating_add(1) });
        if there.is_nan() || here.is_nan() { here } else { here + (there - here) * offset.abs() }
    }
}
