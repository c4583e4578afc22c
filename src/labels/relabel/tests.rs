use proptest::prelude::*;

use super::*;

fn regex(text: &str) -> Pattern {
    Pattern::new(text).unwrap()
}

fn joined(labels: &str) -> Joined {
    Joined { labels: labels.split_whitespace().map(str::to_owned).collect(), separator: ";".to_owned() }
}

fn replace(source: &str, pattern: &str, target: &str, replacement: &str) -> Step {
    let regex = regex(pattern);
    let (target, replacement) = (Template::new(target, &regex), Template::new(replacement, &regex));
    Step::Replace { source: joined(source), regex, target, replacement }
}

fn labelmap(pattern: &str, replacement: &str) -> Step {
    let regex = regex(pattern);
    Step::LabelMap { replacement: Template::new(replacement, &regex), regex }
}

fn hashmod(source: &str, modulus: u64, target: &str) -> Step {
    Step::HashMod { source: joined(source), modulus: NonZeroU64::new(modulus).unwrap(), target: target.to_owned() }
}

/// `a=1 b=2` through the steps; `-` where the series is dropped.
#[track_caller]
fn check(labels: &str, steps: impl Into<Vec<Step>>, want: &str) {
    let pairs: Vec<(&str, &str)> = labels.split(' ').filter_map(|pair| pair.split_once('=')).collect();
    let found = Relabel::new(steps.into()).apply(pairs);
    let shown = found.map(|labels| labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>());
    assert_eq!(shown.map_or_else(|| "-".to_owned(), |pairs| pairs.join(" ")), want);
}

#[test]
fn replace_sets_changes_and_removes() {
    check("a=foo b=bar", [replace("a b", "f(.*);(.*)r", "d", "${2}-$1")], "a=foo b=bar d=ba-oo");
    check("a=foo", [replace("a", "f", "d", "x")], "a=foo");
    check("a=foo", [replace("a", "(f).*", "$1", "x")], "a=foo f=x");
    check("a=foo f=baz", [replace("a", "(f).*", "$1", "$2")], "a=foo");
    check("a=foo", [replace("a", "(f)(x?).*", "$2", "new")], "a=foo");
    check("a=foo", [replace("", "(.*)", "d", "x")], "a=foo d=x");
    check("a=foo", [replace("nobody", "", "d", "x")], "a=foo d=x");
    check("a=foo", [replace("nobody", "(.+)", "d", "x")], "a=foo");
    check("a=foo", [replace("a nobody a", "(.*)", "k8s.io/d é", "$1")], "a=foo k8s.io/d é=foo;;foo");
    check("a=x\ny", [replace("a", "x.y", "d", "all")], "a=x\ny d=all");
}

#[test]
fn series_are_kept_and_dropped() {
    let keep = |pattern: &str| Step::Keep { source: joined("a"), regex: regex(pattern) };
    let drop = |pattern: &str| Step::Drop { source: joined("a"), regex: regex(pattern) };
    check("a=foo", [keep("f.*")], "a=foo");
    check("a=foo", [keep("o.*")], "-");
    check("a=foo", [drop("f|o")], "a=foo");
    check("a=foo", [drop("f.*"), replace("a", "(.*)", "b", "$1")], "-");
    check("b=foo", [keep("")], "b=foo");
    check("a=1 b=1 c=2", [Step::KeepEqual { source: joined("a"), target: "b".to_owned() }], "a=1 b=1 c=2");
    check("a=1 b=1 c=2", [Step::KeepEqual { source: joined("a"), target: "c".to_owned() }], "-");
    check("a=1 b=1 c=2", [Step::DropEqual { source: joined("a"), target: "b".to_owned() }], "-");
    check("a=1 b=1 c=2", [Step::DropEqual { source: joined("a b"), target: "c".to_owned() }], "a=1 b=1 c=2");
    check("a=1", [Step::KeepEqual { source: joined("nobody"), target: "neither".to_owned() }], "a=1");
}

