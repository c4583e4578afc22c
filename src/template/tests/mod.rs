//! Templates against what Prometheus makes of them, findings with their places, and bounds.

#![allow(clippy::needless_pass_by_value, reason = "expectations are made where they are checked")]

mod hostile;

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_435_065_584_128);

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied()).unwrap()
}

/// What `cases.txt` was made with.
fn data() -> Value {
    let own = labels(&[("job", "web"), ("instance", "i1:80"), ("env", "prod")]);
    Value::alert(&own, &labels(&[("region", "eu")]), "http://ext", 42.5)
}

#[allow(clippy::unnecessary_wraps, reason = "as `World` wants it")]
fn query(text: &str) -> Result<Vec<(Labels, f64)>, String> {
    let series = |instance: &str, job: &str| labels(&[("__name__", "q"), ("instance", instance), ("job", job)]);
    match text {
        "q" => Ok(vec![(series("b", "web"), 11.0), (series("a", "web"), 21.5), (series("c", "db"), 3.0)]),
        _ => Ok(Vec::new()),
    }
}

fn render(text: &str) -> Result<String, TemplateError> {
    let world = World { now: NOW, external_url: "http://h.example:9090/prefix", query: Some(&query) };
    Template::compile_rule(text)?.render(&data(), &world)
}

#[test]
fn templates_render_as_in_prometheus() {
    let mut lines = include_str!("cases.txt").lines().filter(|line| !line.starts_with("# "));
    let (mut wrong, mut seen) = (String::new(), 0);
    while let (Some(text), Some(want)) = (lines.next(), lines.next()) {
        let want = want.strip_prefix("    => ").expect("each template has its line");
        let ours = render(text);
        let shown = ours.as_deref().map_or("ERROR".to_owned(), |text| text.replace('\n', "⏎"));
        if shown != want {
            let _ = writeln!(wrong, "{text}\n  want {want}\n  have {shown} {:?}", ours.err());
        }
        seen += 1;
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(seen > 60, "{seen} cases");
}

#[test]
fn each_function_is_put_to_the_test() {
    // What only Alertmanager has, and what is as it is in every text.
    let apart = ["join", "trimSpace", "stringSlice", "sortedPairs", "names", "values", "toJson", "safeUrl"];
    let cases = include_str!("cases.txt");
    let missing: Vec<&str> = functions::all().filter(|name| !apart.contains(name) && !cases.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn functions_for_webhooks_make_json() {
    #[track_caller]
    fn check(text: &str, want: &str) {
        assert_eq!(render(text).as_deref(), Ok(want), "{text}");
    }
    check(r#"{{ toJson $labels }}"#, r#"{"env":"prod","instance":"i1:80","job":"web"}"#);
    check(r#"{{ toJson "a\"b\n" }} {{ toJson 5 }} {{ toJson 5.0 }} {{ toJson 0.5 }}"#, r#""a\"b\n" 5 5 0.5"#);
    check(
        r#"{{ query "q" | first | toJson }}"#,
        r#"{"Labels":{"__name__":"q","instance":"b","job":"web"},"Value":11}"#,
    );
    check(r#"{{ join ", " (stringSlice "a" "b") }}"#, "a, b");
    check(r#"{{ names $labels | join "," }} {{ values $labels | join "," }}"#, "env,instance,job prod,i1:80,web");
    check("{{ range sortedPairs $labels }}{{ .Name }}={{ .Value }} {{ end }}", "env=prod instance=i1:80 job=web ");
    check(r#"[{{ trimSpace "  a " }}] {{ safeUrl "http://x" }}"#, "[a] http://x");
}

/// What is wrong with a text, at its line and column.
#[track_caller]
fn check_wrong(text: &str, want: Expect) {
    let error = Template::compile_rule(text).map(|_| ()).and_then(|()| render(text).map(|_| ())).unwrap_err();
    want.assert_eq(&error.placed(text));
}

#[test]
fn mistakes_are_told_with_line_and_column() {
    check_wrong("up {{ $labels.job", expect![[r#"1:4: "{{" without "}}""#]]);
    check_wrong("a\nb {{ $lables.job }}", expect!["2:6: there is no variable $lables here"]);
    check_wrong("{{ humanise 5 }}", expect![[r#"1:4: there is no function "humanise""#]]);
    check_wrong("{{ if true }}x", expect![[r#"1:1: "if" without its "end""#]]);
    check_wrong("x{{ end }}", expect!["1:2: there is nothing open that this could end"]);
    check_wrong("{{ }}", expect!["1:1: an action without a value"]);
    check_wrong("{{ if }}x{{ end }}", expect!["1:1: a value is missing at the end"]);
    check_wrong("{{ \"a }}", expect!["1:4: a text without its closing quote"]);
    check_wrong("{{ (len \"a\" }}", expect![[r#"1:4: "(" without ")""#]]);
    check_wrong("{{ 'ab' }}", expect!["1:6: single quotes hold one character; write texts in double quotes"]);
    check_wrong("{{ $value \"x\" }}", expect!["1:11: only functions take arguments; what stands before is none"]);
    check_wrong("{{ $value | 5 }}", expect![[r#"1:13: what follows "|" must be a function"#]]);
    check_wrong("{{ humanize }}", expect!["1:4: humanize takes one argument, not 0"]);
    check_wrong(
        "{{ eq $value 5 }}",
        expect!["1:4: a number can't be compared with a whole number; write a constant with a point: 5.0"],
    );
    check_wrong(
        "{{ .Job }}",
        expect!["1:4: there is no field .Job here; known: .Labels, .ExternalLabels, .ExternalURL, .Value"],
    );
    check_wrong("{{ $value.x }}", expect!["1:4: a number has no fields, so no .x"]);
    check_wrong("{{ template \"x\" }}", expect![[r#"1:1: "template" is not supported; write it out here"#]]);
    check_wrong("{{ $x = 1 }}", expect!["1:4: there is no variable $x here"]);
    check_wrong("{{ break }}", expect!["1:1: break outside of a range"]);
    check_wrong("{{ range $value }}{{ end }}", expect!["1:1: can't range over a number"]);
    check_wrong("{{ 1é }}", expect!["1:5: a space is missing before this"]);
    check_wrong("{{ nil }}", expect!["1:4: nil alone is no value"]);
}

#[test]
fn constant_queries_are_known_beforehand() {
    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        assert_eq!(Template::compile_rule(text).unwrap().queries(), want, "{text}");
    }
    check("{{ $value }}", &[]);
    check(r#"{{ query "up" | first | value }}"#, &["up"]);
    check(r#"{{ "up" | query }}{{ query (`sum(up)`) }}"#, &["up", "sum(up)"]);
    check(
        r#"{{ range query "a" }}{{ if query "b" }}{{ end }}{{ else }}{{ len (query "c") }}{{ end }}"#,
        &["a", "b", "c"],
    );
    check(r#"{{ query (printf "up{job=%q}" $labels.job) }}"#, &[]);
}

#[test]
fn a_failure_is_shown_in_the_place_of_the_text() {
    let template = Template::compile_rule("a\n{{ query \"none\" | first }}").unwrap();
    let world = World { now: NOW, external_url: "", query: None };
    let shown = template.render_or_say(&data(), &world);
    assert_eq!(shown, "<error expanding template: 2:4: queries are not answered here>");
}
