//! No text makes a panic, and none takes long or much.

use proptest::prelude::*;

use super::*;

#[test]
fn what_grows_without_end_is_stopped() {
    #[track_caller]
    fn check(text: &str, want: &str) {
        let error = render(text).unwrap_err().message;
        assert!(error.contains(want), "{text}: {error}");
    }
    check("{{ range 99999 }}{{ range 99999 }}x{{ end }}{{ end }}", "steps");
    check("{{ range 90000 }}0123456789{{ end }}", "bytes of text");
    let double = "{{ $x := \"0123456789\" }}{{ range 40 }}{{ $x = print $x $x }}{{ end }}";
    check(double, "longer than");
    check("{{ $x := 1 }}{{ range 40 }}{{ $x = args $x $x }}{{ end }}", "can't hold");
    check(&double.replace("print $x $x", "reReplaceAll \"\" $x $x"), "longer than");
    check(&double.replace("print $x $x", "urlquery $x $x \" ü\""), "longer than");
    check("{{ match \"(a{1000}){1000}\" \"x\" }}", "regular expression");
    let deep = format!("{}1{}", "(".repeat(60), ")".repeat(60));
    check(&format!("{{{{ {deep} }}}}"), "nested deeper");
    check(&format!("{}{}", "{{ if 1 }}".repeat(60), "{{ end }}".repeat(60)), "nested deeper");
}

#[test]
fn a_wide_field_is_no_wider_than_it_may_be() {
    assert_eq!(render("{{ printf \"%999999999d\" 5 }}").unwrap().len(), 1_000);
    assert_eq!(render("{{ printf \"%.999999999f\" 0.5 }}").unwrap().len(), 1_002);
    assert_eq!(render("{{ printf \"%.99999999999999999999999f\" 0.5 }}").unwrap().len(), 1_002);
}

/// Texts that are nearly templates.
fn nearly() -> impl Strategy<Value = String> {
    let words = [
        "{{",
        "}}",
        "{{-",
        "-}}",
        " ",
        "if",
        "else",
        "end",
        "range",
        "with",
        "$",
        "$x",
        ":=",
        "=",
        ".",
        ".Labels",
        ".x",
        "|",
        "(",
        ")",
        "\"a\"",
        "`b`",
        "'c'",
        "1",
        "-0.5e3",
        "0x",
        "print",
        "printf",
        "\"%v%d%q\"",
        "index",
        "query",
        "nil",
        "true",
        ",",
        "/*",
        "*/",
        "é",
        "\\",
        "\n",
        "and",
        "or",
        "slice",
        "args",
        "break",
        "$labels",
        "$value",
        "humanize",
        "toTime",
        "title",
        "first",
        "toDuration",
        "9223372036854775807",
        "1e308",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..24).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_a_panic(text in prop_oneof![nearly(), nearly().prop_map(|text| text.replace(' ', "")), ".{0,60}"]) {
        if let Err(error) = render(&text) {
            prop_assert!(error.at <= text.len());
            prop_assert!(error.placed(&text).contains(':'));
        }
    }

    #[test]
    fn text_without_actions_stays_as_it_is(text in "[^{]{0,80}") {
        prop_assert_eq!(render(&text).unwrap(), text);
    }

    #[test]
    fn a_number_written_is_the_number_read(value in any::<f64>()) {
        let text = number::shortest(value);
        if !value.is_nan() {
            prop_assert_eq!(text.replace("Inf", "inf").parse::<f64>().unwrap(), value);
        }
    }
}