#[test]
fn names_are_mapped_kept_and_dropped() {
    check("a=foo b1=bar b2=baz", [labelmap("b(.*)", "x_${1}")], "a=foo b1=bar b2=baz x_1=bar x_2=baz");
    check("a=1 b=2", [labelmap("a(.*)", "$1")], "a=1 b=2");
    check("a=1 b=2", [labelmap("a|b", "a")], "a=2 b=2");
    check("a=1 b=2", [labelmap("(.*)", "${1}${1}")], "a=1 aa=1 b=2 bb=2");
    check("a=1 b1=2 b2=3", [Step::LabelDrop(regex("b.*"))], "a=1");
    check("a=1 b1=2 b2=3", [Step::LabelKeep(regex("b.*"))], "b1=2 b2=3");
    check("a=1", [Step::LabelDrop(regex("(.*)"))], "-");
}

#[test]
fn of_labels_that_map_to_one_name_the_one_set_last_stays() {
    let set_a = || replace("", "(.*)", "a", "new");
    check("a=1 b=2", [set_a(), labelmap("a|b", "c")], "a=new b=2 c=new");
    let remove_a = || replace("", "(.*)", "a", "");
    let set_b = || replace("", "(.*)", "b", "newer");
    check("a=1 b=2", [set_a(), set_b(), labelmap("a|b", "c")], "a=new b=newer c=newer");
    check("a=1 b=2", [set_a(), set_b(), set_a(), labelmap("a|b", "c")], "a=new b=newer c=newer");
    check("a=1 b=2", [set_a(), remove_a(), set_b(), set_a(), labelmap("a|b", "c")], "a=new b=newer c=new");
}

/// The remainders are those of Prometheus's own tests.
#[test]
fn hashes_are_those_of_prometheus() {
    check("c=baz", [hashmod("c", 1000, "d")], "c=baz d=976");
    check("a=foo\nbar", [hashmod("a", 1000, "b")], "a=foo\nbar b=734");
    check("a=foo", [hashmod("a", 1, "b")], "a=foo b=0");
    check("a=", [hashmod("a", u64::MAX, "b")], "b=16825458760271544958");
}

#[test]
fn letters_become_upper_and_lower_case() {
    let source = || joined("a b");
    let (target, other) = ("c".to_owned(), "d".to_owned());
    check(
        "a=bAr b=İß",
        [Step::Lowercase { source: source(), target }, Step::Uppercase { source: source(), target: other }],
        "a=bAr b=İß c=bar;iß d=BAR;İß",
    );
    check("a=1", [Step::Uppercase { source: joined("nobody"), target: "a".to_owned() }], "-");
}

#[test]
fn what_has_no_value_is_no_label() {
    check("a= b=1", [], "b=1");
    check("a=", [], "-");
    check("=1 a=1 a=2", [], "a=2");
}

#[test]
fn it_is_known_whether_a_metric_may_get_another_name() {
    #[track_caller]
    fn check(step: Step, want: bool) {
        let relabel = Relabel::new(vec![step]);
        assert_eq!(relabel.may_rename(), want, "{relabel:?}");
    }
    check(replace("a", "(.*)", "b", "$1"), false);
    check(replace("a", "(.*)", NAME, "$1"), true);
    check(replace("a", "(.*)", "b$1", "x"), true);
    check(labelmap("(.*)", "$1"), true);
    check(labelmap("a", "b"), false);
    check(hashmod("a", 3, NAME), true);
    check(Step::LabelDrop(regex(NAME)), false);
}

