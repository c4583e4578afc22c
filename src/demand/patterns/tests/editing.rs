use super::*;

fn posted() -> Posted {
    Posted {
        workload: workload(),
        metric: metric(),
        kind: Kind::BatchWindow,
        name: Some("billing".to_owned()),
        anchor: Some(Anchor::daily(120)),
        step: Duration::from_mins(15),
        values: vec![50.0, 500.0, 500.0, 50.0],
        labels: BTreeMap::from([("team".to_owned(), "money".to_owned())]),
        author: "ada".to_owned(),
    }
}

fn library() -> (Library, String) {
    let mut library = Library::default();
    let (id, _) = library.edit(Edit::Add(posted()), MONDAY).unwrap();
    (library, id)
}

#[track_caller]
fn refused(edit: Edit, want: &str) {
    let (mut library, _) = library();
    let before = library.all();
    let error = library.edit(edit, MONDAY).unwrap_err().to_string();
    assert!(error.contains(want), "{error}");
    assert_eq!(library.all(), before);
}

fn label(id: &str, labels: &[(&str, &str)]) -> Edit {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Edit::Label { id: id.to_owned(), name: Some("nightly".to_owned()), labels, author: "bob".to_owned() }
}

#[test]
fn what_is_added_is_a_pattern_like_those_that_are_found() {
    let (library, id) = library();
    let all = library.all();
    let added = &all[0];
    assert_eq!((added.level, added.scale, added.validity), (50.0, 450.0, 0.5));
    assert_eq!(added.shape, [0.0, 1.0, 1.0, 0.0]);
    assert_eq!(
        (added.name.as_str(), added.id.as_str(), added.author.as_deref()),
        ("billing", id.as_str(), Some("ada"))
    );
    // It is told before it was ever seen.
    let quiet = [50.0; 60];
    let recent = Stretch { start: MONDAY + Duration::from_mins(40), step: MINUTE, values: &quiet };
    let matches = library.matches(&workload(), "requests", &recent);
    assert_eq!(continuation(best(&matches).unwrap(), MINUTE, 40)[39].round(), 410.0);
    assert!(library.matches(&workload(), "other", &recent).is_empty());
}

#[test]
fn labels_are_put_on_and_taken_off() {
    let (mut library, id) = library();
    let (changed, changes) = library.edit(label(&id, &[("team", ""), ("cause", "invoices")]), MONDAY + MINUTE).unwrap();
    let all = library.all();
    assert_eq!(changed, id);
    assert_eq!(changes, [Change::Put(Arc::clone(&all[0]))]);
    assert_eq!(all[0].labels, BTreeMap::from([("cause".to_owned(), "invoices".to_owned())]));
    assert_eq!((all[0].name.as_str(), &all[0].edited), ("nightly", &Some(("bob".to_owned(), MONDAY + MINUTE))));
    refused(label("nothing", &[]), "no pattern has the id \"nothing\"");
    refused(label(&id, &[("", "x")]), "a label's name is empty");
    let many: Vec<String> = (0..17).map(|nth| nth.to_string()).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "x")).collect();
    refused(label(&id, &many), "more than 16 labels");
    refused(label(&id, &many[..16]), "more than 16 labels");
}

