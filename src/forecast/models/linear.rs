//! Small systems of linear equations.

/// Normal equations of a least-squares fit that grow row by row: Xᵀ·X and Xᵀ·y.
#[derive(Debug, Clone)]
pub(super) struct Normal {
    size: usize,
    /// The lower triangle is kept, row after row.
    gram: Vec<f64>,
    moments: Vec<f64>,
}

impl Normal {
    pub(super) fn new(size: usize) -> Self {
        Self { size, gram: vec![0.0; size * size], moments: vec![0.0; size] }
    }

    /// Adds a row, after all before have been multiplied by `keep`: 1 forgets nothing.
    pub(super) fn add(&mut self, row: &[f64], target: f64, keep: f64) {
        let rows = row.iter().zip(self.gram.chunks_exact_mut(self.size)).zip(&mut self.moments);
        for (at, ((&x, gram), moment)) in rows.enumerate() {
            *moment = *moment * keep + x * target;
            gram.iter_mut().zip(row).take(at + 1).for_each(|(gram, &other)| *gram = *gram * keep + x * other);
        }
    }

    /// The coefficients, each drawn towards zero by `ridge` times its own column's size (A. Hoerl and R. Kennard, "Ridge
    /// regression", Technometrics 12, 1970). `None` where they come out as no numbers.
    pub(super) fn solve(&self, ridge: f64) -> Option<Vec<f64>> {
        let size = self.size;
        let trace = (0..size).map(|at| self.gram[at * size + at]).sum::<f64>();
        let floor = (trace * 1e-12).max(f64::MIN_POSITIVE * 1e20);
        let mut factor = self.gram.clone();
        // Cholesky's factor in place, row by row.
        for row in 0..size {
            for column in 0..=row {
                let (upper, lower) = factor.split_at(row * size);
                let other =
                    if column == row { &lower[..column] } else { &upper[column * size..column * size + column] };
                let sum: f64 = lower[..column].iter().zip(other).map(|(a, b)| a * b).sum();
                let here = lower[column];
                factor[row * size + column] = if column == row {
                    (here * (1.0 + ridge) + floor - sum).max(floor).sqrt()
                } else {
                    (here - sum) / factor[column * size + column]
                };
            }
        }
        let mut solution = self.moments.clone();
        for row in 0..size {
            let sum: f64 = (0..row).map(|at| factor[row * size + at] * solution[at]).sum();
            solution[row] = (solution[row] - sum) / factor[row * size + row];
        }
        for row in (0..size).rev() {
            let sum: f64 = (row + 1..size).map(|at| factor[at * size + row] * solution[at]).sum();
            solution[row] = (solution[row] - sum) / factor[row * size + row];
        }
        solution.iter().all(|value| value.is_finite()).then_some(solution)
    }
}

/// The intercept and the slope of the straight line through values one step apart.
pub(super) fn line(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let middle = (count - 1.0) / 2.0;
    let mean = values.iter().sum::<f64>() / count.max(1.0);
    let (mut both, mut own) = (0.0, 0.0);
    for (at, value) in values.iter().enumerate() {
        let from_middle = at as f64 - middle;
        both += from_middle * (value - mean);
        own += from_middle * from_middle;
    }
    let slope = if own > 0.0 { both / own } else { 0.0 };
    (mean - slope * middle, slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_solved_and_ridge_draws_towards_zero() {
        let mut normal = Normal::new(3);
        for (x, y) in [(1.0, 2.0), (2.0, 5.0), (3.0, 1.0), (-1.0, 4.0)] {
            normal.add(&[1.0, x, y], 4.0 - 2.0 * x + 0.5 * y, 1.0);
        }
        let found = normal.solve(0.0).unwrap();
        assert!(found.iter().zip([4.0, -2.0, 0.5]).all(|(found, want)| (found - want).abs() < 1e-6), "{found:?}");
        assert!(normal.solve(10.0).unwrap()[1].abs() < 1.0);
        assert_eq!(Normal::new(2).solve(0.0), Some(vec![0.0, 0.0]), "nothing known, nothing claimed");
        assert_eq!(line(&[1.0, 3.0, 5.0]), (1.0, 2.0));
    }
}
