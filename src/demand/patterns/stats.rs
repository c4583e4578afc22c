//! The few numbers that patterns are found by. Slices of known, finite values; an empty one has the median 0.

/// The median; puts `values` in another order.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// The median of what is known: NaN is left out.
pub(crate) fn median_of(values: impl Iterator<Item = f64>) -> f64 {
    median(&mut values.filter(|value| !value.is_nan()).collect::<Vec<_>>())
}

/// A quantile, between its neighbours by a straight line; puts `values` in another order.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn quantile(values: &mut [f64], part: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let place = part.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    let (_, below, more) = values.select_nth_unstable_by(place as usize, f64::total_cmp);
    let way = place.fract();
    if way == 0.0 {
        return *below;
    }
    let above = more.iter().copied().fold(f64::INFINITY, f64::min);
    *below + (above - *below) * way
}

/// Sums over pairs whose both sides are known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pairs {
    pub(crate) count: f64,
    pub(crate) mean_x: f64,
    pub(crate) mean_y: f64,
    pub(crate) var_x: f64,
    pub(crate) var_y: f64,
    pub(crate) covariance: f64,
}

impl Pairs {
    /// `x` and `y` side by side; NaN on either side leaves a pair out.
    pub(crate) fn of(x: impl Iterator<Item = f64> + Clone, y: impl Iterator<Item = f64> + Clone) -> Self {
        let pairs = x.zip(y).filter(|(x, y)| !x.is_nan() && !y.is_nan());
        let (mut count, mut mean_x, mut mean_y) = (0.0, 0.0, 0.0);
        for (x, y) in pairs.clone() {
            count += 1.0;
            mean_x += (x - mean_x) / count;
            mean_y += (y - mean_y) / count;
        }
        let mut sums = Self { count, mean_x, mean_y, ..Self::default() };
        if count == 0.0 {
            return sums;
        }
        for (x, y) in pairs {
            sums.var_x += (x - mean_x) * (x - mean_x) / count;
            sums.var_y += (y - mean_y) * (y - mean_y) / count;
            sums.covariance += (x - mean_x) * (y - mean_y) / count;
        }
        sums
    }

    /// Pearson's correlation; 0 where one side does not move.
    pub(crate) fn correlation(&self) -> f64 {
        let both = (self.var_x * self.var_y).sqrt();
        if both > 0.0 { (self.covariance / both).clamp(-1.0, 1.0) } else { 0.0 }
    }
}
