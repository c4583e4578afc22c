//! `headroom forecast`: what a series will be, from a file of what it was.

mod input;
mod picture;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use crate::forecast::{Forecast, HORIZON_MAX, ModelName, Options, Predictor, models};
use crate::time::{format_duration, parse_duration};
use input::{Row, Stamp, Table};

/// So many steps for each row, at most: a series with more holes than values is not foreseen.
const SPARSE: u32 = 10;

/// Forecasts a series: `timestamp,value` in, `timestamp,mean,p10,p50,p90,p95,pmax90` out.
///
/// Timestamps are Unix seconds or RFC 3339, and come out as they went in. An empty value is a missing sample. pmax90 is
/// the 90% quantile of the largest step so far: what to size for, where each step must be served.
///
/// Exit status: 0 where there is a forecast, 1 where rows are not understood or too few, 2 where the file or a flag is
/// not.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The file, packed by gzip or not; - is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How long a step is, as in 1m: samples within one are averaged. By default the distance between rows.
    #[arg(long, value_name = "DURATION", value_parser = length)]
    step: Option<Duration>,
    /// How far to look ahead: 20,160 steps at most, two weeks of minutes.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = length)]
    horizon: Duration,
    /// The model: auto lets the record choose and combine.
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = model)]
    model: String,
    /// A season's length; may be given several times.
    #[arg(long = "season", value_name = "DURATION", default_values = ["1d", "1w"], value_parser = length)]
    seasons: Vec<Duration>,
    /// Draw history and forecast: into a file (.svg or .html), or - for the terminal, which then gets no rows.
    #[arg(long, value_name = "FILE", value_parser = picture::Target::parse)]
    plot: Option<picture::Target>,
}

fn length(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err("it must be longer than nothing".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

fn model(name: &str) -> Result<String, String> {
    if name == "auto" || models::NAMES.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(format!("unknown model \"{name}\"; known: auto, {}", models::NAMES.join(", ")))
}

/// Reads, forecasts and prints.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let name = args.file.display().to_string();
    let text = match input::read(&args.file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{name}: can't be read: {error}");
            return Ok(ExitCode::from(2));
        }
    };
    let table = match Table::parse(&text) {
        Ok(table) => table,
        Err(findings) => {
            eprint!("{}", findings.told(&name));
            return Ok(ExitCode::FAILURE);
        }
    };
    let step = args.step.unwrap_or(table.step);
    if let Err(problem) = fits(args, step, table.step) {
        eprintln!("{name}: {problem}");
        return Ok(ExitCode::from(2));
    }
    let predictor = learned(&table.rows, options(args, step));
    let Some(forecast) = predictor.forecast(args.horizon) else {
        let known = table.rows.iter().filter(|row| row.value.is_some()).count();
        eprintln!(
            "{name}: too short: a forecast needs 3 known steps of {}, and {known} rows are known",
            format_duration(step)
        );
        return Ok(ExitCode::FAILURE);
    };
    let mut told = format!("{} leads, trust {:.2}", predictor.model(), predictor.trust());
    if args.model != "auto" && predictor.model() != args.model {
        let _ = write!(told, " (too few rows, or too irregular, for {})", args.model);
    }
    match &args.plot {
        Some(target) => {
            let series = args.file.file_stem().map_or_else(|| name.clone(), |stem| stem.display().to_string());
            let chart = picture::chart(&series, &told, &predictor, &forecast);
            let shown = picture::put(&chart, target).with_context(|| format!("can't write {target}"))?;
            match shown {
                Some(signs) => io::stdout().write_all(signs.as_bytes())?,
                None => io::stdout().write_all(rows(&forecast, table.stamp).as_bytes())?,
            }
        }
        None => io::stdout().write_all(rows(&forecast, table.stamp).as_bytes())?,
    }
    let missing = table.rows.iter().filter(|row| row.value.is_none()).count();
    eprintln!("{} rows, {missing} missing, steps of {}; {told}", table.rows.len(), format_duration(step));
    Ok(ExitCode::SUCCESS)
}

/// Whether the flags fit each other and the file, whose rows are `apart`.
fn fits(args: &Args, step: Duration, apart: Duration) -> Result<(), String> {
    let [step_text, apart_text] = [step, apart].map(format_duration);
    if step.saturating_mul(SPARSE) < apart {
        return Err(format!("rows are {apart_text} apart: most steps of {step_text} would be empty; leave out --step"));
    }
    let most = step.saturating_mul(u32::try_from(HORIZON_MAX).unwrap_or(u32::MAX));
    if args.horizon > most {
        return Err(format!("--horizon is at most {} with steps of {step_text}", format_duration(most)));
    }
    Ok(())
}

fn options(args: &Args, step: Duration) -> Options {
    Options { step, model: ModelName::from(args.model.as_str()), seasons: args.seasons.clone() }
}

/// A predictor that has seen all rows. A model that is named is fitted as the service would, though less often; the
/// automatic choice does without its slow lane, whose fits would take most of the time and change little.
fn learned(rows: &[Row], options: Options) -> Predictor {
    let automatic = options.model == ModelName::Auto;
    let mut predictor = Predictor::new(options);
    if automatic {
        predictor.observe_all(rows.iter().map(|row| (row.at, row.value)));
        return predictor;
    }
    // A fit at a quarter, a half and three quarters of the rows leaves each a record to be judged by, and one at the end
    // makes the forecast.
    let fits: Vec<usize> = (1..=4).map(|quarter| (rows.len() * quarter).div_ceil(4)).collect();
    for (at, row) in rows.iter().enumerate() {
        predictor.observe(row.at, row.value);
        if fits.contains(&(at + 1)) && predictor.refit_due() {
            predictor.refit();
        }
    }
    predictor
}

/// The forecast as a table.
fn rows(forecast: &Forecast, stamp: Stamp) -> String {
    let mut out = String::from("timestamp,mean,p10,p50,p90,p95,pmax90\n");
    for point in &forecast.points {
        let values = [point.mean, point.p10, point.p50, point.p90, point.p95, point.peak90];
        out.push_str(&stamp.write(point.at));
        for value in values {
            out.push(',');
            out.push_str(&number(value));
        }
        out.push('\n');
    }
    out
}

/// Six significant digits, which is more than a forecast knows; no exponent where a plain number is short.
fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !(1e-5..1e15).contains(&size) {
        let mut text = String::new();
        // Writing to a String can't fail.
        let _ = if value == 0.0 { write!(text, "0") } else { write!(text, "{value:.5e}") };
        return text;
    }
    let places = (0..11).find(|places| size * 10_f64.powi(*places) >= 1e5).unwrap_or(11);
    let places = usize::try_from(places).unwrap_or(0);
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
