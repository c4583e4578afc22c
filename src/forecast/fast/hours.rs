//! How loud each time of the day is: how large errors are then, next to those of the whole day.
//!
//! What comes at the same time each day seldom comes at the same minute and in the same size: a nightly job is hard to
//! foresee tomorrow because it was yesterday. The noise of late can't tell that it is about to begin; the clock can.

use crate::demand::packed::packed;

/// Stretches of a day, at most: a quarter of an hour each. A job of a few minutes stands out of one, and its errors of a
/// few days say enough about it.
const STRETCHES: i64 = 96;
/// What a day gains in the record: it halves within two and a half.
const DAILY: f64 = 0.25;
/// Errors count up to so many times what is usual.
const ERROR_MAX: f64 = 20.0;
/// Of the difference between times of the day, so much in logarithms is believed; the rest is chance.
const BELIEVED: f64 = 0.7;
/// What is added to both sides, in shares of the day's mean, so that a silent hour is not taken for a certain one.
const DOUBT: f64 = 0.2;
/// How much louder or quieter than the day a stretch can be.
const BOUNDS: (f64, f64) = (0.3, 4.0);

/// The record of a day's errors.
#[derive(Debug, Clone)]
pub(crate) struct Hours {
    /// Mean error in each stretch, in shares of what is usual.
    errors: Vec<f32>,
    /// The same of the whole day.
    mean: f32,
    /// Steps in a day and in a stretch of it; zero where there is no day.
    day: i64,
    length: i64,
}

packed!(Hours: errors, mean);

impl Hours {
    /// The record of a day of `day` steps: as long as nothing is known, all of it is alike.
    pub(crate) fn new(day: i64) -> Self {
        let day = if day > 1 { day } else { 0 };
        let length = (day + STRETCHES - 1) / STRETCHES;
        let count = if day > 0 { (day + length - 1) / length } else { 0 };
        Self { errors: vec![1.0; count as usize], mean: 1.0, day, length }
    }

    /// Notes an error at the step `number`, in shares of what is usual. It counts as `stride` that are alike.
    pub(crate) fn note(&mut self, number: i64, error: f64, stride: f64) {
        if self.day == 0 || !error.is_finite() {
            return;
        }
        let error = error.min(ERROR_MAX);
        let ease = |kept: &mut f32, steps: i64| {
            let gain = (DAILY * stride / steps as f64).min(1.0);
            *kept += (gain * (error - f64::from(*kept))) as f32;
        };
        ease(&mut self.errors[(number.rem_euclid(self.day) / self.length) as usize], self.length);
        ease(&mut self.mean, self.day);
    }

    /// How many times as loud as the day the step `number` is, going by its stretch and the two around it.
    pub(crate) fn at(&self, number: i64) -> f64 {
        if self.day == 0 {
            return 1.0;
        }
        let place = number.rem_euclid(self.day);
        let (stretch, count) = (place / self.length, self.errors.len() as i64);
        let get = |stretch: i64| f64::from(self.errors[stretch.rem_euclid(count) as usize]);
        let way = ((place % self.length) as f64 + 0.5) / self.length as f64;
        let around = get(stretch - 1) * (1.0 - way) + get(stretch + 1) * way;
        let error = f64::midpoint(get(stretch), around);
        let doubt = DOUBT * f64::from(self.mean);
        let ratio = (error + doubt) / (f64::from(self.mean) + doubt).max(1e-9);
        ratio.powf(BELIEVED).clamp(BOUNDS.0, BOUNDS.1)
    }

    /// How loud the largest of several steps is, of which the loudest one is so `loud`: the root of it, for the largest is
    /// as often another one.
    pub(crate) fn of_largest(loud: f64) -> f64 {
        loud.sqrt()
    }

    /// What it takes in memory beside itself, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.errors.capacity() * size_of::<f32>()
    }
}

#[cfg(test)]
mod tests {
    use super::Hours;

    /// A record of `days` days of minutes whose errors are as `error` has them.
    fn hours(days: i64, error: impl Fn(i64) -> f64) -> Hours {
        let mut hours = Hours::new(1_440);
        (0..days * 1_440).for_each(|number| hours.note(number, error(number % 1_440), 1.0));
        hours
    }

    #[test]
    fn a_day_of_equal_errors_is_equally_loud() {
        let hours = hours(10, |_| 3.0);
        assert!((0..1_440).all(|number| (hours.at(number) - 1.0).abs() < 0.05));
    }

    #[test]
    fn the_time_of_a_nightly_job_is_loud() {
        let hours = hours(10, |minute| if (120..150).contains(&minute) { 10.0 } else { 1.0 });
        assert!(hours.at(20 * 1_440 + 135) > 2.5);
        assert!(hours.at(20 * 1_440 + 720) < 1.0);
    }

    #[test]
    fn no_day_and_no_errors_are_no_trouble() {
        assert_eq!(Hours::new(0).at(-7), 1.0);
        for error in [0.0, 1e300, f64::NAN] {
            let hours = hours(30, |_| error);
            assert!((-1_440..1_440).all(|number| (0.3..=4.0).contains(&hours.at(number))), "{error}");
        }
        let mut week = Hours::new(7);
        (0..70).for_each(|number| week.note(number, 2.0, 11.0));
        assert!((0..7).all(|number| week.at(number).is_finite()));
    }
}
