//! Holes between known values, filled so that a method may walk over them. Never with zeros.

/// Holes up to this many steps are crossed in a straight line; in longer ones the shape of the season shows.
const STRAIGHT_MAX: usize = 3;

/// Fills what is NaN. The first and the last value must be known. A long hole takes the shape of the same hours one
/// season before (or after), moved so that it meets both edges, within what history has seen.
pub(super) fn fill(values: &mut [f64], seasons: &[usize], low: f64, high: f64) {
    let mut at = 0;
    while at < values.len() {
        if !values[at].is_nan() {
            at += 1;
            continue;
        }
        let end = (at..values.len()).find(|&next| !values[next].is_nan()).unwrap_or(values.len());
        cross(values, at, end, seasons);
        for value in &mut values[at..end] {
            *value = value.clamp(low, high);
        }
        at = end;
    }
}

/// Fills `from..to`, whose neighbours on both sides are known.
fn cross(values: &mut [f64], from: usize, to: usize, seasons: &[usize]) {
    let edge = |values: &[f64], at: Option<usize>| at.and_then(|at| values.get(at)).copied().filter(|v| !v.is_nan());
    let before = edge(values, from.checked_sub(1));
    let after = edge(values, Some(to));
    let (Some(left), Some(right)) = (before.or(after), after.or(before)) else { return };
    let part = |at: usize| (at + 1 - from) as f64 / (to + 1 - from) as f64;
    let model = if to - from > STRAIGHT_MAX { model(values, from, to, seasons) } else { None };
    match model {
        Some(shape) => {
            let (first, last) = (shape[0], shape[shape.len() - 1]);
            for at in from..to {
                let line = left - first + (right - last - (left - first)) * part(at);
                values[at] = shape[at + 1 - from] + line;
            }
        }
        None => (from..to).for_each(|at| values[at] = left + (right - left) * part(at)),
    }
}

/// The values of `from - 1..=to` one season away where all of them are known, earlier rather than later.
fn model(values: &[f64], from: usize, to: usize, seasons: &[usize]) -> Option<Vec<f64>> {
    let first = from.checked_sub(1)?;
    let ranges = seasons.iter().flat_map(|&season| {
        let earlier = first.checked_sub(season).zip(to.checked_sub(season));
        [earlier, Some((first + season, to + season))].into_iter().flatten()
    });
    let mut shapes = ranges.filter_map(|(first, last)| values.get(first..=last));
    shapes.find(|shape| shape.iter().all(|value| !value.is_nan())).map(<[f64]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: f64 = f64::NAN;

    #[track_caller]
    fn check(values: &[f64], seasons: &[usize], want: &[f64]) {
        let mut values = values.to_vec();
        fill(&mut values, seasons, 0.0, 9.0);
        assert_eq!(values, want);
    }

    #[test]
    fn short_holes_are_straight_and_long_ones_have_the_season_s_shape() {
        check(&[1.0, X, 3.0], &[], &[1.0, 2.0, 3.0]);
        check(&[1.0, X, X, X, 5.0], &[6], &[1.0, 2.0, 3.0, 4.0, 5.0]);
        let past = [0.0, 1.0, 4.0, 4.0, 1.0, 0.0];
        check(
            &[&past[..], &[2.0, X, X, X, X, 2.0]].concat(),
            &[6],
            &[&past[..], &[2.0, 3.0, 6.0, 6.0, 3.0, 2.0]].concat(),
        );
        // The season after serves where the one before is not there, and nothing leaves what was seen.
        check(
            &[&[8.0, X, X, X, X, 8.0], &past[..]].concat(),
            &[6],
            &[&[8.0, 9.0, 9.0, 9.0, 9.0, 8.0], &past[..]].concat(),
        );
    }
}
