//! What is done when a step closes: all forecasts of it are judged, models learn from it, new forecasts are made.

use super::super::hours::Hours;
use super::super::levels::{Levels, Origin};
use super::super::rows::{self, COMBINER, EXPERTS, LOG, SLOW, Seasonal};
use super::super::{ANCHORS, REACH, forgotten};
use super::{Anchor, COUNT, JUDGED, Lane, NEW_SEASON, bounds, slot};
use crate::demand::History;
use crate::forecast::slow::Slow;
use crate::forecast::trust::Outcome;

/// Half-lives in days' worth of steps, between so many steps at least and at most: of what the combiners have learned,
const LEARNING: (f64, f64, f64) = (3.0, 144.0, 4_320.0);
/// of the experts' record,
const BELIEF: (f64, f64, f64) = (2.0, 96.0, 1_400.0);
/// of the errors that quantiles are drawn from.
const CALIBRATION: (f64, f64, f64) = (4.0, 300.0, 5_760.0);
/// How far one miss moves the level that a quantile is asked for. Peaks follow each other in windows that overlap: theirs
/// has to move quickly, lest one burst widens it for days.
const STEPS_GAIN: f64 = 0.004;
const PEAKS_GAIN: f64 = 0.01;
/// What the seasons' averages gain in a step; as the middle average.
const SEASONAL_GAIN: f64 = 0.083;
/// Steps up to which an anchor draws its conclusions at each.
const YOUNG: f64 = 120.0;

/// How quickly is learned: what a step takes of each memory, and how many steps this one stands for.
struct Pace {
    forget: f64,
    belief: f64,
    fade: f64,
    stride: f64,
}

impl Lane {
    /// Learns from the step `number`, which has closed with `y` (NaN: nothing is known of it); `slow` knows it. Gives what
    /// came of the forecast that trust is measured by.
    ///
    /// With a `stride` above one, only every so manieth step is forecast from and learned by, in place of all.
    pub(crate) fn close(
        &mut self,
        history: &History,
        number: i64,
        y: f64,
        slow: &Slow,
        stride: i64,
    ) -> Option<Outcome> {
        let outcome = if y.is_nan() { None } else { self.learn(history, number, y, stride as f64) };
        if !y.is_nan() && self.levels.count >= 3.0 {
            self.profile.settle(number, self.levels.mid);
        }
        self.profile.advance(history, &self.holidays, number, REACH as i64 + 1);
        let now = self.seasonal(history, number.saturating_sub(1), 1).averaged();
        let before = self.seasonal;
        forward(&mut self.levels, &mut self.seasonal, y, now);
        if before.iter().zip(&self.seasonal).any(|(before, now)| before.is_nan() && !now.is_nan()) {
            self.doubt(NEW_SEASON);
        }
        for target in self.targets.unasked(number) {
            let seasonal = self.lens(history).seasonal(target.saturating_sub(1), 1);
            self.targets.put(target, &seasonal, self.hours.at(target));
        }
        let origin = origin_of(&self.levels, &self.seasonal, y);
        self.origins[slot(number)] = origin;
        let every = if self.levels.count < YOUNG { 1 } else { self.settling.saturating_mul(stride) };
        let chosen = number.rem_euclid(stride) == 0;
        for (anchor, ahead) in self.anchors.iter_mut().zip(ANCHORS) {
            if chosen {
                anchor.weigh(self.profile.borrowed);
            }
            // Each at another step.
            if number.saturating_add(ahead as i64).rem_euclid(every) == 0 {
                anchor.settle(ahead);
            }
        }
        if y.is_nan() || !chosen {
            for anchor in 0..COUNT {
                self.mixed.put(anchor, number, f64::NAN);
            }
        } else {
            self.foresee(history, number, &origin, slow);
        }
        outcome
    }

    /// Makes the forecasts that will be judged.
    fn foresee(&mut self, history: &History, number: i64, origin: &Origin, slow: &Slow) {
        let bounds = bounds(history);
        let mut crest = f64::NEG_INFINITY;
        for (anchor, ahead) in ANCHORS.iter().enumerate() {
            let seasonal = self.seasonal(history, number, *ahead);
            let between = (anchor, anchor, 0.0);
            let expected = self.slow_at(slow, history, number.saturating_add(*ahead as i64));
            let experts = self.experts(origin, &seasonal, *ahead, between, expected);
            let mixed = self.mixed(origin, &experts, between, slow.is_named(), bounds);
            crest = crest.max(mixed);
            self.combined.put(anchor, number, experts[COMBINER]);
            self.logged.put(anchor, number, experts[LOG]);
            self.slow.put(anchor, number, expected);
            self.mixed.put(anchor, number, mixed);
            self.crests.put(anchor, number, crest);
        }
    }

