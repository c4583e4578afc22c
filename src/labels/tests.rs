use super::*;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied()).unwrap()
}

#[test]
fn order_and_empty_values_make_no_difference() {
    let one = labels(&[("b", "2"), ("a", "1"), ("c", "")]);
    let other = labels(&[("a", "1"), ("b", "2")]);
    assert_eq!(one, other);
    assert_eq!(one.to_string(), r#"{a="1",b="2"}"#);
    assert_eq!(one.get("c"), None);
}

#[test]
fn the_same_text_split_elsewhere_is_another_set() {
    assert_ne!(labels(&[("ab", "c")]), labels(&[("a", "bc")]));
}

#[test]
fn a_name_given_twice_or_left_out_is_refused() {
    let twice = Labels::from_pairs([("a", "1"), ("b", "2"), ("a", "3")]);
    assert_eq!(twice, Err(LabelsError::Duplicate("a".to_owned())));
    assert_eq!(Labels::from_pairs([("", "1")]), Err(LabelsError::EmptyName));
}

#[test]
fn series_are_written_as_in_prometheus() {
    assert_eq!(labels(&[(NAME, "up")]).to_string(), "up");
    assert_eq!(labels(&[(NAME, "up"), ("job", "a\"b\n")]).to_string(), "up{job=\"a\\\"b\\n\"}");
    assert_eq!(Labels::empty().to_string(), "{}");
}

#[test]
fn by_without_and_change() {
    let all = labels(&[(NAME, "up"), ("job", "j"), ("pod", "p")]);
    assert_eq!(all.only(&["pod".to_owned()]).to_string(), r#"{pod="p"}"#);
    assert_eq!(all.without(&["pod".to_owned()]).to_string(), r#"{job="j"}"#);
    assert_eq!(all.without_name().to_string(), r#"{job="j",pod="p"}"#);
    assert_eq!(all.with(&[("job", ""), ("az", "1")]).to_string(), r#"up{az="1",pod="p"}"#);
}

#[track_caller]
fn check(op: MatchOp, value: &str, matches: &[&str], misses: &[&str]) {
    let matcher = Matcher::new("l", op, value).unwrap();
    for text in matches {
        assert!(matcher.matches(&labels(&[("l", text)])), "{matcher} against {text:?}");
    }
    for text in misses {
        assert!(!matcher.matches(&labels(&[("l", text)])), "{matcher} against {text:?}");
    }
}

#[test]
fn matchers_follow_prometheus_3() {
    check(MatchOp::Equal, "", &[""], &["a"]);
    check(MatchOp::NotEqual, "a", &["", "b"], &["a"]);
    check(MatchOp::Regex, "a|b", &["a", "b"], &["ab", "xa", ""]);
    check(MatchOp::Regex, ".+", &["a", "a\nb"], &[""]);
    check(MatchOp::NotRegex, "a.*", &["", "b"], &["a", "ab"]);
}

#[test]
fn a_broken_pattern_is_refused_with_its_reason() {
    for pattern in ["(", "a)(b", "[z-a]"] {
        let error = Matcher::new("l", MatchOp::Regex, pattern).unwrap_err();
        assert!(error.to_string().starts_with(&format!("regular expression \"{pattern}\": ")), "{error}");
        assert!(!error.reason.is_empty());
    }
}
