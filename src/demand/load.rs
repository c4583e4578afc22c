//! The class of load of a workload: how busy its ready replicas are, in one word.
//!
//! Utilisation is demand by what the ready replicas take. A class is left later than it is entered, so that a value at
//! the edge does not make it flicker:
//!
//! | class | entered | left |
//! |---|---|---|
//! | low | below 0.4 | at 0.5 |
//! | high | from 0.9 on | below 0.8 |
//! | spike | above a score of 3, unless load is low | below a score of 2, or when load is low |
//!
//! 0.9 is where HPA's tolerance of 10 % ends: a workload at 1.0 has the count that it wants. At less than 0.4 half of
//! the replicas would do.

use serde::{Deserialize, Serialize};

use super::anomaly::SCORE_ANOMALOUS;

/// How busy a workload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    Low,
    #[default]
    Normal,
    High,
    /// Much busier than usual, all of a sudden.
    Spike,
}

const LOW_ENTERED: f64 = 0.4;
const LOW_LEFT: f64 = 0.5;
const HIGH_ENTERED: f64 = 0.9;
const HIGH_LEFT: f64 = 0.8;
const SPIKE_LEFT: f64 = 2.0;

impl Load {
    /// Every class, as label values have them.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Spike];

    /// One word for metrics, labels and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Spike => "spike",
        }
    }

    /// The class after this one, at a `utilisation` (1.0 where the ready replicas have just as much to do as they take)
    /// and the [`score`](super::anomaly::Anomaly::score) of the demand. Without a utilisation the class stays.
    #[must_use]
    pub fn next(self, utilisation: Option<f64>, score: Option<f64>) -> Self {
        let Some(utilisation) = utilisation.filter(|utilisation| !utilisation.is_nan()) else { return self };
        let steady = self.steady(utilisation);
        let spike = match score {
            Some(score) if self == Self::Spike => score >= SPIKE_LEFT,
            Some(score) => score > SCORE_ANOMALOUS,
            None => self == Self::Spike,
        };
        if spike && steady != Self::Low { Self::Spike } else { steady }
    }

    /// The class by utilisation alone.
    fn steady(self, utilisation: f64) -> Self {
        let low = if self == Self::Low { LOW_LEFT } else { LOW_ENTERED };
        let high = if self >= Self::High { HIGH_LEFT } else { HIGH_ENTERED };
        if utilisation < low {
            Self::Low
        } else if utilisation >= high {
            Self::High
        } else {
            Self::Normal
        }
    }
}

/// Demand by what `ready` replicas take, `per_replica` each. Without a ready replica any demand is infinitely much, and
/// none is nothing. `None` where a number is missing or makes no sense.
#[must_use]
pub fn utilisation(demand: Option<f64>, per_replica: Option<f64>, ready: u32) -> Option<f64> {
    let (demand, per_replica) = (demand.filter(|demand| demand.is_finite())?, per_replica.filter(|some| *some > 0.0)?);
    let capacity = per_replica * f64::from(ready);
    Some(if demand <= 0.0 { 0.0 } else { demand / capacity })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The classes of a series. A word is a utilisation, `@` and a score after it; `_` is missing.
    #[track_caller]
    fn check(words: &str, want: &str) {
        let mut load = Load::default();
        let mut classes = Vec::new();
        for word in words.split_whitespace() {
            let (utilisation, score) = word.split_once('@').unwrap_or((word, "_"));
            load = load.next(utilisation.parse().ok(), score.parse().ok());
            classes.push(load.as_str());
        }
        assert_eq!(classes.join(" "), want);
    }

    #[test]
    fn load_is_classed_by_utilisation() {
        check("0 0.39 0.7 0.95 7 inf", "low low normal high high high");
        check("_ 0.95 _ 0.1 NaN", "normal high high low low");
    }

    #[test]
    fn a_value_at_the_edge_does_not_flicker() {
        check("0.39 0.41 0.49 0.5 0.49 0.41", "low low low normal normal normal");
        check("0.9 0.89 0.8 0.79 0.89", "high high high normal normal");
    }

    #[test]
    fn a_sudden_rise_is_a_spike_until_it_is_usual() {
        check("0.7@1 0.85@3.5 0.85@2.5 0.85@1.9 0.7@1", "normal spike spike high normal");
        check("0.7@3 0.7@3.1 0.7 0.7@1.9", "normal spike spike normal");
        check("0.1@9 0.45@9 0.5@9 0.3@9", "low low spike low");
        check("0.7@-9", "normal");
    }

    #[test]
    fn utilisation_needs_its_numbers() {
        assert_eq!(utilisation(Some(150.0), Some(50.0), 4), Some(0.75));
        assert_eq!(utilisation(Some(150.0), Some(50.0), 0), Some(f64::INFINITY));
        assert_eq!(utilisation(Some(0.0), Some(50.0), 0), Some(0.0));
        assert_eq!(utilisation(None, Some(50.0), 4), None);
        assert_eq!(utilisation(Some(1.0), None, 4), None);
        assert_eq!(utilisation(Some(1.0), Some(0.0), 4), None);
        assert_eq!(utilisation(Some(f64::NAN), Some(1.0), 4), None);
    }
}
