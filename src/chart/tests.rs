use expect_test::expect;
use proptest::prelude::*;

use super::axis::{Times, Values};
use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn line(points: &[(i64, f64)]) -> Line {
    let points = points.iter().map(|&(seconds, value)| (at(seconds), value)).collect();
    Line { name: "demand".into(), tone: Tone::Ink, stroke: Stroke::Solid, points }
}

#[track_caller]
fn check_values(low: f64, high: f64, want: &str) {
    let ticks = Values::holding([low, high].into_iter(), 4).ticks;
    assert_eq!(ticks.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>().join(" "), want);
}

#[test]
fn values_get_round_labels_and_begin_at_zero_unless_far_from_it() {
    check_values(3.0, 9.7, "0 2.5 5.0 7.5 10.0");
    check_values(0.0, 23_281.0, "0 10k 20k");
    check_values(990.0, 1010.0, "990 995 1000 1005 1010");
    check_values(-4.0, 4.0, "-4 -2 0 2 4");
    check_values(5.0, 5.0, "0 2 4");
    check_values(0.0, 0.0, "0 0.25 0.50 0.75 1.00");
}

#[track_caller]
fn check_times(first: i64, last: i64, want: &str) {
    let ticks = Times::between(at(first), at(last), 6).ticks;
    let words = ticks.iter().map(|tick| match &tick.day {
        Some(day) => format!("{} ({day})", tick.label),
        None => tick.label.clone(),
    });
    assert_eq!(words.collect::<Vec<_>>().join(" "), want);
}

#[test]
fn times_get_labels_at_whole_hours_and_name_a_new_day() {
    check_times(0, 3600, "00:00 (1 Jan 1970) 00:15 00:30 00:45 01:00");
    check_times(899_240_000, 899_260_000, "21:00 (30 Jun 1998) 22:00 23:00 00:00 (1 Jul 1998) 01:00 02:00");
    check_times(0, 20, "00:00:00 (1 Jan 1970) 00:00:05 00:00:10 00:00:15 00:00:20");
    check_times(899_164_800, 899_164_800 + 4 * 86_400, "30 Jun (1998) 1 Jul 2 Jul 3 Jul 4 Jul");
    check_times(0, 0, "00:00:00 (1 Jan 1970)");
}

fn small() -> Chart {
    let points = (0..=6).map(|hour| (at(hour * 3600), 2.0 + hour as f64, 6.0 + hour as f64)).collect();
    Chart {
        title: "orders < 10 & more".into(),
        unit: "requests/s".into(),
        bands: vec![Band { name: "p10 to p90".into(), tone: Tone::Orange, points }],
        lines: vec![line(&[(0, 4.0), (3600, 6.0), (7200, f64::NAN), (10_800, 7.0), (21_600, 10.0)])],
        marks: vec![Mark { at: at(7200), text: "now".into() }],
    }
}

#[test]
fn a_picture_holds_its_words_and_breaks_its_lines_at_holes() {
    let svg = small().svg(600, 240);
    assert!(svg.contains("<title>orders &lt; 10 &amp; more</title>"), "{svg}");
    let paths: Vec<&str> = svg.lines().filter(|line| line.starts_with("<path class=\"line")).collect();
    expect![[r#"
        <path class="line ink" d="M64.0 153.1L150.3 131.6M323.0 120.8L582.0 88.6"/>
        <path class="line ink" d="M402.4 44h22"/><text class="soft" x="430.4" y="48">demand</text>
    "#]]
    .assert_eq(&format!("{}\n", paths.join("\n")));
}

#[test]
fn a_terminal_shows_the_same_in_dots_and_shade() {
    let size = Size { columns: 50, rows: 12, colours: false };
    expect![[r#"
        orders < 10 & more
                ┤                                      ░░░
             10 ┤                          ░░░░░░░░░░░⣀⣀⣠⠤
                ┤              ░░░░░░░░░░░░░⣀⣀⣠⠤⠤⠖⠒⠚⠉⠉⠁░░░
                ┤  ░░░░░░░░░░░░░░░░░░⠠⠤⠖⠒⠚⠉⠉⠁░░░░░░░░░░░░░
                ┤░░⢀⣀⡤⠖⠚⠁░░░░░░░░░░░░░░░░░░░░░
                ┤⠒⠋⠉░░░░░░░░░░░░░░
                ┤░░░░░
              0 ┤
               00:00               03:00               06:00
            1 Jan 1970 UTC
                 ─ demand   ░ p10 to p90
    "#]]
    .assert_eq(&small().terminal(size));
    assert!(small().terminal(Size { colours: true, ..size }).contains("\x1b[33m"));
}

#[test]
fn a_long_line_keeps_its_peaks_and_stays_small() {
    let mut points: Vec<(i64, f64)> = (0..40_000).map(|step| (step * 60, 5.0)).collect();
    points[20_001].1 = 100.0;
    let chart = Chart { title: "x".into(), lines: vec![line(&points)], ..Chart::default() };
    let svg = chart.svg(960, 360);
    assert!(svg.len() < 40_000, "{} bytes", svg.len());
    assert!(svg.contains(" 71.8L"), "the peak reaches the top: {svg}");
}

#[test]
fn a_page_stands_alone() {
    let mut page = Page::new("Report <1>");
    page.heading("A").paragraph("b & c").verbatim("x < y").chart(&small(), 300);
    page.table(&["policy", "cost"], &[vec!["hpa".into(), "3".into()]]);
    let html = page.finish();
    assert!(html.contains("<tr><td>hpa</td><td>3</td></tr>") && html.ends_with("</html>\n"), "{html}");
    assert!(
        !html.contains("http") || html.matches("http").count() == html.matches("http://www.w3.org/2000/svg").count()
    );
}

proptest! {
    #[test]
    fn any_points_give_a_picture_of_finite_numbers(
        points in proptest::collection::vec((any::<i64>(), any::<f64>()), 0..40),
        width in 0_u32..2000, rows in 0_usize..40,
    ) {
        let band = points.iter().map(|&(ms, value)| (Timestamp::from_millis(ms), value, -value)).collect();
        let chart = Chart {
            title: "x".into(),
            bands: vec![Band { name: String::new(), tone: Tone::Blue, points: band }],
            lines: vec![Line {
                name: "y".into(),
                tone: Tone::Red,
                stroke: Stroke::Steps,
                points: points.iter().map(|&(ms, value)| (Timestamp::from_millis(ms), value)).collect(),
            }],
            ..Chart::default()
        };
        let svg = chart.svg(width, width);
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        let signs = chart.terminal(Size { columns: 60, rows, colours: true });
        prop_assert!(!signs.is_empty());
    }
}
