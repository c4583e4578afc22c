//! Both scores of a demand series, and what was unusual lately: an anomaly that lasts is one [`Episode`].

use std::sync::Arc;
use std::time::Duration;

use super::robust::{self, Robust};
use super::{Detector, Kind};
use crate::time::Timestamp;
use crate::workload::Workload;

/// A value, by both scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    pub value: f64,
    /// What was to be expected: the median of the newest values, or their mean as long as there is none.
    pub expected: f64,
    /// By mean and standard deviation; `None` until enough is known.
    pub z_score: Option<f64>,
    /// By median and median absolute deviation; `None` until enough is known.
    pub robust_score: Option<f64>,
    /// What the scores make of it: unusual is what the mean's score says is, and what is twice as far from the median as it
    /// takes there. (Noise with heavy tails passes the median's bound once in ten values, and is usual all the same.) A
    /// model that learns from this series should pass over a value that is a spike or a drop.
    pub kind: Kind,
}

/// Scores `value` by both, and lets both learn from it; `None` where there is no value, or neither can say anything yet.
pub fn judge(detector: &mut Detector, robust: &mut Robust, now: Timestamp, value: Option<f64>) -> Option<Judged> {
    let mean = detector.mean;
    let (by_mean, by_median) = (detector.observe(now, value), robust.observe(now, value));
    if by_mean.is_none() && by_median.is_none() {
        return None;
    }
    Some(Judged {
        value: value?,
        expected: by_median.map_or(mean, |one| one.expected),
        z_score: by_mean.map(|one| one.score),
        robust_score: by_median.map(|one| one.score),
        kind: match (by_mean, by_median) {
            (Some(one), _) if one.kind != Kind::None => one.kind,
            (_, Some(one)) => Kind::beyond(one.score, 2.0 * robust::SCORE_ANOMALOUS),
            _ => Kind::None,
        },
    })
}

/// A time in which a demand was unusual.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    pub workload: Workload,
    /// The metric's name in its rule.
    pub metric: Arc<str>,
    pub kind: Kind,
    pub began_at: Timestamp,
    /// When it was last seen.
    pub last_at: Timestamp,
    /// The value that was furthest from what was expected, with its scores.
    pub worst: Judged,
}

/// What belongs together: an anomaly that is seen again within two minutes goes on, at a scrape each minute too.
const PAUSE_MAX: Duration = Duration::from_mins(2);

/// Episodes that are kept of one workload, so that a noisy one pushes out its own.
const EPISODES_OF_ONE: usize = 16;

/// Episodes that are kept: 200 bytes each.
const EPISODES_MAX: usize = 4_096;

/// What was unusual lately, oldest first. It is shown, and lost with a restart: decisions that a guard made are in the
/// journal.
#[derive(Debug, Clone, Default)]
pub struct Episodes(Arc<Vec<Arc<Episode>>>);

impl Episodes {
    /// Takes note of what a value was judged to be.
    pub fn note(&mut self, workload: &Workload, metric: &Arc<str>, judged: &Judged, now: Timestamp) {
        if judged.kind == Kind::None {
            return;
        }
        // Copied only while a snapshot still holds it.
        let all = Arc::make_mut(&mut self.0);
        let own = |episode: &&mut Arc<Episode>| episode.workload == *workload && episode.metric == *metric;
        if let Some(open) = all.iter_mut().rev().find(own)
            && open.kind == judged.kind
            && now.since(open.last_at) <= PAUSE_MAX
        {
            let open = Arc::make_mut(open);
            open.last_at = now;
            if (judged.value - judged.expected).abs() > (open.worst.value - open.worst.expected).abs() {
                open.worst = *judged;
            }
            return;
        }
        let same = |episode: &Arc<Episode>| episode.workload == *workload;
        if all.iter().filter(|episode| same(episode)).count() >= EPISODES_OF_ONE {
            if let Some(oldest) = all.iter().position(same) {
                all.remove(oldest);
            }
        } else if all.len() >= EPISODES_MAX {
            all.remove(0);
        }
        all.push(Arc::new(Episode {
            workload: workload.clone(),
            metric: Arc::clone(metric),
            kind: judged.kind,
            began_at: now,
            last_at: now,
            worst: *judged,
        }));
    }

