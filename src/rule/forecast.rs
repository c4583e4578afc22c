//! `forecast:` as written → what the loop foresees demand with.

use std::time::Duration;

use crate::config::{self, At, Findings};
use crate::forecast::{Holiday, Holidays, Options, models};
use crate::time::Timestamp;

/// Where a rule names no quantile and no prices. What is foreseen comes on top of the slack that a target has already
/// (see `decision::predictive`), and on the measured workloads a p90 on top of it costs more than it saves.
const QUANTILE: f64 = 0.8;
/// The shortest and longest steps: a demand that is evaluated each 15 s fills no shorter one.
const STEP_MIN: Duration = Duration::from_secs(10);
const STEP_MAX: Duration = Duration::from_hours(1);
/// As far as a day: beyond it only the seasons speak.
const HORIZON_MAX: Duration = Duration::from_hours(24);

/// How a rule's demand is foreseen.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecasting {
    /// How far ahead demand must be known; `None`: as long as pods take to start, and one evaluation.
    pub horizon: Option<Duration>,
    /// The quantile of the largest demand of the window: above 0, below 1.
    pub quantile: f64,
    pub options: Options,
    /// Days that are not like the others, and the times of planned events.
    pub holidays: Holidays,
}

/// Compiles how demand is foreseen; `findings` hears what may not be.
pub(super) fn compile(rule: &config::ScaleRule, findings: &mut Findings<'_>) -> Option<Forecasting> {
    let written = rule.forecast.as_ref()?;
    let config::Forecast { horizon, quantile, model, confidence, step, seasons, .. } = written;
    if let Some(horizon) = horizon
        && (horizon.value.is_zero() || horizon.value > HORIZON_MAX)
    {
        findings.report(horizon.span, "horizon is from a second to a day, or auto");
    }
    if let Some(quantile) = quantile
        && !(quantile.value > 0.0 && quantile.value < 1.0)
    {
        findings.report(quantile.span, "quantile is between 0 and 1: 0.9 provides for nine of ten windows");
    }
    if let Some(confidence) = confidence
        && !(0.0..=1.0).contains(&confidence.value)
    {
        findings.report(confidence.span, "confidence is from 0 to 1: the trust from which on a forecast counts");
    }
    if model.value != "auto" && models::by_name(&model.value).is_none() {
        let known = models::NAMES.join(", ");
        findings.report(model.span, format!("unknown model \"{}\"; known: auto, {known}", model.value));
    }
    if !(STEP_MIN..=STEP_MAX).contains(&step.value) {
        findings.report(step.span, "step is from 10s to 1h");
    }
    let seasons_given = seasons.as_ref().map(|At { value, span }| {
        if value.iter().any(|season| *season < step.value.saturating_mul(2)) {
            findings.report(*span, "a season has two steps at least");
        }
        value.clone()
    });
    let defaults = Options::default();
    Some(Forecasting {
        horizon: horizon.as_ref().map(|horizon| horizon.value),
        quantile: quantile.as_ref().map_or_else(|| newsvendor(rule), |quantile| quantile.value),
        options: Options {
            step: step.value,
            model: model.value.as_str().into(),
            seasons: seasons_given.unwrap_or(defaults.seasons),
        },
        holidays: holidays(rule, written),
    })
}

/// The named days in their zone, and the times of planned events, whose demand is no news about other days.
fn holidays(rule: &config::ScaleRule, written: &config::Forecast) -> Holidays {
    let named = written.holidays.iter().filter_map(|holiday| {
        let from = holiday.date.to_zoned(written.zone.clone()).ok()?;
        let to = holiday.until.tomorrow().ok()?.to_zoned(written.zone.clone()).ok()?;
        let at = |zoned: &jiff::Zoned| Timestamp::from_millis(zoned.timestamp().as_millisecond());
        let offset_ms = i64::from(from.offset().seconds()) * 1000;
        Some(Holiday { from: at(&from), to: at(&to), like: Some(holiday.like), offset_ms })
    });
    let events = rule.events.iter().filter(|event| event.effect.multiplier.is_some());
    let events = events.map(|event| Holiday { from: event.start, to: event.end, like: None, offset_ms: 0 });
    named.chain(events).collect()
}

/// The quantile at which a replica-hour more costs as much as it saves: the newsvendor's `c_u / (c_u + c_o)`, where the
/// rule gives both prices.
fn newsvendor(rule: &config::ScaleRule) -> f64 {
    let Some(cost) = &rule.economy.cost else { return QUANTILE };
    let Some(under) = cost.per_under_hour else { return QUANTILE };
    let over = cost.per_replica_hour;
    let quantile = under / (under + over);
    if quantile.is_finite() { quantile.clamp(0.5, 0.999) } else { QUANTILE }
}
