//! What arrives, in the order of time: a recording, or a trace as the series that rules read.

use std::ops::Range;

use crate::labels::Labels;
use crate::recording::Recording;
use crate::sample::Sample;
use crate::time::Timestamp;

use super::Load;

/// Samples in the order of their times, to be played as often as is wanted.
#[derive(Debug)]
pub enum Tape<'t> {
    /// What was recorded within a range of times.
    Recording { recording: &'t Recording, range: Range<Timestamp> },
    /// A trace, which arrives as each of these series; a counter counts it up.
    Trace { load: &'t Load, series: Vec<Labels>, counters: Vec<bool> },
}

impl<'t> Tape<'t> {
    /// A trace as series: their labels, and whether each is a counter. Each counts once.
    #[must_use]
    pub fn of_trace(load: &'t Load, series: impl IntoIterator<Item = (Labels, bool)>) -> Self {
        let (mut labels, mut counters) = (Vec::new(), Vec::new());
        for (one, counter) in series {
            if !labels.contains(&one) {
                labels.push(one);
                counters.push(counter);
            }
        }
        Self::Trace { load, series: labels, counters }
    }

    /// The labels of the series; samples have their places in this list.
    pub(super) fn series(&self) -> &[Labels] {
        match self {
            Self::Recording { recording, .. } => recording.series(),
            Self::Trace { series, .. } => series,
        }
    }

    /// From when to when it plays.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let (first, last) = match self {
            Self::Recording { recording, range } => {
                let (first, last) = recording.span()?;
                (first.max(range.start), last.min(range.end))
            }
            Self::Trace { load, .. } => (load.start(), load.end()),
        };
        (first < last).then_some((first, last))
    }

    /// Plays it.
    pub(super) fn play(&self) -> Box<dyn Iterator<Item = (u32, Sample)> + '_> {
        match self {
            Self::Recording { recording, .. } => match self.span() {
                Some((first, last)) => Box::new(recording.samples(first..last + std::time::Duration::from_millis(1))),
                None => Box::new(std::iter::empty()),
            },
            Self::Trace { load, counters, .. } => {
                let mut counted = 0.0;
                let cell = move |cell: usize| {
                    // A counter counts on while nobody reads it.
                    counted += load.offered(cell) * load.step().as_secs_f64();
                    let (at, measured, counted) = (load.begins(cell + 1), load.measured(cell), counted);
                    (0_u32..).zip(counters).filter_map(move |(series, counter)| {
                        let value = measured?;
                        Some((series, Sample::new(at, if *counter { counted } else { value })))
                    })
                };
                Box::new((0..load.cells()).flat_map(cell))
            }
        }
    }
}
