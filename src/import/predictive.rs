//! Objects of autoscalers that look ahead. Their bounds and metrics have HPA's shape; how they look ahead is noted.
//!
//! Shapes: <https://gocrane.io/docs/core-concept/advanced-horizontal-pod-autoscaler>,
//! <https://predictive-horizontal-pod-autoscaler.readthedocs.io/>,
//! <https://www.alibabacloud.com/help/en/ack/ack-managed-and-ack-dedicated/user-guide/deploy-ahpa>.

use std::str::FromStr as _;
use std::time::Duration;

use super::document::Document;
use super::draft::{Draft, Pause, Schedule};
use super::fields::Fields;
use super::notes::About;
use super::promql::Names;
use super::{behavior, hpa, metrics};
use crate::time::format_duration;

/// What to do about a forecast that is noted and not carried over.
const ADVICE: &str = "decisions follow the load of the moment until the rule has a forecast";

/// Crane's `EffectiveHorizontalPodAutoscaler`.
pub(super) fn crane(document: &Document, names: &Names, notes: &About) -> Option<Draft> {
    let spec = Fields::new(document.object.get("spec"), "spec", notes);
    let mut draft = hpa::skeleton(document, &spec, notes)?;
    add_metrics(&mut draft, document, &spec, names);
    let prediction = spec.at("prediction");
    if prediction.is_given() {
        let horizon = prediction.count("predictionWindowSeconds").unwrap_or(3600);
        let algorithm = prediction.at("predictionAlgorithm").text("algorithmType").unwrap_or_else(|| "dsp".to_owned());
        foresee(&mut draft, &prediction, horizon.into(), None, &format!("algorithm {algorithm}"));
    }
    for cron in spec.list("crons") {
        crane_cron(&mut draft, &cron);
    }
    match spec.text("scaleStrategy").as_deref() {
        None | Some("Auto") => {}
        Some("Preview") => {
            draft.pause =
                Some(Pause { at: spec.count("specificReplicas"), reason: "scaleStrategy: Preview".to_owned() });
        }
        Some("Manual") => {
            draft.pause =
                Some(Pause { at: spec.count("specificReplicas"), reason: "scaleStrategy: Manual".to_owned() });
        }
        Some(other) => {
            spec.leave_out("scaleStrategy", &format!("\"{other}\" is not known; known: Auto, Manual, Preview"))
        }
    }
    spec.pass_over(&["specificReplicas"]);
    finished(draft, &spec, notes)
}

/// `PredictiveHorizontalPodAutoscaler` of jamiethompson.me.
pub(super) fn phpa(document: &Document, names: &Names, notes: &About) -> Option<Draft> {
    let spec = Fields::new(document.object.get("spec"), "spec", notes);
    let mut draft = hpa::skeleton(document, &spec, notes)?;
    add_metrics(&mut draft, document, &spec, names);
    for model in spec.list("models") {
        let kind = model.text("type").unwrap_or_default();
        // Milliseconds.
        let ahead = model.at("linear").count("lookAhead").unwrap_or(0) / 1000;
        foresee(&mut draft, &model, ahead.into(), None, &format!("model {kind}"));
    }
    // What slows it down has had several names.
    if let Some(seconds) = spec.count("downscaleStabilization") {
        draft.behavior.down.stabilization_window.get_or_insert(Duration::from_secs(seconds.into()));
    }
    if let Some(tolerance) = spec.number("tolerance") {
        draft.behavior.up.tolerance.get_or_insert(tolerance);
        draft.behavior.down.tolerance.get_or_insert(tolerance);
    }
    // Decisions follow samples; demand is a total, so pods that start don't distort it.
    spec.pass_over(&["syncPeriod", "cpuInitializationPeriod", "initialReadinessDelay"]);
    let decision = spec.text("decisionType");
    if decision.as_deref().is_some_and(|decision| decision != "maximum") {
        spec.leave_out("decisionType", "the largest answer of all metrics and forecasts counts here");
    }
    finished(draft, &spec, notes)
}

