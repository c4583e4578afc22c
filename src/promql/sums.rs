//! Sums and means that lose no digits on the way: Kahan's compensation in Neumaier's variant, as Prometheus has it.

/// A compensated sum.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    sum: f64,
    /// What rounding has cut off so far.
    lost: f64,
}

impl Sum {
    pub(super) fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        if sum.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - sum) + value;
        } else {
            self.lost += (value - sum) + self.sum;
        }
        self.sum = sum;
    }

    pub(super) fn total(self) -> f64 {
        self.sum + self.lost
    }

    fn scaled(self, factor: f64) -> Self {
        Self { sum: self.sum * factor, lost: self.lost * factor }
    }
}

/// A mean: a sum that is divided at the end, until the sum would overflow; from there on the mean itself is moved.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    sum: Sum,
    count: f64,
    /// `sum` holds the mean.
    moving: bool,
}

impl Mean {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.moving {
            let mut sum = self.sum;
            sum.add(value);
            if self.count == 1.0 || !sum.sum.is_infinite() {
                self.sum = sum;
                return;
            }
            self.moving = true;
            self.sum = self.sum.scaled(1.0 / (self.count - 1.0));
        }
        let mean = self.sum.sum;
        // An infinite mean stays as it is, unless the other infinity or NaN comes.
        if mean.is_infinite() && (value.is_finite() || value == mean) {
            return;
        }
        self.sum = self.sum.scaled((self.count - 1.0) / self.count);
        self.sum.add(value / self.count);
    }

    pub(super) fn mean(self) -> f64 {
        if self.moving { self.sum.total() } else { self.sum.total() / self.count }
    }
}

/// A population variance, kept up value by value (Welford).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Variance {
    count: f64,
    mean: Sum,
    squares: Sum,
}

impl Variance {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let before = value - self.mean.total();
        self.mean.add(before / self.count);
        self.squares.add(before * (value - self.mean.total()));
    }

    pub(super) fn variance(self) -> f64 {
        self.squares.total() / self.count
    }
}