    /// A snapshot, for the price of a reference count.
    #[must_use]
    pub fn all(&self) -> Arc<Vec<Arc<Episode>>> {
        Arc::clone(&self.0)
    }
}

/// From which robust score on a value is unusual: for those who explain a score.
pub const ROBUST_ANOMALOUS: f64 = robust::SCORE_ANOMALOUS;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::ObjectRef;

    fn workload(name: &str) -> Workload {
        Workload::from(ObjectRef {
            api_version: String::new(),
            namespace: "shop".to_owned(),
            kind: "Deployment".to_owned(),
            name: name.to_owned(),
        })
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000) + Duration::from_secs(seconds)
    }

    fn spike(value: f64) -> Judged {
        Judged { value, expected: 10.0, z_score: Some(4.0), robust_score: None, kind: Kind::Spike }
    }

    #[test]
    fn both_scores_judge_a_value() {
        let (mut detector, mut robust) = (Detector::default(), Robust::default());
        for nth in 0..40 {
            judge(&mut detector, &mut robust, at(15 * nth), Some(90.0 + 5.0 * (nth % 5) as f64));
        }
        let judged = judge(&mut detector, &mut robust, at(600), Some(200.0)).unwrap();
        assert_eq!((judged.kind, judged.value, judged.expected), (Kind::Spike, 200.0, 100.0));
        assert!(judged.z_score.unwrap() > 6.0 && judged.robust_score.unwrap() > 4.0, "{judged:?}");
        // What follows is judged by what was before it.
        for nth in 1..12 {
            let judged = judge(&mut detector, &mut robust, at(600 + 15 * nth), Some(200.0)).unwrap();
            assert_eq!(judged.kind, Kind::Spike, "{nth} {judged:?}");
        }
        assert_eq!(judge(&mut detector, &mut robust, at(900), None), None);
        assert_eq!(judge(&mut Detector::default(), &mut Robust::default(), at(0), Some(1.0)), None);
    }

    #[test]
    fn what_lasts_is_one_episode_with_its_worst_value() {
        let (mut episodes, shop, metric) = (Episodes::default(), workload("checkout"), Arc::from("requests"));
        for (seconds, value) in [(0, 50.0), (15, 90.0), (30, 70.0), (150, 60.0), (400, 40.0)] {
            episodes.note(&shop, &metric, &spike(value), at(seconds));
        }
        episodes.note(&shop, &metric, &Judged { kind: Kind::None, ..spike(10.0) }, at(415));
        episodes.note(&shop, &metric, &Judged { kind: Kind::Drop, ..spike(0.0) }, at(430));
        let told: Vec<_> =
            episodes.all().iter().map(|one| (one.kind, one.began_at, one.last_at, one.worst.value)).collect();
        let want = [
            (Kind::Spike, at(0), at(150), 90.0),
            (Kind::Spike, at(400), at(400), 40.0),
            (Kind::Drop, at(430), at(430), 0.0),
        ];
        assert_eq!(told, want);
    }

    #[test]
    fn a_noisy_workload_pushes_out_its_own() {
        let (mut episodes, metric) = (Episodes::default(), Arc::from("requests"));
        episodes.note(&workload("quiet"), &metric, &spike(50.0), at(0));
        for nth in 0..100 {
            episodes.note(&workload("noisy"), &metric, &spike(50.0), at(1000 * nth));
        }
        let all = episodes.all();
        assert_eq!(all.len(), 1 + EPISODES_OF_ONE);
        assert_eq!(all[0].workload, workload("quiet"));
        assert_eq!(all[EPISODES_OF_ONE].began_at, at(99_000));
    }
}