/// Alibaba Cloud's `AdvancedHorizontalPodAutoscaler`.
pub(super) fn ahpa(document: &Document, names: &Names, notes: &About) -> Option<Draft> {
    let spec = Fields::new(document.object.get("spec"), "spec", notes);
    let mut draft = hpa::skeleton(document, &spec, notes)?;
    add_metrics(&mut draft, document, &spec, names);
    let prediction = spec.at("prediction");
    if prediction.is_given() {
        let quantile = prediction.number("quantile").map(|percent| percent / 100.0);
        let ahead = prediction.count("scaleUpForward").unwrap_or(0);
        foresee(&mut draft, &prediction, ahead.into(), quantile, "its own model");
    }
    if let Some(seconds) = spec.count("stabilizationWindowSeconds") {
        draft.behavior.down.stabilization_window.get_or_insert(Duration::from_secs(seconds.into()));
    }
    match spec.text("scaleStrategy").as_deref() {
        None | Some("auto" | "proactive" | "reactive") => {}
        Some("observer") => draft.pause = Some(Pause { at: None, reason: "scaleStrategy: observer".to_owned() }),
        Some(other) => spec.leave_out("scaleStrategy", &format!("\"{other}\" is not known")),
    }
    spec.leave_out(
        "instanceBounds",
        "its cron expressions say during which minutes bounds hold, not when they begin and end; write them as \
         schedules with start, end, timezone and min",
    );
    finished(draft, &spec, notes)
}

fn add_metrics(draft: &mut Draft, document: &Document, spec: &Fields<'_>, names: &Names) {
    let queries = metrics::queries(document);
    for metric in spec.list("metrics") {
        metrics::add(draft, &metric, names, &queries);
    }
    let fields = spec.at("behavior");
    if fields.is_given() {
        draft.behavior = behavior::read(&fields);
    }
}

/// Notes a forecast: as a comment in the rule's file, and as left out.
pub(super) fn foresee(draft: &mut Draft, fields: &Fields<'_>, horizon: u64, quantile: Option<f64>, how: &str) {
    let horizon = match horizon {
        0 => "auto".to_owned(),
        seconds => format_duration(Duration::from_secs(seconds)),
    };
    let quantile = quantile.map(|quantile| format!(", quantile: {quantile}")).unwrap_or_default();
    draft.comments.push(format!("It looked ahead ({how}); in our words: forecast: {{horizon: {horizon}{quantile}}}"));
    fields.leave_out_all(format!("the forecast ({how}, horizon {horizon}) is noted in a comment; {ADVICE}"));
}

fn crane_cron(draft: &mut Draft, cron: &Fields<'_>) {
    let name = cron.text("name").filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| format!("cron_{}", draft.schedules.len() + 1));
    let timezone = cron.text("timezone").filter(|zone| zone != "Local").unwrap_or_else(|| "UTC".to_owned());
    cron.pass_over(&["description"]);
    match (cron.text("start"), cron.text("end"), cron.count("targetReplicas")) {
        (Some(start), Some(end), Some(min)) => {
            add_schedule(draft, cron, Schedule { name, start, end, timezone, min: min.min(draft.max) });
        }
        _ => cron.leave_out_all("a schedule needs start, end and targetReplicas"),
    }
    cron.finish();
}

/// Adds a schedule that can be kept; else it is left out, with the reason.
pub(super) fn add_schedule(draft: &mut Draft, fields: &Fields<'_>, schedule: Schedule) {
    for time in [&schedule.start, &schedule.end] {
        if let Err(error) = croner::Cron::from_str(time) {
            return fields.leave_out_all(format!("\"{time}\" is no cron expression: {error}"));
        }
    }
    if jiff::tz::TimeZone::get(&schedule.timezone).is_err() {
        return fields
            .leave_out_all(format!("\"{}\" is no time zone; write it as in Europe/Berlin", schedule.timezone));
    }
    draft.schedules.push(schedule);
}

fn finished(draft: Draft, spec: &Fields<'_>, notes: &About) -> Option<Draft> {
    spec.finish();
    hpa::whole(draft, notes)
}
