//! Replicas unlike the rest of their workload: one that is stuck, one that gets all the requests.
//!
//! In: the recent values of each replica, at the same steps. Out: those that stand apart, with how far. Two views, for
//! each is blind to something:
//!
//! - **Level**, by the median absolute deviation: the modified z-score (B. Iglewicz and D. Hoaglin, 1993) of each replica's
//!   median among the others'. It knows nothing of the course of time.
//! - **Course**, by density: DBSCAN (M. Ester et al., KDD 1996, from `augurs`) over the distances of the series, which are
//!   mean absolute ones, or dynamic time warping where replicas do the same a little sooner or later. What belongs to no
//!   cluster that holds more than half of the replicas stands apart; where no such cluster is, nobody does.
//!
//! Less than a tenth of the usual level is no distance: replicas are never quite alike.
//!
//! `augurs` has a feature `outlier` for just this. It is not taken, because it brings in a crate with an unsound release
//! in its tree; its clustering and its warping come without one, and the medians are a page of ours.

use augurs::clustering::{DbscanClusterer, DistanceMatrix};
use augurs::dtw::Dtw;

use super::patterns::stats::{median, median_of};

/// With fewer replicas nobody can say who is the odd one.
pub const REPLICAS_MIN: usize = 4;

/// More replicas than these are judged by their level only: each pair costs a distance.
pub const REPLICAS_MAX: usize = 200;

/// Values of a replica that are looked at: the newest. 200 replicas are then 20,000 distances of 64 points, 3 ms, and
/// with warping 40 ms.
pub const VALUES_MAX: usize = 64;

/// From how many robust deviations on a level stands apart.
const SCORE_APART: f64 = 3.5;
/// What makes a median absolute deviation a standard deviation: 1 / Φ⁻¹(3/4).
const NORMAL: f64 = 1.482_602_218_505_602;
/// The least deviation that counts, as a part of the usual level.
const SPREAD_MIN: f64 = 0.1;
/// How far a series may be warped, in steps.
const WARP_MAX: usize = 4;

/// How the distance of two replicas is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Distance {
    /// The mean of what lies between them at the same step.
    #[default]
    Absolute,
    /// The same, after dynamic time warping by up to four steps.
    Warped,
}

/// A replica that stands apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlier {
    /// Which one, by its place in what was given.
    pub replica: usize,
    /// How far its level is from the usual one in robust standard deviations; negative below.
    pub score: f64,
    /// Its level stands apart.
    pub by_level: bool,
    /// Its course does: in no cluster with most of the others.
    pub by_course: bool,
}

/// Finds the replicas that stand apart, in their order. `replicas` are the recent values of each, oldest first, the last
/// ones at the same time; NaN or an infinity is a missing one. Who has less than half of the values is not judged.
#[must_use]
pub fn outliers(replicas: &[&[f64]], distance: Distance) -> Vec<Outlier> {
    let length = replicas.iter().map(|values| values.len()).max().unwrap_or(0).min(VALUES_MAX);
    // The largest value is 1 from here on, so that no sum is too large.
    let finite = replicas.iter().flat_map(|values| values.iter()).filter(|value| value.is_finite());
    let largest = finite.fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let known: Vec<(usize, Vec<f64>)> = replicas
        .iter()
        .enumerate()
        .filter_map(|(replica, values)| Some((replica, newest(values, length, largest)?)))
        .collect();
    if known.len() < REPLICAS_MIN || largest == 0.0 {
        return Vec::new();
    }
    let scores = scores(&known);
    let apart = if known.len() <= REPLICAS_MAX { by_course(&known, distance) } else { vec![false; known.len()] };
    let judged = known.iter().zip(scores).zip(apart);
    let judged = judged.map(|(((replica, _), score), by_course)| Outlier {
        replica: *replica,
        score,
        by_level: score.abs() > SCORE_APART,
        by_course,
    });
    judged.filter(|outlier| outlier.by_level || outlier.by_course).collect()
}

