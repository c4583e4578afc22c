//! A linear model that learns step by step: recursive least squares with forgetting, in information form.
//!
//! Instead of the covariance, the weighted sums of products are kept (`A = Σ λᵃ w x xᵀ`, `b = Σ λᵃ w x y`) and solved by
//! Cholesky with a ridge towards prior weights. The answer is that of a least squares over the whole past with
//! exponential weights; and where nothing new is learned the sums fade and the ridge takes over, so that there is no
//! covariance to wind up.

use crate::demand::packed::packed;

/// Features in a row.
pub(crate) const D: usize = 12;
/// Products in a triangle.
const TRIANGLE: usize = D * (D + 1) / 2;

pub(crate) type Row = [f64; D];

/// The model of one anchor.
#[derive(Debug, Clone)]
pub(crate) struct Regression {
    products: [f32; TRIANGLE],
    targets: [f32; D],
    pub(crate) weights: [f32; D],
    /// Sum of the weights of all rows.
    mass: f32,
    /// Recent mean size of scaled residuals.
    pub(crate) spread: f32,
}

packed!(Regression: products, targets, weights, mass, spread);

/// How much the prior counts, in rows.
const PRIOR_ROWS: f64 = 5.0;
/// Residuals count in full up to this many times their mean size; beyond it as if they were there.
const CLIP: f64 = 1.5;

impl Regression {
    pub(crate) fn new(prior: &Row) -> Self {
        #[allow(clippy::cast_possible_truncation)]
        let weights = prior.map(|weight| weight as f32);
        Self { products: [0.0; TRIANGLE], targets: [0.0; D], weights, mass: 0.0, spread: 0.0 }
    }

    /// Makes what has been learned count a quarter.
    pub(crate) fn doubt(&mut self) {
        self.products.iter_mut().for_each(|product| *product *= 0.25);
        self.targets.iter_mut().for_each(|target| *target *= 0.25);
        self.mass *= 0.25;
    }

    pub(crate) fn predict(&self, row: &Row) -> f64 {
        row.iter().zip(&self.weights).map(|(x, w)| x * f64::from(*w)).sum()
    }

    /// Learns that `row` led to `target`; `residual` is by how much the forecast of the time was off.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn learn(&mut self, row: &Row, target: f64, residual: f64, forget: f64) {
        let size = residual.abs();
        let spread = f64::from(self.spread);
        let weight = if spread > 0.0 && size > CLIP * spread { CLIP * spread / size } else { 1.0 };
        let gain = (1.0 - forget).max(1.0 / (f64::from(self.mass) + 1.0)).max(0.002);
        self.spread += (gain * (size.min(10.0 * spread.max(size * 0.05)) - spread)) as f32;
        let keep = forget as f32;
        let mut at = 0;
        for i in 0..D {
            let scaled = weight * row[i];
            for x in &row[..=i] {
                self.products[at] = self.products[at] * keep + (scaled * x) as f32;
                at += 1;
            }
            self.targets[i] = self.targets[i] * keep + (scaled * target) as f32;
        }
        self.mass = self.mass * keep + weight as f32;
    }

    /// Works the weights out anew.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn solve(&mut self, prior: &Row) {
        let mass = f64::from(self.mass);
        if mass <= 0.0 {
            return;
        }
        let mut a = [[0.0_f64; D]; D];
        let mut b = [0.0_f64; D];
        let mut at = 0;
        for i in 0..D {
            for j in 0..=i {
                a[i][j] = f64::from(self.products[at]);
                at += 1;
            }
            b[i] = f64::from(self.targets[i]);
        }
        for i in 0..D {
            // The ridge is worth so many rows of this feature's own size; one that never moved stays at its prior.
            let ridge = PRIOR_ROWS * a[i][i] / mass + 1e-9;
            a[i][i] += ridge;
            b[i] += ridge * prior[i];
        }
        if let Some(weights) = cholesky(a, b) {
            self.weights = weights.map(|weight| weight as f32);
        }
    }
}

/// Solves `a x = b` for a symmetric positive `a`, given its lower triangle.
fn cholesky(mut a: [[f64; D]; D], mut b: [f64; D]) -> Option<[f64; D]> {
    for i in 0..D {
        for j in 0..=i {
            let mut sum = a[i][j];
            for k in 0..j {
                sum -= a[i][k] * a[j][k];
            }
            if i == j {
                if !(sum.is_finite() && sum > 0.0) {
                    return None;
                }
                a[i][i] = sum.sqrt();
            } else {
                a[i][j] = sum / a[j][j];
            }
        }
    }
    for i in 0..D {
        for k in 0..i {
            b[i] -= a[i][k] * b[k];
        }
        b[i] /= a[i][i];
    }
    for i in (0..D).rev() {
        for k in i + 1..D {
            b[i] -= a[k][i] * b[k];
        }
        b[i] /= a[i][i];
    }
    b.iter().all(|x| x.is_finite()).then_some(b)
}
