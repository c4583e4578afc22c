use super::*;
use crate::time::Timestamp;

#[track_caller]
fn check_refused(text: &str, want: &str) {
    assert_eq!(Table::parse(text).unwrap_err().told("load.csv"), want);
}

#[test]
fn rows_that_are_none_are_told_with_their_lines() {
    check_refused("", "load.csv: a forecast needs 3 rows at least; there are 0\n");
    check_refused("timestamp,value\n60,1\n", "load.csv: a forecast needs 3 rows at least; there is 1\n");
    let row = "is not a row; write Unix seconds or RFC 3339 and a number, as in 899164800,17613";
    check_refused("60,1\n120\n180,x\n", &format!("load.csv:2: \"120\" {row}\nload.csv:3: \"180,x\" {row}\n"));
    let order = "is not later than the row before it; sort the rows by time, one for each";
    check_refused("60,1\n60,2\n", &format!("load.csv:2: \"60,2\" {order}\n"));
    let many = Table::parse(&"?,!\n".repeat(30)).unwrap_err().told("load.csv");
    assert_eq!((many.lines().count(), many.lines().last()), (11, Some("load.csv: and 19 more")));
}

#[track_caller]
fn check_read(text: &str, stamp: Stamp, step: u64, want: &[(i64, Option<f64>)]) {
    let table = Table::parse(text).unwrap();
    let rows: Vec<_> = want.iter().map(|&(ms, value)| Row { at: Timestamp::from_millis(ms), value }).collect();
    assert_eq!((table.rows, table.stamp, table.step.as_secs()), (rows, stamp, step));
}

#[test]
fn times_are_read_as_seconds_or_dates_and_written_alike() {
    check_read(
        "# load\ntime,requests\n60,1\n120,\n180,NaN\n",
        Stamp::Seconds,
        60,
        &[(60_000, Some(1.0)), (120_000, None), (180_000, None)],
    );
    check_read("0.5,1\r\n30.5, -2\r\n", Stamp::Seconds, 30, &[(500, Some(1.0)), (30_500, Some(-2.0))]);
    let dates = "\u{feff}1970-01-01T00:01:00Z,1\n1970-01-01T01:02:00+01:00,2\n";
    check_read(dates, Stamp::Rfc3339, 60, &[(60_000, Some(1.0)), (120_000, Some(2.0))]);
    assert_eq!(Stamp::Seconds.write(Timestamp::from_millis(1500)), "1.500");
    assert_eq!(Stamp::Seconds.write(Timestamp::from_millis(2000)), "2");
    assert_eq!(Stamp::Rfc3339.write(Timestamp::from_millis(60_000)), "1970-01-01T00:01:00Z");
}

#[track_caller]
fn check_number(value: f64, want: &str) {
    assert_eq!(number(value), want);
}

#[test]
fn numbers_have_six_digits_at_most_where_they_have_a_fraction() {
    check_number(0.0, "0");
    check_number(17_613.0, "17613");
    check_number(17_613.456_7, "17613.5");
    check_number(0.012_345_678, "0.0123457");
    check_number(-2.5, "-2.5");
    check_number(1_234_567.8, "1234568");
    check_number(1e-300, "1.00000e-300");
    check_number(2e300, "2.00000e300");
}

#[test]
fn an_unknown_model_names_the_known_ones() {
    let known = "auto, naive, seasonal_naive, drift, holt, holt_winters, theta, arima, ets, mstl, ridge";
    let told = model("holtt").unwrap_err();
    assert!(told.starts_with(&format!("unknown model \"holtt\"; known: {known}")), "{told}");
    assert_eq!(length("0").unwrap_err(), "it must be longer than nothing");
}

#[track_caller]
fn check_flags(flags: &[&str], want: Result<(), &str>) {
    #[derive(Debug, clap::Parser)]
    struct Program {
        #[command(flatten)]
        args: Args,
    }
    let args = <Program as clap::Parser>::parse_from(["forecast", "load.csv"].iter().chain(flags)).args;
    let minute = Duration::from_mins(1);
    let found = fits(&args, args.step.unwrap_or(minute), minute);
    assert_eq!(found.as_ref().map_err(String::as_str), want.as_ref().map_err(|text| *text).map(|()| &()));
}

#[test]
fn flags_that_ask_for_too_much_are_refused() {
    check_flags(&["--horizon", "14d"], Ok(()));
    check_flags(&["--horizon", "30d"], Err("--horizon is at most 2w with steps of 1m"));
    check_flags(&["--step", "6s"], Ok(()));
    check_flags(&["--step", "1s"], Err("rows are 1m apart: most steps of 1s would be empty; leave out --step"));
}
