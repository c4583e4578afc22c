//! A linear model that learns step by step: recursive least squares with forgetting, in information form.
//!
//! Instead of the covariance, the weighted sums of products are kept (`A = Σ λᵃ w x xᵀ`, `b = Σ λᵃ w x y`) and solved by
//! Cholesky with a ridge towards prior weights. The answer is that of a least squares over the whole past with
//! exponential weights; and where nothing new is learned the sums fade and the ridge takes over, so that there is no
//! covariance to wind up.

use crate::demand::packed::packed;

/// Features in a row.
pub(crate) const D: usize = 12;
/// Products that are taken at once. Rows of the triangle are as long as this times whole numbers, which is faster than
/// leaving out what the other triangle has too.
const LANES: usize = 4;
/// Groups of products in a triangle: a row of each three groups, one row longer by one.
const GROUPS: usize = LANES * (1 + 2 + 3);

pub(crate) type Row = [f32; D];

/// The model of one anchor.
#[derive(Debug, Clone)]
pub(crate) struct Regression {
    products: [[f32; LANES]; GROUPS],
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
        Self { products: [[0.0; LANES]; GROUPS], targets: [0.0; D], weights: *prior, mass: 0.0, spread: 0.0 }
    }

    /// Makes what has been learned count `share` of what it did.
    pub(crate) fn doubt(&mut self, share: f32) {
        self.products.as_flattened_mut().iter_mut().chain(&mut self.targets).for_each(|sum| *sum *= share);
        self.mass *= share;
    }

    pub(crate) fn predict(&self, row: &Row) -> f64 {
        let mut sums = [0.0_f32; LANES];
        for (x, w) in row.as_chunks::<LANES>().0.iter().zip(self.weights.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                sums[lane] += x[lane] * w[lane];
            }
        }
        f64::from((sums[0] + sums[2]) + (sums[1] + sums[3]))
    }

    /// Learns that `row` led to `target`; `residual` is by how much the forecast of the time was off. It counts as
    /// `stride` rows that are alike.
    pub(crate) fn learn(&mut self, row: &Row, target: f64, residual: f64, forget: f64, stride: f64) {
        let size = residual.abs();
        let spread = f64::from(self.spread);
        let weight = if spread > 0.0 && size > CLIP * spread { CLIP * spread / size } else { 1.0 };
        let gain = (stride * forget).max(stride / (f64::from(self.mass) + stride)).max(0.002 * stride).min(1.0);
        self.spread += (gain * (size.min(10.0 * spread.max(size * 0.05)) - spread)) as f32;
        let keep = (1.0 - forget * stride) as f32;
        let weight = (weight * stride) as f32;
        let chunks = row.as_chunks::<LANES>().0;
        let mut groups = self.products.iter_mut();
        for (i, x) in row.iter().enumerate() {
            let scaled = weight * x;
            for chunk in &chunks[..=i / LANES] {
                let Some(group) = groups.next() else { break };
                for lane in 0..LANES {
                    group[lane] = group[lane] * keep + scaled * chunk[lane];
                }
            }
        }
        let target = weight * target as f32;
        for (sum, x) in self.targets.iter_mut().zip(row) {
            *sum = *sum * keep + target * x;
        }
        self.mass = self.mass * keep + weight;
    }

    /// Works the weights out anew.
    pub(crate) fn solve(&mut self, prior: &Row) {
        let mass = f64::from(self.mass);
        if mass <= 0.0 {
            return;
        }
        let mut a = [[0.0_f64; D]; D];
        let mut b = [0.0_f64; D];
        let mut groups = 0;
        for i in 0..D {
            for j in 0..=i {
                a[i][j] = f64::from(self.products[groups + j / LANES][j % LANES]);
            }
            groups += i / LANES + 1;
            b[i] = f64::from(self.targets[i]);
        }
        for i in 0..D {
            // The ridge is worth so many rows of this feature's own size; one that never moved stays at its prior.
            let ridge = PRIOR_ROWS * a[i][i] / mass + 1e-9;
            a[i][i] += ridge;
            b[i] += ridge * f64::from(prior[i]);
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