/// Steps over names, values and patterns that often meet.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || "[ab]{1,2}|__name__";
    let source =
        || proptest::collection::vec(name(), 0..3).prop_map(|labels| Joined { labels, separator: ";".to_owned() });
    let pattern = || "(\\(\\.\\*\\)|[ab];?|\\.\\+|\\(a\\)\\(b\\)\\?){0,3}".prop_map(|text| regex(&text));
    let template = || "([ab]|\\$1|\\$\\{2\\}|\\$){0,3}";
    let templated = || (source(), pattern(), template(), template());
    let step = prop_oneof![
        templated().prop_map(|(source, regex, target, replacement)| Step::Replace {
            target: Template::new(target, &regex),
            replacement: Template::new(replacement, &regex),
            source,
            regex
        }),
        (source(), pattern()).prop_map(|(source, regex)| Step::Keep { source, regex }),
        (source(), pattern()).prop_map(|(source, regex)| Step::Drop { source, regex }),
        (source(), name()).prop_map(|(source, target)| Step::KeepEqual { source, target }),
        (source(), name()).prop_map(|(source, target)| Step::DropEqual { source, target }),
        (source(), 1..9_u64, name()).prop_map(|(source, modulus, target)| Step::HashMod {
            source,
            modulus: NonZeroU64::new(modulus).unwrap(),
            target
        }),
        (pattern(), template())
            .prop_map(|(regex, text)| Step::LabelMap { replacement: Template::new(text, &regex), regex }),
        pattern().prop_map(Step::LabelDrop),
        pattern().prop_map(Step::LabelKeep),
        (source(), name()).prop_map(|(source, target)| Step::Lowercase { source, target }),
        (source(), name()).prop_map(|(source, target)| Step::Uppercase { source, target }),
    ];
    proptest::collection::vec(step, 0..5)
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::vec(("[ab]{0,2}|__name__", "[abAB;é\n]{0,3}"), 0..5)
}

fn refs(pairs: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// Whether a second time changes nothing: it looks at names or drops, or what it sets is not what it reads.
fn is_idempotent(step: &Step) -> bool {
    match step {
        Step::Keep { .. }
        | Step::Drop { .. }
        | Step::KeepEqual { .. }
        | Step::DropEqual { .. }
        | Step::LabelDrop(_)
        | Step::LabelKeep(_) => true,
        Step::HashMod { source, target, .. } => !source.labels.contains(target),
        Step::Lowercase { source, target } | Step::Uppercase { source, target } => {
            !source.labels.contains(target) || source.labels.len() == 1
        }
        Step::Replace { source, target, .. } => {
            target.constant().is_some_and(|target| !source.labels.contains(&target))
        }
        Step::LabelMap { .. } => false,
    }
}

proptest! {
    #[test]
    fn any_labels_come_out_sound(steps in steps(), pairs in pairs()) {
        let relabel = Relabel::new(steps);
        if let Some(labels) = relabel.apply(refs(&pairs)) {
            prop_assert!(!labels.is_empty());
            prop_assert!(labels.iter().all(|(name, value)| !name.is_empty() && !value.is_empty()));
            let name = refs(&pairs).filter(|(name, _)| *name == NAME).last().map(|(_, value)| value);
            if labels.name().is_some() && !relabel.may_rename() {
                prop_assert_eq!(labels.name(), name);
            }
        }
    }

    #[test]
    fn the_order_of_labels_makes_no_difference(steps in steps(), pairs in pairs()) {
        let relabel = Relabel::new(steps);
        let labels = Relabel::default().apply(refs(&pairs)).unwrap_or_default();
        let mut backwards: Vec<(&str, &str)> = labels.iter().collect();
        backwards.reverse();
        prop_assert_eq!(relabel.apply(backwards), relabel.apply(labels.iter()));
    }

    #[test]
    fn a_step_that_does_not_read_what_it_sets_changes_nothing_twice(steps in steps(), pairs in pairs()) {
        for step in steps.into_iter().filter(is_idempotent) {
            let relabel = Relabel::new(vec![step]);
            if let Some(once) = relabel.apply(refs(&pairs)) {
                prop_assert_eq!(relabel.apply(once.iter()), Some(once.clone()));
            }
        }
    }

    #[test]
    fn steps_follow_one_another(steps in steps(), pairs in pairs(), at in 0..5_usize) {
        // A step that maps names sees what was set before it last, and a set that is finished in between doesn't know.
        prop_assume!(!steps.iter().any(|step| matches!(step, Step::LabelMap { .. })));
        let (first, then) = steps.split_at(at.min(steps.len()));
        let halfway = Relabel::new(first.to_vec()).apply(refs(&pairs));
        let parted = halfway.map(|labels| Relabel::new(then.to_vec()).apply(labels.iter()));
        // Where nothing is left halfway, a later step may still set something.
        if let Some(parted) = parted {
            prop_assert_eq!(parted, Relabel::new(steps).apply(refs(&pairs)));
        }
    }
}