/// The newest values as parts of `largest`; NaN where they are missing. `None` where less than half are known.
fn newest(values: &[f64], length: usize, largest: f64) -> Option<Vec<f64>> {
    let values = values.get(values.len().saturating_sub(length)..)?;
    let missing = std::iter::repeat_n(f64::NAN, length - values.len());
    let part = |value: &f64| if value.is_finite() { value / largest } else { f64::NAN };
    let values: Vec<f64> = missing.chain(values.iter().map(part)).collect();
    let known = values.iter().filter(|value| !value.is_nan()).count();
    (known > 0 && 2 * known >= length).then_some(values)
}

/// How far each one's level is from the usual one.
fn scores(known: &[(usize, Vec<f64>)]) -> Vec<f64> {
    let levels: Vec<f64> = known.iter().map(|(_, values)| median_of(values.iter().copied())).collect();
    let usual = median(&mut levels.clone());
    let deviation = median_of(levels.iter().map(|level| (level - usual).abs()));
    let spread = (NORMAL * deviation).max(SPREAD_MIN * usual.abs());
    let score = |level: &f64| {
        let away = level - usual;
        if away == 0.0 { 0.0 } else { (away / spread).clamp(-1000.0, 1000.0) }
    };
    levels.iter().map(score).collect()
}

/// Who belongs to no cluster that holds more than half of all.
fn by_course(known: &[(usize, Vec<f64>)], distance: Distance) -> Vec<bool> {
    let nobody = || vec![false; known.len()];
    let filled: Vec<Vec<f64>> = known.iter().map(|(_, values)| filled(values)).collect();
    let warping = Dtw::manhattan().with_window(WARP_MAX);
    let between = |one: &[f64], other: &[f64]| {
        let total: f64 = match distance {
            Distance::Absolute => one.iter().zip(other).map(|(one, other)| (one - other).abs()).sum(),
            Distance::Warped => warping.distance(one, other),
        };
        total / one.len().max(1) as f64
    };
    let mut matrix = vec![vec![0.0; filled.len()]; filled.len()];
    for (row, one) in filled.iter().enumerate() {
        for (column, other) in filled.iter().enumerate().skip(row + 1) {
            let distance = between(one, other);
            matrix[row][column] = distance;
            matrix[column][row] = distance;
        }
    }
    // How far from each other they usually are: each one's distance to the half that is nearest, of these the median.
    let half = known.len() / 2;
    let reach = |row: &Vec<f64>| {
        let mut row = row.clone();
        row.sort_by(f64::total_cmp);
        row.get(half).copied().unwrap_or_default()
    };
    let usual = median_of(matrix.iter().map(reach));
    let level = median_of(filled.iter().flat_map(|values| values.iter().map(|value| value.abs())));
    // Twice the usual reach: of normal levels, none of ten is further from the nearest five in 99 of 100 cases.
    let epsilon = (2.0 * usual).max(SPREAD_MIN * level);
    let Ok(matrix) = DistanceMatrix::try_from_square(matrix) else { return nobody() };
    let clusters = DbscanClusterer::new(epsilon, half + 1).fit(&matrix);
    if clusters.iter().all(augurs::clustering::DbscanCluster::is_noise) {
        return nobody();
    }
    clusters.iter().map(augurs::clustering::DbscanCluster::is_noise).collect()
}