    /// Judges all that was forecast of the step `number`, and learns from what it came to.
    fn learn(&mut self, history: &History, number: i64, y: f64, stride: f64) -> Option<Outcome> {
        let mut outcome = None;
        let memory = |(days, least, most): (f64, f64, f64)| forgotten((days * self.day_steps).clamp(least, most));
        let [forget, belief, fade] = [LEARNING, BELIEF, CALIBRATION].map(memory);
        let pace = Pace { forget, belief, fade, stride };
        let loud = self.loudness(number);
        let (mut crest, mut loudest) = (y, loud);
        let mut seen = 1;
        let (mut errors, mut judged) = (0.0, 0.0);
        for (anchor, ahead) in ANCHORS.iter().enumerate() {
            let from = number.saturating_sub(*ahead as i64);
            let mixed = self.mixed.get(anchor, from);
            let origin = self.origins[slot(from)];
            if !mixed.is_finite() || origin.y.is_nan() || self.levels.count < *ahead as f64 {
                continue;
            }
            // The largest step of the window: unknown ones can't have been seen.
            for back in seen..*ahead {
                let step = number.saturating_sub(back as i64);
                crest = crest.max(f64::from(self.origins[slot(step)].y));
                loudest = loudest.max(self.loudness(step));
            }
            seen = *ahead;
            let seasonal = self.seasonal(history, from, *ahead);
            let scale = f64::from(origin.scale);
            let mut experts = rows::experts(&origin, &seasonal, *ahead);
            experts[COMBINER] = self.combined.get(anchor, from);
            experts[LOG] = self.logged.get(anchor, from);
            experts[SLOW] = self.slow.get(anchor, from);
            let highest = self.crests.get(anchor, from);
            let anchor_of = &mut self.anchors[anchor];
            anchor_of.learn(&origin, &seasonal, *ahead, &experts, y, &pace);
            let usual = anchor_of.steps.mean().max(1e-12);
            errors += (y - mixed).abs() / (scale * usual);
            judged += 1.0;
            let (error, peak) =
                ((y - mixed) / (scale * loud), (crest - highest) / (scale * Hours::of_largest(loudest)));
            if anchor == JUDGED {
                let naive = (y - f64::from(origin.y)).abs();
                let above = error > f64::from(anchor_of.watched[1]);
                outcome = Some(Outcome { error: (y - mixed).abs(), naive, scaled: error / usual, above });
            }
            anchor_of.calibrate(error, peak, &pace);
        }
        if judged > 0.0 {
            self.hours.note(number, errors / judged, stride);
        }
        outcome
    }

    /// What the newest step looks like as an origin: `y` may be that of a step still open.
    pub(crate) fn provisional(&self, history: &History, number: i64, y: f64) -> (Origin, Levels) {
        let (mut levels, mut seasonal) = (self.levels, self.seasonal);
        let now = self.lens(history).seasonal(number.saturating_sub(1), 1).averaged();
        forward(&mut levels, &mut seasonal, y, now);
        (origin_of(&levels, &seasonal, y), levels)
    }
}

impl Anchor {
    /// Learns from what the `experts` foresaw and the step came to, `y`.
    fn learn(
        &mut self,
        origin: &Origin,
        seasonal: &Seasonal,
        ahead: usize,
        experts: &[f64; EXPERTS.len()],
        y: f64,
        pace: &Pace,
    ) {
        let Pace { forget, belief, stride, .. } = *pace;
        self.record.score(experts, y, belief, stride);
        let size = rows::size(origin);
        let (target, residual) = ((y - f64::from(origin.mid)) / size, (y - experts[COMBINER]) / size);
        if target.abs() < 1e6 && residual.is_finite() {
            self.plain.learn(&rows::row(origin, seasonal, ahead), target, residual, forget, stride);
        }
        if experts[LOG].is_finite()
            && y >= 0.0
            && let Some(row) = rows::log_row(origin, seasonal, ahead)
        {
            let target = rows::log_target(origin, y);
            let residual = target - rows::log_target(origin, experts[LOG]);
            self.log.learn(&row, target, residual, forget, stride);
        }
    }

    /// Takes the scaled errors of the step and of the largest one up to it.
    fn calibrate(&mut self, error: f64, peak: f64, pace: &Pace) {
        let Pace { fade, stride, .. } = *pace;
        let [low, high, highest] = self.watched.map(f64::from);
        self.steps_level.note(error > high, error < low, STEPS_GAIN * stride);
        self.peaks_level.note(peak > highest, false, PEAKS_GAIN * stride);
        self.steps.add(error, fade, stride);
        self.peaks.add(peak, fade, stride);
    }
}

/// Brings averages forward.
fn forward(levels: &mut Levels, seasonal: &mut [f64; 3], y: f64, now: [f64; 3]) {
    levels.update(y);
    if y.is_nan() {
        return;
    }
    let gain = SEASONAL_GAIN.max(1.0 / levels.count);
    for (kept, value) in seasonal.iter_mut().zip(now) {
        if value.is_nan() {
            continue;
        }
        *kept = if kept.is_nan() { value } else { *kept + gain * (value - *kept) };
    }
}

fn origin_of(levels: &Levels, seasonal: &[f64; 3], y: f64) -> Origin {
    Origin {
        y: y as f32,
        fast: levels.fast as f32,
        mid: levels.mid as f32,
        slow: levels.slow as f32,
        slope: levels.slope as f32,
        base: levels.base as f32,
        noise: levels.noise as f32,
        // More the noise of the day than that of the hour: spikes come out of the quiet.
        scale: (levels.noise.powf(0.4) * levels.noise_long.powf(0.6) + 1e-4 * levels.long.abs() + 1e-12) as f32,
        day: seasonal[0] as f32,
        week: seasonal[1] as f32,
        profile: seasonal[2] as f32,
        size: (levels.slow.abs() + levels.noise + 1e-9) as f32,
    }
}