#[test]
fn what_is_removed_is_not_found_again() {
    let values = days(16, batch);
    let mut library = Library::default();
    library.learn(&workload(), &metric(), &stretch(&values), stretch(&values).end());
    let batch = library.all().iter().find(|one| one.kind == Kind::BatchWindow).unwrap().id.clone();
    let count = library.all().len();
    let remove = Edit::Remove { id: batch.clone(), author: "ada".to_owned() };
    library.edit(remove.clone(), stretch(&values).end()).unwrap();
    assert_eq!(library.all().len(), count - 1);
    library.learn(&workload(), &metric(), &stretch(&values), stretch(&values).end() + Duration::from_hours(1));
    assert_eq!(library.all().len(), count - 1);
    assert_eq!(library.edit(remove, MONDAY), Err(EditError::NotFound(batch)));
    // After a quarter of a year in which it was not there it may come again.
    let later = stretch(&values).end() + Duration::from_hours(91 * 24);
    assert!(matches!(library.expire(later).as_slice(), [Change::Delete(_), ..]));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let add = |change: fn(&mut Posted)| {
        let mut posted = posted();
        change(&mut posted);
        Edit::Add(posted)
    };
    refused(add(|_| {}), "it has just been added");
    refused(add(|posted| posted.author = " ".to_owned()), "author is empty");
    refused(add(|posted| posted.values = vec![1.0]), "2 to 168 numbers");
    refused(add(|posted| posted.values = vec![1.0; 169]), "2 to 168 numbers");
    refused(add(|posted| posted.values = vec![1.0, f64::NAN]), "must be numbers");
    refused(add(|posted| posted.values = vec![1.0, 1.0]), "all alike");
    refused(add(|posted| posted.values = vec![0.0, 0.0]), "all alike");
    refused(add(|posted| posted.step = Duration::from_secs(1)), "a minute or longer");
    refused(add(|posted| posted.step = Duration::from_hours(12)), "a day long at most");
    refused(add(|posted| posted.anchor = None), "comes at a time");
    refused(add(|posted| posted.anchor = Some(Anchor { minute: 0, weekdays: 0 })), "comes at a time");
    refused(add(|posted| posted.kind = Kind::Daily), "must fill it");
    refused(add(|posted| posted.name = Some("x".repeat(201))), "name is longer than 200");
}

#[test]
fn a_workload_has_so_many_and_those_of_people_stay() {
    let (mut library, _) = library();
    for nth in 1..u32::try_from(PATTERNS_OF_ONE).unwrap() {
        library.edit(Edit::Add(posted()), MONDAY + MINUTE * nth).unwrap();
    }
    let full = library.edit(Edit::Add(posted()), MONDAY + MINUTE * 99).unwrap_err().to_string();
    assert_eq!(full, "shop/checkout has 12 patterns; remove one first");
    let values = days(16, |_, minute| wave(minute));
    assert_eq!(library.learn(&workload(), &metric(), &stretch(&values), stretch(&values).end()).new, 0);
    let first = library.all()[0].id.clone();
    library.edit(Edit::Remove { id: first.clone(), author: "ada".to_owned() }, MONDAY).unwrap();
    let (_, changes) = library.edit(Edit::Add(posted()), MONDAY + MINUTE * 99).unwrap();
    assert!(matches!(changes.as_slice(), [Change::Delete(id), Change::Put(_)] if *id == first), "{changes:?}");
}

#[test]
fn the_journal_gives_back_what_was_written() {
    let values = days(16, |day, minute| wave(minute) + batch(day, minute));
    let (mut library, _) = library();
    library.learn(&workload(), &metric(), &stretch(&values), stretch(&values).end());
    let rows: Vec<String> = library.all().iter().map(|pattern| serde_json::to_string(&**pattern).unwrap()).collect();
    assert!(rows.iter().all(|row| row.len() < 2_500), "{:?}", rows.iter().map(String::len).collect::<Vec<_>>());
    let mut again = Library::default();
    again.restore(rows.iter().map(|row| serde_json::from_str(row).unwrap()));
    for (one, other) in again.all().iter().zip(library.all().iter()) {
        // JSON may cost a number its last bit.
        assert!((one.level - other.level).abs() < 1e-9 && (one.scale - other.scale).abs() < 1e-9);
        let (level, scale, validity) = (other.level, other.scale, other.validity);
        assert_eq!(Pattern { level, scale, validity, ..Pattern::clone(one) }, **other);
    }
    // A row that makes no sense is left out.
    let broken = Pattern { scale: 0.0, ..Pattern::clone(&library.all()[0]) };
    let mut none = Library::default();
    none.restore([broken]);
    assert!(none.all().is_empty());
}