/// Gaps take the value before them, or the first one after.
fn filled(values: &[f64]) -> Vec<f64> {
    let mut last = values.iter().copied().find(|value| !value.is_nan()).unwrap_or(0.0);
    let next = |value: &f64| {
        if !value.is_nan() {
            last = *value;
        }
        last
    };
    values.iter().map(next).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A replica of 32 values around a level; each has its own small noise.
    fn steady(level: f64, nth: usize) -> Vec<f64> {
        (0..32).map(|at| level * (1.0 + 0.04 * ((at * 7 + nth * 13) % 11) as f64 / 11.0)).collect()
    }

    /// A wave of 16 steps, shifted.
    fn wave(shift: usize, nth: usize) -> Vec<f64> {
        steady(100.0, nth)
            .iter()
            .enumerate()
            .map(|(at, value)| value + if (at + shift) % 16 < 8 { 0.0 } else { 60.0 })
            .collect()
    }

    #[track_caller]
    fn check(replicas: &[Vec<f64>], distance: Distance, want: &str) {
        let lent: Vec<&[f64]> = replicas.iter().map(Vec::as_slice).collect();
        let told: Vec<String> = outliers(&lent, distance)
            .iter()
            .map(|one| {
                let by = [(one.by_level, "level"), (one.by_course, "course")];
                let by: Vec<&str> = by.iter().filter(|(yes, _)| *yes).map(|(_, word)| *word).collect();
                format!("{} {:+.0} {}", one.replica, one.score, by.join("+"))
            })
            .collect();
        assert_eq!(told.join(", "), want);
    }

    fn with(mut replicas: Vec<Vec<f64>>, odd: Vec<f64>) -> Vec<Vec<f64>> {
        replicas.insert(2, odd);
        replicas
    }

    fn many(count: usize) -> Vec<Vec<f64>> {
        (0..count).map(|nth| steady(100.0, nth)).collect()
    }

    #[test]
    fn alike_replicas_are_left_alone() {
        check(&many(10), Distance::Absolute, "");
        check(&many(10), Distance::Warped, "");
        check(&vec![vec![5.0; 20]; 6], Distance::Absolute, "");
        check(&vec![vec![0.0; 20]; 6], Distance::Absolute, "");
        check(
            &[(0..10).map(|nth| steady(100.0 + nth as f64, nth)).collect::<Vec<_>>()].concat(),
            Distance::Absolute,
            "",
        );
    }

    #[test]
    fn one_unlike_the_rest_stands_apart() {
        check(&with(many(9), steady(300.0, 3)), Distance::Absolute, "2 +20 level+course");
        check(&with(many(9), vec![0.0; 32]), Distance::Absolute, "2 -10 level+course");
        check(&with(many(9), vec![0.0; 32]), Distance::Warped, "2 -10 level+course");
        check(&with(many(3), steady(300.0, 3)), Distance::Absolute, "2 +20 level+course");
        check(&with(vec![vec![5.0; 20]; 6], vec![50.0; 20]), Distance::Absolute, "2 +90 level+course");
        check(&with(vec![vec![0.0; 20]; 6], vec![50.0; 20]), Distance::Absolute, "2 +1000 level+course");
    }

    #[test]
    fn a_course_may_stand_apart_at_the_same_level() {
        let waves: Vec<Vec<f64>> = (0..8).map(|nth| wave(0, nth)).collect();
        check(&with(waves.clone(), wave(8, 1)), Distance::Absolute, "2 +0 course");
        // A little later is the same course to whoever warps.
        check(&with(waves.clone(), wave(4, 1)), Distance::Absolute, "2 +0 course");
        check(&with(waves, wave(3, 1)), Distance::Warped, "");
    }

    #[test]
    fn without_a_majority_nobody_stands_apart() {
        let halves: Vec<Vec<f64>> = (0..8).map(|nth| steady(if nth % 2 == 0 { 100.0 } else { 300.0 }, nth)).collect();
        check(&halves, Distance::Absolute, "");
        check(&with(many(2), steady(300.0, 3)), Distance::Absolute, "");
    }

    #[test]
    fn who_is_hardly_known_is_not_judged() {
        let mut young = vec![f64::NAN; 20];
        young.extend([900.0; 12]);
        check(&with(many(9), young), Distance::Absolute, "");
        check(&with(many(9), vec![900.0; 16]), Distance::Absolute, "2 +78 level+course");
        check(&with(many(9), Vec::new()), Distance::Absolute, "");
    }

    #[test]
    fn many_replicas_are_judged_by_their_level() {
        check(&with(many(300), steady(300.0, 3)), Distance::Warped, "2 +20 level");
    }

    proptest! {
        #[test]
        fn whatever_comes_it_answers(
            replicas in prop::collection::vec(prop::collection::vec(any::<f64>(), 0..40), 0..12),
            warped in any::<bool>(),
        ) {
            let lent: Vec<&[f64]> = replicas.iter().map(Vec::as_slice).collect();
            let distance = if warped { Distance::Warped } else { Distance::Absolute };
            for outlier in outliers(&lent, distance) {
                prop_assert!(outlier.replica < replicas.len() && outlier.score.abs() <= 1000.0);
            }
        }
    }
}
