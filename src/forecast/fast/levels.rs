//! Where demand stands: averages of several lengths, a damped slope, the noise around them.

use crate::demand::packed::packed;

/// What is known of a step when it closes: all that is needed to look back at it as the origin of a forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Origin {
    /// The step's mean; NaN where it is not known, and then nothing is learned from this origin.
    pub(crate) y: f32,
    pub(crate) fast: f32,
    pub(crate) mid: f32,
    pub(crate) slow: f32,
    /// Growth a step, as the damped slope has it.
    pub(crate) slope: f32,
    /// The level that the damped slope starts from.
    pub(crate) base: f32,
    /// The mean error of the naive forecast of late.
    pub(crate) noise: f32,
    /// What errors are divided by before they are counted.
    pub(crate) scale: f32,
    /// The middle average as it stood a day, a week ago, and in the profile; NaN where not known.
    pub(crate) day: f32,
    pub(crate) week: f32,
    pub(crate) profile: f32,
    /// What rows are divided by, so that all series are alike.
    pub(crate) size: f32,
}

impl Origin {
    pub(crate) const NONE: Self = Self {
        y: f32::NAN,
        fast: 0.0,
        mid: 0.0,
        slow: 0.0,
        slope: 0.0,
        base: 0.0,
        noise: 0.0,
        scale: 0.0,
        day: f32::NAN,
        week: f32::NAN,
        profile: f32::NAN,
        size: 0.0,
    };

    /// The same in another unit, of which the old one is `factor`.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn rescale(&mut self, factor: f64) {
        let values = [
            &mut self.y,
            &mut self.fast,
            &mut self.mid,
            &mut self.slow,
            &mut self.slope,
            &mut self.base,
            &mut self.noise,
            &mut self.scale,
            &mut self.day,
            &mut self.week,
            &mut self.profile,
            &mut self.size,
        ];
        for value in values {
            *value = (f64::from(*value) * factor) as f32;
        }
    }
}

packed!(Origin: y, fast, mid, slow, slope, base, noise, scale, day, week, profile, size);
packed!(Levels: count, fast, mid, slow, long, base, slope, noise, noise_long, last);

/// Averages that are brought forward by each step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Levels {
    pub(crate) count: f64,
    pub(crate) fast: f64,
    pub(crate) mid: f64,
    pub(crate) slow: f64,
    /// The level over days: the size of this series.
    pub(crate) long: f64,
    pub(crate) base: f64,
    pub(crate) slope: f64,
    pub(crate) noise: f64,
    pub(crate) noise_long: f64,
    pub(crate) last: f64,
}

/// What a step gains in each average: they halve within 1.5, 8, 45 and 1,440 steps.
const GAINS: [f64; 4] = [0.37, 0.083, 0.0153, 0.000_481];
/// Gains of level and slope, and what a step leaves of the slope.
const LEVEL_GAIN: f64 = 0.35;
const SLOPE_GAIN: f64 = 0.08;
pub(crate) const DAMPING: f64 = 0.92;
/// The same of the noise, which halves within 30 and 1,440 steps.
const NOISE: f64 = 0.0228;
const NOISE_LONG: f64 = 0.000_481;

impl Levels {
    pub(crate) const NONE: Self = Self {
        count: 0.0,
        fast: 0.0,
        mid: 0.0,
        slow: 0.0,
        long: 0.0,
        base: 0.0,
        slope: 0.0,
        noise: 0.0,
        noise_long: 0.0,
        last: 0.0,
    };

    /// Takes the next step; a missing one leaves the averages where they are.
    pub(crate) fn update(&mut self, y: f64) {
        if y.is_nan() {
            self.slope *= DAMPING;
            return;
        }
        if self.count == 0.0 {
            *self = Self { fast: y, mid: y, slow: y, long: y, base: y, last: y, ..Self::NONE };
        }
        self.count += 1.0;
        // While young, an average is the plain mean.
        let plain = 1.0 / self.count;
        let gain = |gain: f64| gain.max(plain);
        let change = (y - self.last).abs();
        self.noise += gain(NOISE) * (change - self.noise);
        self.noise_long += gain(NOISE_LONG) * (change - self.noise_long);
        self.fast += gain(GAINS[0]) * (y - self.fast);
        self.mid += gain(GAINS[1]) * (y - self.mid);
        self.slow += gain(GAINS[2]) * (y - self.slow);
        self.long += gain(GAINS[3]) * (y - self.long);
        let expected = self.base + DAMPING * self.slope;
        let base = expected + LEVEL_GAIN * (y - expected);
        self.slope = DAMPING * self.slope + SLOPE_GAIN * (base - self.base - DAMPING * self.slope);
        self.base = base;
        self.last = y;
    }

    /// The same in another unit, of which the old one is `factor`.
    pub(crate) fn rescale(&mut self, factor: f64) {
        let Self { count: _, fast, mid, slow, long, base, slope, noise, noise_long, last } = self;
        let values = [fast, mid, slow, long, base, slope, noise, noise_long, last];
        for value in values {
            *value *= factor;
        }
    }

    /// How far the damped slope gets in `ahead` steps, for a slope of one.
    pub(crate) fn reach(ahead: usize) -> f64 {
        DAMPING * (1.0 - DAMPING.powi(i32::try_from(ahead).unwrap_or(i32::MAX))) / (1.0 - DAMPING)
    }
}
