//! The report as a page with plots, in one file that needs nothing else.

use super::curve::curve;
use super::fleet::{Change, Course};
use super::load::Load;
use super::sweep::Swept;
use super::table::{against, cells, headline, summary};
use super::{Policy, PolicyReport, Report, TraceReport};
use crate::chart::{Band, Chart, Line, Mark, Page, Stroke, Tone};
use crate::rivals::Kind;
use crate::time::Timestamp;

/// Points of one curve: more than a screen is wide.
const POINTS_MAX: usize = 1_000;

/// Scalings that are listed of the worst day.
const MOVES_MAX: usize = 60;

/// Marks in one picture; more can't be read.
const MARKS_MAX: usize = 12;

/// The whole report, with what a sweep found where there was one.
#[must_use]
pub fn page(report: &Report, swept: Option<&Swept>) -> String {
    let mut page = Page::new("Headroom: what it would have done");
    page.paragraph(
        "Recorded demand, replayed through the rule and through other scalers. All see the same samples, begin with the \
         same count and get the same pods; only the oracle, and the fixed count that is planned for the peak, know the \
         future. Demand is drawn in replicas: the fewest that take the load.",
    );
    let all = summary(report);
    if !all.is_empty() {
        page.heading("All traces").verbatim(&all);
    }
    if let Some(swept) = swept {
        page.heading("What else the rule could be").paragraph(&swept.verdict());
        page.figure(&curve(&swept.front, swept.best)).verbatim(&swept.best_yaml());
        let (heads, rows) = swept.cells();
        page.table(&heads, &rows);
    }
    for trace in &report.traces {
        part(&mut page, trace, report);
    }
    page.finish()
}

fn part(page: &mut Page, trace: &TraceReport, report: &Report) {
    let (heads, rows) = cells(&trace.results);
    page.heading(&trace.load.name).paragraph(&headline(trace, report)).table(&heads, &rows);
    if let Some(line) = against(trace) {
        page.paragraph(line.trim());
    }
    let whole = Span { from: trace.load.start(), to: trace.load.end() };
    page.chart(&chart(trace, whole, "All of it", false), 300);
    let Some(shown) = trace.of(Policy::Headroom).or(trace.results.first()) else { return };
    let day = worst_day(trace, shown);
    if day.from == whole.from && day.to == whole.to {
        return;
    }
    page.chart(&chart(trace, day, "The day on which most was short", true), 340);
    let moves: Vec<String> = shown
        .course
        .moves
        .iter()
        .filter(|one| day.from <= one.at && one.at < day.to)
        .take(MOVES_MAX)
        .map(|one| format!("{}  {} -> {}  {}", one.at, one.from, one.to, one.reason))
        .collect();
    if !moves.is_empty() {
        page.paragraph(&format!("What {} did on that day, and why", shown.policy.as_str()));
        page.verbatim(&moves.join("\n"));
    }
}

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    from: Timestamp,
    to: Timestamp,
}

/// Cells of a span, a few at a time.
struct Bins {
    first: usize,
    last: usize,
    size: usize,
}

impl Bins {
    fn of(load: &Load, span: Span) -> Self {
        let place = |at: Timestamp| {
            let cell = at.since(load.start()).as_millis() / load.step().as_millis().max(1);
            usize::try_from(cell).unwrap_or(usize::MAX).min(load.cells())
        };
        let (first, last) = (place(span.from), place(span.to));
        Self { first, last, size: (last - first).div_ceil(POINTS_MAX).max(1) }
    }

    /// The cells of each bin.
    fn each(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let (last, size) = (self.last, self.size);
        (self.first..last).step_by(size).map(move |cell| cell..(cell + size).min(last))
    }
}

