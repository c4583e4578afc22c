//! A stationary series as a mix of its own past and of past errors.

use super::linear::Normal;
use super::minimize::{Unknown, minimize};

/// y = c + Σ φᵢ·yᵢ₋ + e + Σ θⱼ·eⱼ₋, with the newest past values and errors first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Arma {
    pub constant: f64,
    pub ar: Vec<f64>,
    pub ma: Vec<f64>,
    values: Vec<f64>,
    errors: Vec<f64>,
}

/// Orders tried, each of p and q.
const ORDER_MAX: usize = 3;

impl Arma {
    /// The model whose order and coefficients describe `values` best.
    ///
    /// E. Hannan and J. Rissanen, "Recursive estimation of mixed autoregressive-moving average order", Biometrika 69, 1982:
    /// errors of a long autoregression stand in for the unknown ones, each order is a linear regression, and the information
    /// criterion chooses (G. Schwarz, 1978). The best is then refined by least conditional squares (G. Box and G. Jenkins,
    /// 1970).
    pub(super) fn chosen(values: &[f64], with_constant: bool) -> Option<Self> {
        let count = values.len();
        let long = (10.0 * (count as f64).log10()).clamp(1.0, count as f64 / 5.0);
        let errors = long_errors(values, whole(long));
        let from = whole(long) + ORDER_MAX;
        let orders = (0..=ORDER_MAX).flat_map(|p| (0..=ORDER_MAX).map(move |q| (p, q)));
        let mut tried: Vec<(f64, Self)> = orders
            .filter_map(|(p, q)| {
                let model = Self::regressed(values, &errors, (p, q), with_constant, from)?;
                let left = count.saturating_sub(from) as f64;
                let size = model.squares(values) / count as f64;
                Some((left * size.max(1e-30).ln() + (p + q) as f64 * left.ln(), model))
            })
            .collect();
        tried.sort_by(|a, b| a.0.total_cmp(&b.0));
        let best = tried.into_iter().next()?.1;
        Some(best.refined(values))
    }

    fn regressed(
        values: &[f64],
        errors: &[f64],
        (p, q): (usize, usize),
        with_constant: bool,
        from: usize,
    ) -> Option<Self> {
        if values.len() < from + 3 * (p + q + 1) {
            return None;
        }
        let mut normal = Normal::new(p + q + 1);
        let mut row = vec![0.0; p + q + 1];
        for at in from..values.len() {
            row[0] = f64::from(u8::from(with_constant));
            (0..p).for_each(|lag| row[1 + lag] = values[at - 1 - lag]);
            (0..q).for_each(|lag| row[1 + p + lag] = errors[at - 1 - lag]);
            normal.add(&row, values[at], 1.0);
        }
        let found = normal.solve(1e-9)?;
        let model = Self {
            constant: found[0],
            ar: found[1..=p].to_vec(),
            ma: found[1 + p..].to_vec(),
            values: Vec::new(),
            errors: Vec::new(),
        };
        model.is_stable().then_some(model)
    }

    /// The same order with the coefficients of the least conditional squares.
    fn refined(self, values: &[f64]) -> Self {
        let coefficients: Vec<f64> = self.ar.iter().chain(&self.ma).copied().collect();
        let reach = values.iter().fold(0.0_f64, |size, value| size.max(value.abs()));
        let bounds = coefficients.iter().map(|&start| Unknown::new(start, start - 0.5, start + 0.5));
        let constant = Unknown::new(self.constant, self.constant - 0.2 * reach, self.constant + 0.2 * reach);
        let unknowns: Vec<Unknown> = bounds.chain((self.constant != 0.0).then_some(constant)).collect();
        let p = self.ar.len();
        let model = |found: &[f64]| Self {
            constant: found.get(coefficients.len()).copied().unwrap_or(0.0),
            ar: found[..p].to_vec(),
            ma: found[p..coefficients.len()].to_vec(),
            ..Self::default()
        };
        let best = minimize(&unknowns, 60 * unknowns.len().max(1), |found| {
            let tried = model(found);
            if tried.is_stable() { tried.squares(values) } else { f64::INFINITY }
        });
        let best = model(&best);
        if best.is_stable() { best } else { self }
    }

