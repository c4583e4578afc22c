//! Walks the bytes of a `prometheus.WriteRequest` without building a message.

use super::metadata::{Metadata, said};
use super::negotiate::Protocol;
use super::parts::{self, Counted, leading_sample, newest_of_trailing, trailing_sample, trailing_samples};
use super::receiver::Limits;
use super::rejected::{Fault, Malformed, Place, Rejected};
use super::request::Request;
use super::spelled::{Spelled, label};
use super::wire::{Fields, Kind};
use crate::labels::NAME;
use crate::series::{Fingerprint, Unkept};
use crate::time::Timestamp;

/// One walk through a request, and its memory.
pub(super) struct Walk<'w, 'r, 'a, 'b, 's> {
    pub(super) request: &'w mut Request<'r, 'a, 'b, 's>,
    pub(super) spelled: Spelled<'a>,
    /// Labels of one series that do not stand together.
    pub(super) scattered: Vec<u8>,
    /// Whether the series before was kept: then the next one is likely to be, too.
    pub(super) expecting: bool,
    /// The last name of which no series is kept.
    pub(super) unread: &'a [u8],
}

impl<'a> Walk<'_, '_, 'a, '_, '_> {
    /// Walks all time series; `true` where there is metadata, too.
    pub(super) fn request(&mut self, body: &'a [u8]) -> Result<bool, Rejected> {
        let malformed = |place: Place, fault| place.rejected(Protocol::V1, fault);
        let limit = self.request.receiver.limits.request_series_max;
        let mut fields = Fields::new(body);
        let mut place = Place::default();
        let (mut series, mut metadata, mut of_v2) = (false, false, false);
        while let Some((number, kind)) = fields.next().map_err(|fault| malformed(place, fault))? {
            match (number, kind) {
                (1, Kind::Bytes) => {
                    if place.series == limit {
                        return Err(Rejected::TooManySeries(limit));
                    }
                    place.at = fields.at();
                    let walked = fields.bytes().and_then(|message| self.series(message));
                    walked.map_err(|fault| malformed(place, fault))?;
                    place.series += 1;
                    series = true;
                }
                (3, Kind::Bytes) => {
                    metadata = true;
                    fields.bytes().and_then(said).map_err(|fault| malformed(place, fault))?;
                }
                (1 | 3, _) => return Err(malformed(place, Malformed::FieldType { message: "WriteRequest", number })),
                _ => {
                    of_v2 |= matches!(number, 4 | 5);
                    fields.skip(kind).map_err(|fault| malformed(place, fault))?;
                }
            }
        }
        if of_v2 && !series && !metadata { Err(Rejected::OtherMessage(Protocol::V1)) } else { Ok(metadata) }
    }

    #[inline]
    fn series(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        let key = &self.request.receiver.key;
        let tail = trailing_sample(message);
        if let Some((_, last)) = tail
            && self.request.is_too_old(last.at)
            && let Some((newest, samples)) = newest_of_trailing(message)
            && self.request.is_too_old(newest)
        {
            self.request.received.samples += samples;
            self.request.received.too_old += samples;
            return Ok(());
        }
        // One hash in the place of a walk over the labels: equal bytes have equal ends.
        if self.expecting
            && let Some(guess) = self.request.guess()
            && let Some((labels, fields)) = message.split_at_checked(guess.label_bytes())
            && !labels.is_empty()
            && Fingerprint(key.hash(labels)) == guess.fingerprint()
            && let Some((_, [])) = leading_sample(fields)
        {
            self.request.keep(guess, fields, Counted::ONE_SAMPLE);
            return Ok(());
        }
        self.expecting = false;
        if self.request.judges_by_name()
            && let Some(name) = leading_name(message)
            && self.is_unread(name)
        {
            return match tail {
                Some((before, _)) => {
                    let samples = 1 + trailing_samples(before);
                    self.request.pass(Unkept::Unread, Counted { samples, ..Counted::default() });
                    Ok(())
                }
                None => self.pass(Unkept::Unread, message),
            };
        }
        self.look_up(message)
    }

