//! The command `headroom forecast`, as a shell sees it.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const DAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sim/traces/crane-qps.csv");
const HEADER: &str = "timestamp,mean,p10,p50,p90,p95,pmax90";

fn forecast(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    command.current_dir(folder).env("COLUMNS", "72").env("LINES", "16").arg("forecast").args(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A child that refuses its flags has closed its end already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Six hours of a straight climb by the minute, one in ten missing.
fn climb() -> String {
    let value = |minute: i64| if minute % 10 == 7 { String::new() } else { (100 + minute).to_string() };
    (0..360).fold("timestamp,value\n".to_owned(), |text, minute| {
        format!("{text}{},{}\n", 1_700_000_000 + minute * 60, value(minute))
    })
}

#[track_caller]
fn check(args: &[&str], input: &str, code: i32, stderr: &str) {
    let output = forecast(Path::new("."), args, input);
    assert_eq!((text(&output.stderr).as_str(), output.status.code()), (stderr, Some(code)));
}

#[test]
fn rows_come_out_at_the_step_with_their_quantiles_in_order() {
    let output = forecast(Path::new("."), &[DAY, "--horizon", "30m"], "");
    let (table, told) = (text(&output.stdout), text(&output.stderr));
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!((rows.len(), rows[0], output.status.code()), (31, HEADER, Some(0)), "{table}{told}");
    // The trace's last row is at 1655488740.
    let mut peak = 0.0;
    for (row, minute) in rows[1..].iter().zip(1..) {
        let numbers: Vec<f64> = row.split(',').map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers[0], 1_655_488_740.0 + 60.0 * f64::from(minute), "{row}");
        assert!(numbers[2..6].is_sorted() && numbers.iter().all(|number| *number > 0.0), "{row}");
        assert!(numbers[6] >= numbers[4] && numbers[6] >= peak, "{row}");
        peak = numbers[6];
    }
    assert!(told.starts_with("1440 rows, 0 missing, steps of 1m; "), "{told}");
}

#[test]
fn a_named_model_forecasts_alone_and_holes_are_no_zeros() {
    let output = forecast(Path::new("."), &["-", "--model", "drift", "--horizon", "10m"], &climb());
    let table = text(&output.stdout);
    let last: Vec<f64> = table.lines().last().unwrap().split(',').map(|number| number.parse().unwrap()).collect();
    assert!((last[1] - 469.0).abs() < 1.0, "{table}");
    assert!(text(&output.stderr).starts_with("360 rows, 36 missing, steps of 1m; drift leads, trust "), "{output:?}");
}

#[test]
fn dates_come_out_as_dates_and_samples_are_averaged() {
    let rows = (0..240).fold(String::new(), |text, sample| {
        format!("{text}2026-11-23T{:02}:{:02}:{:02}Z,{}\n", sample / 240, sample / 4 % 60, sample % 4 * 15, 5)
    });
    let output = forecast(Path::new("."), &["-", "--model", "naive", "--step", "5m", "--horizon", "10m"], &rows);
    let table = text(&output.stdout);
    let begins: Vec<&str> = table.lines().skip(1).map(|row| row.split(',').next().unwrap()).collect();
    assert_eq!(begins, ["2026-11-23T01:00:00Z", "2026-11-23T01:05:00Z"], "{table}");
    assert!(table.lines().skip(1).all(|row| row.split(',').nth(1) == Some("5")), "{table}");
}

#[test]
fn what_cannot_be_forecast_ends_with_1_and_says_why() {
    check(&["-"], "60,1\n120,2\n", 1, "-: too short: a forecast needs 3 known steps of 1m, and 2 rows are known\n");
    check(&["-"], "60,\n120,\n180,\n", 1, "-: too short: a forecast needs 3 known steps of 1m, and 0 rows are known\n");
    let row = "-:2: \"120,two\" is not a row; write Unix seconds or RFC 3339 and a number, as in 899164800,17613\n";
    check(&["-"], "60,1\n120,two\n180,3\n", 1, row);
}

#[test]
fn what_the_command_line_gets_wrong_ends_with_2() {
    check(&["nothing.csv"], "", 2, "nothing.csv: can't be read: No such file or directory (os error 2)\n");
    for (args, told) in [
        (["-", "--model", "holtt"], "unknown model \"holtt\"; known: auto, naive, "),
        (["-", "--step", "0s"], "it must be longer than nothing"),
        (["-", "--plot", "forecast.png"], "name a file that ends in .svg or .html, or - for the terminal"),
    ] {
        let output = forecast(Path::new("."), &args, "");
        assert!(text(&output.stderr).contains(told), "{output:?}");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}

#[test]
fn pictures_go_to_files_that_need_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["forecast.svg", "forecast.html"] {
        let output = forecast(folder.path(), &[DAY, "--plot", file], "");
        assert_eq!((text(&output.stdout).lines().count(), output.status.code()), (61, Some(0)), "{output:?}");
        let picture = fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(picture.contains("p10 to p90") && picture.contains("prefers-color-scheme:dark"), "{picture}");
        assert!(!picture.replace("http://www.w3.org/2000/svg", "").contains("http"), "{file} asks for nothing");
    }
    let output = forecast(folder.path(), &[DAY, "--plot", "none/forecast.svg"], "");
    assert!(text(&output.stderr).starts_with("headroom: can't write none/forecast.svg: "), "{output:?}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_terminal_gets_dots_and_shade() {
    let output = forecast(Path::new("."), &["-", "--model", "drift", "--plot", "-"], &climb());
    let picture = text(&output.stdout);
    let rows: Vec<&str> = picture.lines().collect();
    assert!(rows[0].starts_with("-: the next 1h (drift leads, trust "), "{picture}");
    // Fourteen rows for the picture, with two of them for times, and the legend; 72 columns.
    assert_eq!(rows.len(), 14, "{picture}");
    assert!(rows.iter().all(|row| row.chars().count() <= 72), "{picture}");
    let signs =
        |wanted: fn(char) -> bool| rows[1..11].iter().flat_map(|row| row.chars()).filter(|sign| wanted(*sign)).count();
    assert!(signs(|sign| ('\u{2800}'..='\u{28ff}').contains(&sign)) > 60, "a line of dots: {picture}");
    assert!(signs(|sign| sign == '░') > 0, "a band: {picture}");
    assert_eq!(rows[13].trim(), "─ history   ─ pmax90   ─ mean   ░ p10 to p90");
}

#[test]
fn help_has_an_example() {
    let output = forecast(Path::new("."), &["--help"], "");
    assert!(
        text(&output.stdout).contains("Example:\n  headroom forecast requests.csv --horizon 2h --plot"),
        "{output:?}"
    );
}
