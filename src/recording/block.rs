//! What is in a block: the samples of many series, or the labels of new ones.
//!
//! ```text
//! labels   first number, count; for each series: count of labels; for each: length and bytes of name and of value
//! samples  count of lists of times, the lists (`times`); count of series; for each: number (as the distance from the one
//!          before), which list, values (`values`)
//! ```

use std::collections::HashMap;

use super::bytes::{Cursor, put};
use super::segment::{Damage, SAMPLES_MAX};
use super::{times, values};
use crate::labels::Labels;
use crate::sample::Sample;
use crate::time::Timestamp;

/// A series by its number within a segment, and a sample of it.
pub(super) type Numbered = (u32, Sample);

/// Labels of one series at most, as much as they may be in a request by far.
const LABELS_MAX: usize = 1 << 16;

/// Writes the labels of the series that begin with a number.
pub(super) fn encode_labels(first: u32, series: &[Labels]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, first.into());
    put(&mut out, series.len() as u64);
    for labels in series {
        put(&mut out, labels.len() as u64);
        for text in labels.iter().flat_map(|(name, value)| [name, value]) {
            put(&mut out, text.len() as u64);
            out.extend(text.as_bytes());
        }
    }
    out
}

/// Reads them: the first one's number, and all.
pub(super) fn decode_labels(body: &[u8]) -> Result<(u32, Vec<Labels>), Damage> {
    let mut cursor = Cursor(body);
    let first = u32::try_from(cursor.number()?).map_err(|_| Damage::Malformed("a number of a series"))?;
    let count = cursor.count(body.len(), "a count of series")?;
    let mut series = Vec::new();
    let text = |cursor: &mut Cursor<'_>| {
        let length = cursor.count(body.len(), "a length")?;
        let bytes = cursor.take(length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| Damage::Malformed("a text"))
    };
    for _ in 0..count {
        let labels = cursor.count(LABELS_MAX, "a count of labels")?;
        let pairs = (0..labels).map(|_| Ok((text(&mut cursor)?, text(&mut cursor)?)));
        let pairs = pairs.collect::<Result<Vec<(String, String)>, Damage>>()?;
        series.push(Labels::from_pairs(pairs).map_err(|_| Damage::Malformed("labels"))?);
    }
    Ok((first, series))
}

/// Writes samples, of each series in the order in which they stand. Sorts them by series.
pub(super) fn encode_samples(samples: &mut [Numbered]) -> Vec<u8> {
    samples.sort_by_key(|(series, _)| *series);
    let mut lists: HashMap<Vec<i64>, usize, foldhash::fast::RandomState> = HashMap::default();
    let (mut of_times, mut of_series) = (Vec::new(), Vec::new());
    let (mut count, mut before) = (0_u64, 0);
    let mut one = Vec::new();
    for chunk in samples.chunk_by(|one, next| one.0 == next.0) {
        let Some((series, _)) = chunk.first() else { continue };
        let at: Vec<i64> = chunk.iter().map(|(_, sample)| sample.at.as_millis()).collect();
        let new = lists.len();
        let list = *lists.entry(at).or_insert_with_key(|at| {
            times::encode(at, &mut of_times);
            new
        });
        put(&mut of_series, u64::from(series - before));
        put(&mut of_series, list as u64);
        one.clear();
        one.extend(chunk.iter().map(|(_, sample)| sample.value));
        values::encode(&one, &mut of_series);
        before = *series;
        count += 1;
    }
    let mut out = Vec::with_capacity(of_times.len() + of_series.len() + 16);
    put(&mut out, lists.len() as u64);
    out.extend(of_times);
    put(&mut out, count);
    out.extend(of_series);
    out
}

/// Reads samples, series by series; `expected` is how many the head tells of.
pub(super) fn decode_samples(body: &[u8], expected: usize, out: &mut Vec<Numbered>) -> Result<(), Damage> {
    let expected = expected.min(SAMPLES_MAX);
    let mut cursor = Cursor(body);
    let lists = cursor.count(expected, "a count of lists")?;
    let mut of_times: Vec<Vec<i64>> = Vec::new();
    let mut held = 0;
    for _ in 0..lists {
        // Each list is somebody's, so all together are no more than the samples.
        let list = times::decode(&mut cursor, expected - held)?;
        held += list.len();
        of_times.push(list);
    }
    let count = cursor.count(expected, "a count of series")?;
    let (mut series, mut left) = (0_u32, expected);
    for _ in 0..count {
        let ahead = u32::try_from(cursor.number()?).ok();
        let next = ahead.and_then(|ahead| series.checked_add(ahead));
        series = next.ok_or(Damage::Malformed("a number of a series"))?;
        let list = cursor.count(SAMPLES_MAX, "a list")?;
        let list = of_times.get(list).ok_or(Damage::Malformed("a list"))?;
        left = left.checked_sub(list.len()).ok_or(Damage::Malformed("a count of samples"))?;
        let mut times = list.iter();
        values::decode(&mut cursor, list.len(), |value| {
            let at = times.next().copied().unwrap_or_default();
            out.push((series, Sample::new(Timestamp::from_millis(at), value)));
        })?;
    }
    Ok(())
}
