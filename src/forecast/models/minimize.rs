//! The least of a function of a few bounded numbers, without its derivatives.

/// A number to be found: where the search begins, and between what it stays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unknown {
    pub start: f64,
    pub low: f64,
    pub high: f64,
}

impl Unknown {
    pub(super) fn new(start: f64, low: f64, high: f64) -> Self {
        Self { start: start.clamp(low, high), low, high }
    }
}

/// How many evaluations a search may take over `count` values: about two million steps, which take some ten milliseconds.
pub(super) fn evaluations(count: usize) -> usize {
    (2_000_000 / count.max(1)).clamp(160, 1000)
}

/// The least that the downhill simplex of J. Nelder and R. Mead finds ("A simplex method for function minimization", The
/// Computer Journal 7, 1965), points outside of the bounds brought to them. As bounds may flatten a simplex, it is set up
/// anew around what it found until that gains less than a ten-thousandth, or `evaluations` are spent.
pub(super) fn minimize(unknowns: &[Unknown], evaluations: usize, mut cost: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let mut spent = 0;
    let mut value = |point: &[f64]| {
        spent += 1;
        let cost = cost(point);
        (if cost.is_nan() { f64::INFINITY } else { cost }, spent >= evaluations)
    };
    let mut best: Vec<f64> = unknowns.iter().map(|unknown| unknown.start).collect();
    let (mut least, mut over) = value(&best);
    // Shares of the range: wide at first, then to the other side, then close.
    for stride in [0.2, -0.1, 0.05, -0.05, 0.02] {
        if over || unknowns.is_empty() {
            break;
        }
        let found = descend(unknowns, (least, best), stride, &mut value);
        let gained = least - found.0;
        (least, best, over) = found;
        if stride.abs() < 0.1 && gained <= least.abs() * 1e-4 {
            break;
        }
    }
    best
}

/// One simplex until its corners are alike: the least, where, and whether no evaluation is left.
fn descend(
    unknowns: &[Unknown],
    start: (f64, Vec<f64>),
    stride: f64,
    value: &mut impl FnMut(&[f64]) -> (f64, bool),
) -> (f64, Vec<f64>, bool) {
    let mut corners = vec![start];
    for (at, unknown) in unknowns.iter().enumerate() {
        let mut corner = corners[0].1.clone();
        let step = (unknown.high - unknown.low) * stride;
        // To the other side where a bound is in the way.
        let fits = (unknown.low..=unknown.high).contains(&(corner[at] + step));
        corner[at] = (corner[at] + if fits { step } else { -step }).clamp(unknown.low, unknown.high);
        corners.push((value(&corner).0, corner));
    }
    let last = corners.len() - 1;
    let mut over = false;
    while !over {
        corners.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (best, second, worst) = (corners[0].0, corners[last.saturating_sub(1)].0, corners[last].clone());
        if worst.0 - best <= best.abs() * 1e-7 {
            break;
        }
        let others = corners[..last].iter();
        let sums = others.fold(vec![0.0; unknowns.len()], |sums: Vec<f64>, (_, corner)| {
            sums.iter().zip(corner).map(|(sum, at)| sum + at).collect()
        });
        // The point on the line from the worst corner through the middle of the others.
        let beyond = |far: f64| -> Vec<f64> {
            let along = sums.iter().map(|sum| sum / last as f64).zip(&worst.1).zip(unknowns);
            along.map(|((middle, worst), of)| (middle + far * (middle - worst)).clamp(of.low, of.high)).collect()
        };
        let mirrored = beyond(1.0);
        let cost;
        (cost, over) = value(&mirrored);
        if cost < best {
            let further = beyond(2.0);
            let stretched = value(&further).0;
            corners[last] = if stretched < cost { (stretched, further) } else { (cost, mirrored) };
        } else if cost < second {
            corners[last] = (cost, mirrored);
        } else {
            let nearer = beyond(if cost < worst.0 { 0.5 } else { -0.5 });
            let shrunk = value(&nearer).0;
            if shrunk < worst.0.min(cost) {
                corners[last] = (shrunk, nearer);
                continue;
            }
            let first = corners[0].1.clone();
            for (cost, corner) in corners.iter_mut().skip(1) {
                corner.iter_mut().zip(&first).for_each(|(at, best)| *at = best + 0.5 * (*at - best));
                *cost = value(corner).0;
            }
        }
    }
    corners.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (least, best) = corners.swap_remove(0);
    (least, best, over)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unknowns: &[Unknown], cost: impl FnMut(&[f64]) -> f64, want: &[f64]) {
        let found = minimize(unknowns, 2000, cost);
        assert!(found.iter().zip(want).all(|(found, want)| (found - want).abs() < 0.01), "{found:?}");
    }

    #[test]
    fn valleys_are_found_within_bounds() {
        let free = Unknown::new(-1.2, -5.0, 5.0);
        // Rosenbrock's curved valley, and a slope that ends at a bound.
        check(&[free, free], |x| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2), &[1.0, 1.0]);
        check(&[Unknown::new(0.5, 0.0, 0.9)], |x| -x[0], &[0.9]);
        check(&[], |_| 0.0, &[]);
        check(&[Unknown::new(0.5, 0.0, 1.0)], |_| f64::NAN, &[0.5]);
    }
}
