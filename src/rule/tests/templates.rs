use super::*;

fn filled(text: &str, labels: &[(&str, &str)]) -> String {
    let template = |text| Template::compile(text).unwrap();
    let target = TargetTemplate::new(String::new(), "Deployment".into(), template("shop"), template(text));
    let labels = Labels::from_pairs(labels.iter().copied()).unwrap();
    target.resolve(&labels).map_or_else(|error| error.to_string(), |workload| workload.name.clone())
}

#[test]
fn labels_fill_their_places() {
    assert_eq!(filled("{{ $labels.app }}", &[("app", "checkout")]), "checkout");
    assert_eq!(filled("{{$labels.app}}-{{  $labels.zone\t}}-x", &[("app", "a"), ("zone", "b")]), "a-b-x");
    assert_eq!(
        filled("a}}b", &[]),
        r#"{} makes the name "a}}b", which is no Kubernetes name: lower-case letters, digits, "-" and ".""#
    );
    assert!(filled("{{ $labels.app }}", &[]).starts_with(r#"{} has no label "app", which the target's name needs"#));
}

#[test]
fn only_labels_can_be_filled_in() {
    for (text, at) in
        [("{{", 0), ("{{ $labels.a-b }}", 12), ("{{ $value }}", 3), ("{{}}", 0), ("{{ $labels.a }}{{", 15)]
    {
        let error = Template::compile(text).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
    }
    let error = filled("{{ .Value }}", &[("app", "a")]);
    assert_eq!(
        error,
        r#"the target's name can't be made of {app="a"}: 1:4: there is no field .Value here; known: .Labels"#
    );
}

#[test]
fn a_name_may_be_made_of_a_label() {
    let from_pod = r#"{{ reReplaceAll "-[a-z0-9]+-[a-z0-9]+$" "" $labels.pod }}"#;
    assert_eq!(filled(from_pod, &[("pod", "checkout-7d9f-x2k")]), "checkout");
    assert_eq!(filled("{{ $labels.app | toLower }}", &[("app", "Web")]), "web");
    let either = "{{ if $labels.release }}{{ $labels.release }}-{{ end }}{{ .Labels.app }}";
    assert_eq!(filled(either, &[("app", "web")]), "web");
    assert_eq!(filled(either, &[("app", "web"), ("release", "a")]), "a-web");
    assert!(filled(from_pod, &[]).starts_with(r#"{} has no label "pod", which the target's name needs"#));
}

#[test]
fn a_constant_is_known_without_labels() {
    assert_eq!(Template::compile("shop").unwrap().constant(), Some("shop"));
    assert_eq!(Template::compile("").unwrap().constant(), Some(""));
    assert_eq!(Template::compile("{{ $labels.a }}").unwrap().constant(), None);
}