fn chart(trace: &TraceReport, span: Span, title: &str, marks: bool) -> Chart {
    let load = &trace.load;
    let bins = Bins::of(load, span);
    let demand = bins.each().map(|cells| {
        let most = cells.clone().filter_map(|cell| load.measured(cell)).fold(f64::NAN, f64::max);
        (load.begins(cells.start), most / trace.capacity)
    });
    let mut lines = Vec::new();
    let drawn = [(Policy::Rival(Kind::Hpa), Tone::Grey), (Policy::Headroom, Tone::Blue)];
    for (policy, tone) in drawn {
        let Some(result) = trace.of(policy) else { continue };
        let points = fewest(&result.course.changes, load, &bins);
        lines.push(Line { name: format!("{}: ready", policy.as_str()), tone, stroke: Stroke::Steps, points });
    }
    lines.push(Line { name: "demand".to_owned(), tone: Tone::Ink, stroke: Stroke::Solid, points: demand.collect() });
    let ours = trace.of(Policy::Headroom);
    let bands = ours.map(|result| band(result, trace, span)).into_iter();
    let bands = bands.filter(|band| band.points.iter().any(|(_, low, _)| low.is_finite()));
    let marks = if marks { ours.map(|result| biggest(&result.course, span)).unwrap_or_default() } else { Vec::new() };
    Chart { title: title.to_owned(), unit: "replicas".to_owned(), bands: bands.collect(), lines, marks }
}

/// The fewest ready replicas of each bin: what was missing must be seen.
fn fewest(changes: &[Change], load: &Load, bins: &Bins) -> Vec<(Timestamp, f64)> {
    let mut rest = changes.iter().peekable();
    let mut now = 0;
    let mut points = Vec::new();
    for cells in bins.each() {
        let (begins, ends) = (load.begins(cells.start), load.begins(cells.end));
        while let Some(change) = rest.next_if(|change| change.at <= begins) {
            now = change.ready;
        }
        let mut least = now;
        while let Some(change) = rest.next_if(|change| change.at < ends) {
            now = change.ready;
            least = least.min(now);
        }
        points.push((begins, f64::from(least)));
    }
    points
}

/// From the demand of the moment to what was foreseen.
fn band(result: &PolicyReport, trace: &TraceReport, span: Span) -> Band {
    let load = &trace.load;
    let points = result.course.foreseen.iter().filter(|(at, _)| span.from <= *at && *at < span.to);
    let point = |(at, foreseen): &(Timestamp, Option<f64>)| {
        let Some(foreseen) = foreseen else { return (*at, f64::NAN, f64::NAN) };
        let cell = at.since(load.start()).as_millis() / load.step().as_millis().max(1);
        let offered = load.offered(usize::try_from(cell).unwrap_or(usize::MAX));
        (*at, offered.min(*foreseen) / trace.capacity, offered.max(*foreseen) / trace.capacity)
    };
    Band { name: "foreseen".to_owned(), tone: Tone::Orange, points: points.map(point).collect() }
}

/// The largest moves, in the order of time. Why they were made is in the list below.
fn biggest(course: &Course, span: Span) -> Vec<Mark> {
    let mut moves: Vec<_> = course.moves.iter().filter(|one| span.from <= one.at && one.at < span.to).collect();
    moves.sort_by_key(|one| std::cmp::Reverse(one.from.abs_diff(one.to)));
    moves.truncate(MARKS_MAX);
    moves.sort_by_key(|one| one.at);
    moves.iter().map(|one| Mark { at: one.at, text: format!("{} -> {}", one.from, one.to) }).collect()
}

/// The day in which a policy was short of replicas for longest; the last one where it never was.
fn worst_day(trace: &TraceReport, result: &PolicyReport) -> Span {
    let load = &trace.load;
    let whole = Span { from: load.start(), to: load.end() };
    let day = std::time::Duration::from_hours(24);
    if load.days() <= 1.0 {
        return whole;
    }
    let cells_a_day = usize::try_from(day.as_millis() / load.step().as_millis().max(1)).unwrap_or(usize::MAX).max(1);
    let bins = Bins { first: 0, last: load.cells(), size: 1 };
    let ready = fewest(&result.course.changes, load, &bins);
    let short = |begin: usize| {
        let cells = begin..(begin + cells_a_day).min(load.cells());
        let mut missing = 0.0;
        for cell in cells {
            let able = ready.get(cell).map_or(0.0, |(_, ready)| *ready) * trace.capacity;
            missing += load.measured(cell).map_or(0.0, |offered| (offered - able).max(0.0));
        }
        missing
    };
    let days = (0..load.cells()).step_by(cells_a_day).map(|begin| (begin, short(begin)));
    let worst = days.max_by(|one, other| one.1.total_cmp(&other.1)).map_or(0, |(begin, _)| begin);
    let from = load.begins(worst);
    Span { from, to: (from + day).min(load.end()) }
}