    /// Whether no series of this name is kept. Those of one name come one after the other.
    #[inline]
    fn is_unread(&mut self, name: &'a [u8]) -> bool {
        if name != self.unread {
            let Ok(text) = std::str::from_utf8(name) else { return false };
            if self.request.batch.may_match(text) {
                return false;
            }
            self.unread = name;
        }
        true
    }

    fn look_up(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        let end = labels_end(message)?;
        let (labels, mut fields) = message.split_at(end);
        let (mut block, mut label_bytes) = (labels, end);
        let scattered = has_labels(fields)?;
        let mut gathered = std::mem::take(&mut self.scattered);
        if scattered {
            gather(message, &mut gathered)?;
            (block, fields, label_bytes) = (&gathered, message, 0);
        }
        let fingerprint = Fingerprint(self.request.receiver.key.hash(block));
        self.scattered = gathered;
        if let Some(known) = self.request.batch.known(fingerprint) {
            self.expecting = true;
            let series = || known.window().labels().to_string();
            let counted = self.request.parts(Fields::new(fields), &parts::V1, &exemplar, series)?;
            self.request.keep(known, fields, counted);
            return Ok(());
        }
        if let Some(why) = self.request.batch.unkept(fingerprint) {
            return self.pass(why, message);
        }
        self.meet(message, fingerprint, label_bytes, fields)
    }

    /// A series that is not kept: its samples are counted, its histograms and exemplars judged all the same.
    #[inline]
    fn pass(&mut self, why: Unkept, message: &'a [u8]) -> Result<(), Malformed> {
        let counted = match trailing_samples(message) {
            0 => self.parts(message)?,
            samples => Counted { samples, ..Counted::default() },
        };
        self.request.pass(why, counted);
        Ok(())
    }

    #[cold]
    fn parts(&mut self, message: &'a [u8]) -> Result<Counted, Malformed> {
        let limits = &self.request.receiver.limits;
        let shown = || {
            let mut spelled = Spelled::default();
            // What is malformed is found by whoever walks the parts.
            spell(message, &mut spelled, limits).map_or_else(|_| String::new(), |()| spelled.shown())
        };
        self.request.parts(Fields::new(message), &parts::V1, &exemplar, shown)
    }

    /// Reads a series that is met for the first time.
    #[cold]
    fn meet(
        &mut self,
        message: &'a [u8],
        fingerprint: Fingerprint,
        label_bytes: usize,
        fields: &'a [u8],
    ) -> Result<(), Malformed> {
        let limits = &self.request.receiver.limits;
        spell(message, &mut self.spelled, limits)?;
        match self.spelled.check(limits) {
            Ok(sorted) => {
                let shown = || self.spelled.shown();
                let counted = self.request.parts(Fields::new(fields), &parts::V1, &exemplar, shown)?;
                self.request.received.unsorted += u64::from(!sorted);
                self.request.meet(fingerprint, label_bytes, &self.spelled.pairs, fields, counted);
            }
            Err(fault) => {
                let counted = parts::count(Fields::new(fields), &parts::V1, &exemplar)?;
                self.request.reject(&fault, counted, || self.spelled.shown());
            }
        }
        Ok(())
    }
}

/// The metric's name, where it is the first label of the series, as Prometheus sends it.
#[inline]
fn leading_name(series: &[u8]) -> Option<&[u8]> {
    // As everybody writes it: a label of less than 128 bytes, name before value.
    if let [0x0a, label, 0x0a, 8, b'_', b'_', b'n', b'a', b'm', b'e', b'_', b'_', 0x12, length @ 1..0x74, rest @ ..] =
        series
        && *label == *length + 12
    {
        return rest.get(..usize::from(*length));
    }
    let mut fields = Fields::new(series);
    let (1, Kind::Bytes) = fields.next().ok()?? else { return None };
    let (name, value) = label(fields.bytes().ok()?).ok()?;
    // An empty name is no name: the slow way says so.
    (name == NAME.as_bytes() && !value.is_empty()).then_some(value)
}

