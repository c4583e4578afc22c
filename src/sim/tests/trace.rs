use super::*;

const GAPPED: &str = "# requests a minute\ntimestamp,value\n60,100\n120,200\n180,\n240,400\n300,0\n";

#[track_caller]
fn check(seconds: u64, want: Option<f64>) {
    assert_eq!(Trace::parse(GAPPED).unwrap().at(Duration::from_secs(seconds)), want, "{seconds} s into it");
}

#[test]
fn values_are_joined_by_straight_lines_and_missing_ones_stay_missing() {
    check(0, Some(100.0));
    check(15, Some(125.0));
    check(60, Some(200.0));
    check(61, None);
    check(120, None);
    check(150, None);
    check(180, Some(400.0));
    check(210, Some(200.0));
    check(240, Some(0.0));
    check(241, None);
    check(u64::MAX, None);
}

#[test]
fn a_trace_is_scaled_by_its_peak() {
    let trace = Trace::parse(GAPPED).unwrap().scaled_to_peak(40.0).unwrap();
    assert_eq!(trace.peak(), Some(40.0));
    assert_eq!(trace.at(Duration::ZERO), Some(10.0));
    assert_eq!(Trace::parse("0,0\n60,0").unwrap().scaled_to_peak(40.0), Err(TraceError::Silent));
}

#[track_caller]
fn check_refused(text: &str, want: &str) {
    assert_eq!(Trace::parse(text).unwrap_err().to_string(), want);
}

#[test]
fn what_is_no_trace_is_refused_with_its_line() {
    check_refused("60,1\n120", r#"line 2: "120" is not a row; write unix seconds and a value, as in 899164800,17613"#);
    check_refused("0,x\n", r#"line 1: "0,x" is not a row; write unix seconds and a value, as in 899164800,17613"#);
    check_refused("0,NaN\n", r#"line 1: "0,NaN" is not a row; write unix seconds and a value, as in 899164800,17613"#);
    check_refused(
        "0,1\n60,1\n90,1",
        "line 3: 90 does not follow the row before it by 60 s; rows must be evenly spaced",
    );
    check_refused("60,1\n60,1", "line 2: 60 does not follow the row before it by 0 s; rows must be evenly spaced");
    check_refused("", "a trace needs two rows at least; there are 0");
    check_refused(&format!("{},1\n{},1", i64::MIN, i64::MAX), {
        "line 2: 9223372036854775807 does not follow the row before it by 9223372036854775807 s; rows must be evenly spaced"
    });
}

#[test]
fn every_scenario_has_a_day_of_traffic_and_rules_for_each_workload() {
    for name in Scenario::NAMES {
        let scenario = Scenario::named(name).unwrap();
        assert!(scenario.length() > Duration::from_hours(8), "{name}");
        assert!(scenario.marks.is_sorted_by_key(|mark| mark.into), "{name}");
        for load in &scenario.loads {
            assert_eq!(load.trace.length(), Duration::from_mins(24 * 60 - 1));
            for part in [format!("name: {}}}", load.spec.workload.name), format!("per_replica: {}\n", load.per_replica)]
            {
                assert!(scenario.rules.contains(&part), "{name}: {part}");
            }
        }
    }
    let unknown = Scenario::named("euro96").unwrap_err();
    assert_eq!(unknown.to_string(), r#"there is no trace "euro96"; known: worldcup98"#);
}

/// The trace itself, told by a scaler that always wants what the load of a minute ago needed.
#[test]
fn the_world_cup_takes_checkout_from_a_few_pods_to_forty_and_back() {
    let mut replay = Replay::new(Scenario::named("worldcup98").unwrap(), at(0));
    let mut seen = Vec::new();
    let mut minute = 0;
    while !replay.is_over(at(minute * 60)) {
        replay.advance(at(minute * 60));
        for (pace, load) in replay.paces().iter().zip(&replay.scenario().loads) {
            let wanted = 2.max(format!("{:.0}", (pace.offered / load.per_replica).ceil()).parse().unwrap());
            replay.cluster().lock().unwrap().scale(&pace.workload, pace.pods.replicas, wanted).unwrap();
        }
        seen.push(replay.paces().first().unwrap().pods.replicas);
        minute += 1;
    }
    assert_eq!(seen.first(), Some(&6));
    assert_eq!(seen.iter().max(), Some(&40));
    assert!(seen.last().unwrap() < &8);
    let paces = replay.paces();
    assert_eq!(paces.iter().map(|pace| pace.peak).collect::<Vec<_>>(), [40, 16]);
    for pace in paces {
        assert!(pace.totals.dropped.share_of(pace.totals.offered) < 0.01, "{pace:?}");
    }
}
