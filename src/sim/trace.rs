//! A measured load over time: evenly spaced values, some of which may be missing.

use std::time::Duration;

use crate::time::Timestamp;

/// Why a text is not a trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    #[error("line {line}: \"{text}\" is not a row; write unix seconds and a value, as in 899164800,17613")]
    Row { line: usize, text: String },
    #[error("line {line}: {at} does not follow the row before it by {step} s; rows must be evenly spaced")]
    Uneven { line: usize, at: i64, step: i64 },
    #[error("a trace needs two rows at least; there are {0}")]
    TooShort(usize),
    #[error("no value of the trace is above zero")]
    Silent,
}

/// Evenly spaced values. Between two of them the load goes in a straight line; beside a missing one it is unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    start: Timestamp,
    step: Duration,
    values: Vec<Option<f64>>,
}

impl Trace {
    /// Reads `timestamp,value` lines. An empty value is missing; lines that begin with `#` and a header are skipped. Or
    /// a first line `# start=… step=…` in seconds, a line `value`, and then a value a line.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        if let Some(spaced) = Self::spaced(text) {
            return spaced;
        }
        let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        let rows = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#') && *line != "timestamp,value");
        let rows: Vec<Row> = rows.map(|(line, text)| Row::parse(line, text)).collect::<Result<_, _>>()?;
        let [first, second, ..] = rows.as_slice() else { return Err(TraceError::TooShort(rows.len())) };
        let step = second.at.saturating_sub(first.at);
        for (row, next) in rows.iter().zip(rows.iter().skip(1)) {
            if step <= 0 || next.at.checked_sub(row.at) != Some(step) {
                return Err(TraceError::Uneven { line: next.line, at: next.at, step });
            }
        }
        Ok(Self {
            start: Timestamp::from_millis(first.at.saturating_mul(1000)),
            step: Duration::from_secs(step.unsigned_abs()),
            values: rows.iter().map(|row| row.value).collect(),
        })
    }

    /// The form that says once how far apart values are; `None` where the text is not of it.
    fn spaced(text: &str) -> Option<Result<Self, TraceError>> {
        let (head, values) = text.split_once("\nvalue\n")?;
        let field = |name| head.split_whitespace().find_map(|word| word.strip_prefix(name))?.parse::<i64>().ok();
        let (start, step) = (field("start=")?, field("step=").filter(|step| *step > 0)?);
        let first = head.lines().count() + 2;
        let value = |(at, text): (usize, &str)| match text.trim() {
            "" => Ok(None),
            text => load(text).map(Some).ok_or_else(|| TraceError::Row { line: first + at, text: text.to_owned() }),
        };
        let values = values.lines().enumerate().map(value).collect::<Result<Vec<_>, _>>();
        let start = Timestamp::from_millis(start.saturating_mul(1000));
        Some(values.and_then(|values| Self::from_values(start, Duration::from_secs(step.unsigned_abs()), values)))
    }

    /// A trace from evenly spaced values: `None` is missing. Fails with fewer than two.
    pub fn from_values(start: Timestamp, step: Duration, values: Vec<Option<f64>>) -> Result<Self, TraceError> {
        if values.len() < 2 || step.is_zero() {
            return Err(TraceError::TooShort(values.len()));
        }
        Ok(Self { start, step, values })
    }

    /// The same shape with `peak` as its largest value: how a trace of any unit becomes requests a second.
    pub fn scaled_to_peak(mut self, peak: f64) -> Result<Self, TraceError> {
        let factor = peak / self.peak().ok_or(TraceError::Silent)?;
        for value in self.values.iter_mut().flatten() {
            *value *= factor;
        }
        Ok(self)
    }

    /// The largest value, where one is above zero.
    #[must_use]
    pub fn peak(&self) -> Option<f64> {
        self.values.iter().flatten().copied().filter(|value| *value > 0.0).max_by(f64::total_cmp)
    }

    /// The first row's time.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// From one row to the next.
    #[must_use]
    pub fn step(&self) -> Duration {
        self.step
    }

    /// The value of the row that a time after the start falls upon; `None` where it is missing, and after the end.
    #[must_use]
    pub fn held(&self, into: Duration) -> Option<f64> {
        let row = usize::try_from(into.as_millis() / self.step.as_millis()).ok()?;
        *self.values.get(row)?
    }

    /// From the first row to the last.
    #[must_use]
    pub fn length(&self) -> Duration {
        let steps = self.values.len().saturating_sub(1);
        self.step.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX))
    }

    /// The value a time after the start; `None` where it is missing, and after the end.
    #[must_use]
    pub fn at(&self, into: Duration) -> Option<f64> {
        let row = usize::try_from(into.as_millis() / self.step.as_millis()).ok()?;
        let value = (*self.values.get(row)?)?;
        let past = Duration::from_millis(u64::try_from(into.as_millis() % self.step.as_millis()).ok()?);
        if past.is_zero() {
            return Some(value);
        }
        let next = (*self.values.get(row + 1)?)?;
        Some(value + (next - value) * past.div_duration_f64(self.step))
    }
}

/// A load: no less than nothing.
fn load(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0)
}

/// One line of a trace.
struct Row {
    line: usize,
    at: i64,
    value: Option<f64>,
}

impl Row {
    fn parse(line: usize, text: &str) -> Result<Self, TraceError> {
        let (at, value) = text.split_once(',').unzip();
        let at = at.and_then(|at| at.trim().parse().ok());
        let value = value.map(str::trim).and_then(|value| match value {
            "" => Some(None),
            text => load(text).map(Some),
        });
        match (at, value) {
            (Some(at), Some(value)) => Ok(Self { line, at, value }),
            _ => Err(TraceError::Row { line, text: text.chars().take(40).collect() }),
        }
    }
}