    /// The sum of squared errors over all values, the first ones taken as expected.
    pub(super) fn squares(&self, values: &[f64]) -> f64 {
        let mut walker = Self { values: Vec::new(), errors: Vec::new(), ..self.clone() };
        walker.begin(values);
        values.iter().skip(self.ar.len()).map(|value| walker.take(Some(*value)).powi(2)).sum()
    }

    /// Goes over all values, so that what is remembered are the newest.
    pub(super) fn walk(&mut self, values: &[f64]) {
        self.begin(values);
        for value in values.iter().skip(self.ar.len()) {
            self.take(Some(*value));
        }
    }

    fn begin(&mut self, values: &[f64]) {
        let first = values.iter().take(self.ar.len()).rev();
        self.values = first.copied().collect();
        self.values.resize(self.ar.len(), 0.0);
        self.errors = vec![0.0; self.ma.len()];
    }

    /// What the next value is expected to be.
    pub(super) fn next(&self) -> f64 {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        self.constant + dot(&self.ar, &self.values) + dot(&self.ma, &self.errors)
    }

    /// Takes the next value, or none, and gives its error.
    pub(super) fn take(&mut self, value: Option<f64>) -> f64 {
        let expected = self.next();
        let error = value.map_or(0.0, |value| value - expected);
        let push = |past: &mut Vec<f64>, newest: f64| {
            if !past.is_empty() {
                past.rotate_right(1);
                past[0] = newest;
            }
        };
        push(&mut self.values, value.unwrap_or(expected));
        push(&mut self.errors, error);
        error
    }

    /// Whether the past fades from values and from errors.
    fn is_stable(&self) -> bool {
        let turned: Vec<f64> = self.ma.iter().map(|theta| -theta).collect();
        fades(&self.ar) && fades(&turned)
    }
}

/// Whether all roots of 1 - Σ φᵢ·zⁱ lie outside of the unit circle: the partial autocorrelations, found by going the
/// recursion of J. Durbin and N. Levinson backwards, are all below 1 in size.
pub(super) fn fades(coefficients: &[f64]) -> bool {
    let mut left = coefficients.to_vec();
    while let Some(&last) = left.last() {
        if last.is_nan() || last.abs() >= 0.999 {
            return false;
        }
        let count = left.len() - 1;
        left = (0..count).map(|at| (left[at] + last * left[count - 1 - at]) / (1.0 - last * last)).collect();
    }
    true
}

/// The errors of a long autoregression, zeros where there is no past yet.
fn long_errors(values: &[f64], order: usize) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let at_lag =
        |lag: usize| centred.iter().zip(centred.get(lag..).unwrap_or_default()).map(|(a, b)| a * b).sum::<f64>();
    let covariances: Vec<f64> = (0..=order).map(at_lag).collect();
    let phi = levinson(&covariances);
    let mut errors = vec![0.0; values.len()];
    for (window, error) in centred.windows(order + 1).zip(errors.iter_mut().skip(order)) {
        let past = window[..order].iter().rev();
        *error = window[order] - phi.iter().zip(past).map(|(phi, value)| phi * value).sum::<f64>();
    }
    errors
}

/// The autoregression with these autocovariances (Levinson's recursion).
fn levinson(covariances: &[f64]) -> Vec<f64> {
    let mut phi: Vec<f64> = Vec::new();
    let mut left = covariances[0] * (1.0 + 1e-9);
    for order in 1..covariances.len() {
        if left <= 0.0 {
            break;
        }
        let sum: f64 =
            phi.iter().zip(covariances[1..order].iter().rev()).map(|(phi, covariance)| phi * covariance).sum();
        let partial = (covariances[order] - sum) / left;
        let mirrored: Vec<f64> = phi.iter().rev().copied().collect();
        phi.iter_mut().zip(mirrored).for_each(|(phi, other)| *phi -= partial * other);
        phi.push(partial);
        left *= 1.0 - partial * partial;
    }
    phi.resize(covariances.len() - 1, 0.0);
    phi
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ten times a logarithm, at least 1")]
fn whole(count: f64) -> usize {
    count.max(1.0) as usize
}
