//! The walks over bytes against prost on the same bytes. `tests/fuzz` compiles this folder by path.

mod histogram;
mod v1;
mod v2;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use crate::ingest::{Item, Limits, Malformed, Outcome, Protocol, Received, Receiver, Rejected};
use crate::labels::{Labels, MatchOp, Matcher, NAME};
use crate::series::{self, Keep, Selector, Store};
use crate::time::{Range, Timestamp};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_760_000_000_000);

/// A series of a request of either version, read: `labels` where they can be taken, and whether its histograms and exemplars
/// are sound.
struct Plain {
    labels: Option<Labels>,
    samples: Vec<(i64, u64)>,
    sound: bool,
}

fn named(pairs: &[(&str, &str)]) -> Option<Labels> {
    let named = pairs.iter().all(|(name, _)| !name.is_empty());
    Labels::from_pairs(pairs.iter().copied()).ok().filter(|labels| named && labels.name().is_some())
}

/// A receiver over windows that keep all that comes.
pub(crate) fn receiver(limits: Limits) -> (Arc<Store>, Receiver) {
    let keep_all = series::Limits { keep: Keep::All, retention: Duration::MAX, ..series::Limits::default() };
    let store = Arc::new(Store::new(keep_all));
    (Arc::clone(&store), Receiver::new(store, limits, 7, || {}))
}

pub(crate) fn packed(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).expect("a message of a test is short")
}

/// All that the store holds: a line for each sample, `series @ms-before-now bits`, sorted.
pub(crate) fn held(store: &Store) -> Vec<String> {
    let any = Matcher::new(NAME, MatchOp::Regex, ".+").unwrap();
    let found = store.search(&Selector { matchers: vec![any], span: std::time::Duration::ZERO });
    let mut lines = Vec::new();
    for window in found.windows().iter() {
        let mut samples = Vec::new();
        window.read(Range { start: Timestamp::MIN, end: Timestamp::MAX }, &mut samples);
        for sample in samples {
            lines.push(format!("{} {} {:x}", window.labels(), sample.at.as_millis(), sample.value.to_bits()));
        }
    }
    lines.sort();
    lines
}

/// What plain code makes of a request: the lines that a store should hold, and whether all of it could be taken.
fn expected(request: &[Plain]) -> (Vec<String>, bool) {
    let mut first: BTreeMap<(String, i64), u64> = BTreeMap::new();
    let mut all_sound = true;
    for Plain { labels, samples, sound } in request {
        let Some(labels) = labels else {
            all_sound = false;
            continue;
        };
        all_sound &= sound;
        for (at, bits) in samples {
            if *at > NOW.as_millis() + 600_000 {
                all_sound = false;
                continue;
            }
            all_sound &= *first.entry((labels.to_string(), *at)).or_insert(*bits) == *bits;
        }
    }
    let mut lines: Vec<String> =
        first.into_iter().map(|((labels, at), bits)| format!("{labels} {at} {bits:x}")).collect();
    lines.sort();
    (lines, all_sound)
}

/// Both read the same, or both refuse and nothing is left behind; and the same request, sent again, changes nothing.
pub(crate) fn agree(protocol: Protocol, message: &[u8]) -> Result<()> {
    let (store, receiver) = receiver(Limits::default());
    let outcome = receiver.receive(protocol, &packed(message), NOW);
    balanced(&outcome)?;
    let read = match protocol {
        Protocol::V1 => v1::read(message),
        Protocol::V2 => v2::read(message),
    };
    match (&outcome.rejected, read) {
        // Groups are no longer in use, and we don't read them; prost passes over those that are balanced.
        (Some(Rejected::Malformed { fault: Malformed::WireType(3 | 4), .. }), _)
        | (Some(Rejected::Malformed { .. }), None) => {
            ensure!(store.stats().series == 0, "a broken body leaves series behind");
        }
        (rejected, None) => bail!("prost refuses what was answered {rejected:?}"),
        (Some(Rejected::OtherMessage(_)), Some(read)) => ensure!(read.is_empty(), "prost reads {} series", read.len()),
        (_, Some(read)) => {
            same(&store, &read, &outcome)?;
            again(&store, &receiver, protocol, message, outcome.received)?;
        }
    }
    Ok(())
}

/// The store holds what plain code expects of a request, and the answer says so.
fn same(store: &Store, read: &[Plain], outcome: &Outcome) -> Result<()> {
    let (lines, sound) = expected(read);
    // A window tells 49 days; what is farther apart is not all there.
    let whole = tells(read);
    if whole {
        let held = held(store);
        ensure!(held == lines, "prost reads {lines:#?}, held is {held:#?}");
    }
    match &outcome.rejected {
        None => ensure!(sound || !whole, "all was taken of a request that is not sound"),
        Some(Rejected::Partial(_)) => ensure!(!sound, "a sound request was turned away in part"),
        Some(rejected) => bail!("prost reads what was answered {rejected}"),
    }
    Ok(())
}

/// Whether the samples stand within what one window can tell.
fn tells(read: &[Plain]) -> bool {
    let times = || read.iter().flat_map(|series| series.samples.iter().map(|(at, _)| i128::from(*at)));
    times().max().zip(times().min()).is_none_or(|(newest, oldest)| newest - oldest < 1 << 31)
}

/// What is known already is looked up by other ways, and must come to the same.
fn again(store: &Store, receiver: &Receiver, protocol: Protocol, message: &[u8], first: Received) -> Result<()> {
    let before = held(store);
    let outcome = receiver.receive(protocol, &packed(message), NOW);
    balanced(&outcome)?;
    let Received { samples, histograms, exemplars, kept, .. } = outcome.received;
    let counts = (samples, histograms, exemplars);
    let counts_before = (first.samples, first.histograms, first.exemplars);
    ensure!(counts == counts_before, "{counts:?} of each the second time, {counts_before:?} the first");
    ensure!(kept == 0 && held(store) == before, "the same request, sent again, changes something");
    Ok(())
}

/// Each sample is kept, not kept for one of the reasons, or turned away.
pub(crate) fn balanced(outcome: &Outcome) -> Result<()> {
    let Received { samples, kept, unread, dropped, too_old, duplicate, replica, .. } = outcome.received;
    let rejected = match &outcome.rejected {
        Some(Rejected::Partial(partial)) => partial.count(Item::Sample),
        _ => 0,
    };
    let told = kept + unread + dropped + too_old + duplicate + replica + rejected;
    ensure!(samples == told, "of {samples} samples {told} are accounted for: {:?}", outcome.received);
    Ok(())
}