/// The end of the labels that a series begins with.
#[inline]
fn labels_end(message: &[u8]) -> Result<usize, Malformed> {
    let mut fields = Fields::new(message);
    loop {
        fields.skip_run(1);
        let mut ahead = fields.clone();
        match ahead.next()? {
            // A label of 128 bytes or more.
            Some((1, Kind::Bytes)) => {
                ahead.bytes()?;
                fields = ahead;
            }
            Some((number @ 1, _)) => return Err(Malformed::FieldType { message: "TimeSeries", number }),
            _ => return Ok(fields.at()),
        }
    }
}

/// Whether labels stand among these fields.
#[inline]
fn has_labels(fields: &[u8]) -> Result<bool, Malformed> {
    let mut fields = Fields::new(fields);
    let mut found = false;
    while let Some((number, kind)) = fields.next()? {
        if number == 1 && kind != Kind::Bytes {
            return Err(Malformed::FieldType { message: "TimeSeries", number });
        }
        found |= number == 1;
        fields.skip(kind)?;
    }
    Ok(found)
}

/// Gathers labels that are scattered over the message.
#[cold]
fn gather(message: &[u8], gathered: &mut Vec<u8>) -> Result<(), Malformed> {
    gathered.clear();
    let mut fields = Fields::new(message);
    let mut from = 0;
    while let Some((number, kind)) = fields.next()? {
        fields.skip(kind)?;
        if number == 1 {
            gathered.extend_from_slice(message.get(from..fields.at()).unwrap_or_default());
        }
        from = fields.at();
    }
    Ok(())
}

/// Reads the labels of a series, wherever they stand in it. They are walked to the end in any case: what is malformed costs
/// the whole request, whatever else is wrong with the series.
fn spell<'a>(message: &'a [u8], spelled: &mut Spelled<'a>, limits: &Limits) -> Result<(), Malformed> {
    spelled.raw.clear();
    let mut fields = Fields::new(message);
    while let Some((number, kind)) = fields.next()? {
        match (number, kind) {
            (1, Kind::Bytes) => spelled.push(label(fields.bytes()?)?, limits),
            _ => fields.skip(kind)?,
        }
    }
    Ok(())
}

/// Looks an `Exemplar` message through, and gives its time.
fn exemplar(message: &[u8]) -> Result<Result<Timestamp, Fault>, Malformed> {
    let (mut at, mut fault) = (0, None);
    let mut fields = Fields::new(message);
    while let Some((number, kind)) = fields.next()? {
        match (number, kind) {
            (1, Kind::Bytes) => {
                let (name, value) = label(fields.bytes()?)?;
                if std::str::from_utf8(name).is_err() || std::str::from_utf8(value).is_err() {
                    fault = Some(Fault::InvalidUtf8);
                }
            }
            (2, Kind::Fixed64) => _ = fields.fixed64()?,
            (3, Kind::Varint) => at = fields.varint()?,
            (1..=3, _) => return Err(Malformed::FieldType { message: "Exemplar", number }),
            _ => fields.skip(kind)?,
        }
    }
    Ok(fault.map_or(Ok(Timestamp::from_millis(at.cast_signed())), Err))
}

/// Notes the metadata of a request that has been walked.
pub(super) fn describe(body: &[u8], metadata: &Metadata) {
    let mut fields = Fields::new(body);
    while let Ok(Some((number, kind))) = fields.next() {
        match (number, kind) {
            (3, Kind::Bytes) => {
                if let Ok(said) = fields.bytes().and_then(said) {
                    metadata.note(said.name, said.kind, said.help, said.unit);
                }
            }
            _ => _ = fields.skip(kind),
        }
    }
}
