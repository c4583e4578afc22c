//! Walks the bytes of an `io.prometheus.write.v2.Request` without building a message.

use super::metadata::Metadata;
use super::negotiate::Protocol;
use super::parts::{self, Counted, leading_sample};
use super::receiver::Limits;
use super::rejected::{Fault, Malformed, Place, Rejected};
use super::request::Request;
use super::spelled::Spelled;
use super::symbols::{Name, Symbols};
use super::wire::{Fields, Kind};
use crate::labels::NAME;
use crate::series::{Fingerprint, Unkept};
use crate::time::Timestamp;

/// One walk through a request, and its memory.
pub(super) struct Walk<'w, 'r, 'a, 'b, 's> {
    pub(super) request: &'w mut Request<'r, 'a, 'b, 's>,
    pub(super) body: &'a [u8],
    pub(super) symbols: &'w mut Symbols,
    pub(super) scratch: &'w mut Scratch,
    pub(super) spelled: Spelled<'a>,
    /// The last symbol that was `__name__`; one beyond any table before.
    pub(super) name: u32,
    /// What is said of metrics: name, type, help and unit.
    pub(super) said: Vec<(u32, Described)>,
}

/// Memory that the next request uses again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The references of one series, up to one pair more than there may be.
    refs: Vec<u32>,
}

/// Hashes of symbols, made into one in their order: two lanes, one for each half, that multiply and turn. The hashes are keyed,
/// so that nobody can choose what meets here.
#[derive(Debug, Default)]
struct Folded {
    low: u64,
    high: u64,
    count: u64,
}

impl Folded {
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "two halves of one number")]
    fn add(&mut self, hash: u128) {
        // Odd numbers with bits all over: the fractions of the golden ratio and of the root of 3.
        self.low = (self.low ^ hash as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        self.high = (self.high ^ (hash >> 64) as u64).wrapping_mul(0xbb67_ae85_84ca_a73b).rotate_left(31);
        self.count += 1;
    }

    /// `None` where one half of a pair is missing.
    #[inline]
    fn finish(self) -> Option<Fingerprint> {
        // The table takes its places from the low bits and tells entries apart by the high ones: each from both lanes.
        let low = self.low ^ self.high.rotate_left(32) ^ self.count;
        let bits = u128::from(self.high.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64 | u128::from(low);
        self.count.is_multiple_of(2).then_some(Fingerprint(bits))
    }
}

/// Takes the next reference off a packed list; `None` at its end, and where it is longer than three bytes: the slow way has those.
#[inline]
fn reference(refs: &mut &[u8]) -> Option<u32> {
    let (reference, rest) = match **refs {
        [one @ ..0x80, ref rest @ ..] => (u32::from(one), rest),
        [one, two @ ..0x80, ref rest @ ..] => (u32::from(one & 0x7f) | u32::from(two) << 7, rest),
        [one, two, three @ ..0x80, ref rest @ ..] => {
            (u32::from(one & 0x7f) | u32::from(two & 0x7f) << 7 | u32::from(three) << 14, rest)
        }
        _ => return None,
    };
    *refs = rest;
    Some(reference)
}

/// What a `Metadata` message says, by references.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Described {
    pub(super) kind: u64,
    pub(super) help: u32,
    pub(super) unit: u32,
}

/// Adds the table of symbols, wherever it stands in the request.
pub(super) fn read_symbols(body: &[u8], symbols: &mut Symbols, max: usize) -> Result<(), Rejected> {
    let place = Place::default();
    let malformed = |fault| place.rejected(Protocol::V2, fault);
    symbols.clear();
    let mut fields = Fields::new(body);
    while let Some((number, kind)) = fields.next().map_err(malformed)? {
        match (number, kind) {
            (4, Kind::Bytes) => {
                if symbols.len() == max {
                    return Err(Rejected::TooManySymbols(max));
                }
                let text = fields.bytes().map_err(malformed)?;
                symbols.push(fields.at() - text.len(), text.len());
            }
            (4 | 5, kind) if kind != Kind::Bytes => {
                return Err(malformed(Malformed::FieldType { message: "Request", number }));
            }
            _ => fields.skip(kind).map_err(malformed)?,
        }
    }
    symbols.seal();
    Ok(())
}

impl<'a> Walk<'_, '_, 'a, '_, '_> {
    /// Walks all time series.
    pub(super) fn request(&mut self) -> Result<(), Rejected> {
        let malformed = |place: Place, fault| place.rejected(Protocol::V2, fault);
        let limit = self.request.receiver.limits.request_series_max;
        let mut fields = Fields::new(self.body);
        let mut place = Place::default();
        let mut of_v1 = false;
        while let Some((number, kind)) = fields.next().map_err(|fault| malformed(place, fault))? {
            if number == 5 {
                if place.series == limit {
                    return Err(Rejected::TooManySeries(limit));
                }
                place.at = fields.at();
                let walked = fields.bytes().and_then(|message| self.series(message));
                walked.map_err(|fault| malformed(place, fault))?;
                place.series += 1;
            } else {
                of_v1 |= matches!(number, 1 | 3);
                fields.skip(kind).map_err(|fault| malformed(place, fault))?;
            }
        }
        if of_v1 && place.series == 0 && self.symbols.len() == 0 {
            return Err(Rejected::OtherMessage(Protocol::V2));
        }
        if self.symbols.text(self.body, 0).is_some_and(|first| !first.is_empty()) {
            self.request.received.first_symbol += 1;
        }
        Ok(())
    }

    #[inline]
    fn series(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        // As everybody writes it: all references in one field, then one sample, then metadata.
        let mut fields = Fields::new(message);
        if let Some((1, Kind::Bytes)) = fields.next()? {
            let refs = fields.bytes()?;
            let rest = message.get(fields.at()..).unwrap_or_default();
            if let Some((at, described)) = self.usual(rest)?
                && self.recognise(refs, at, described, rest)
            {
                return Ok(());
            }
        }
        self.look_up(message)
    }

    /// What nearly every series holds beside its references: one sample, and then nothing or metadata.
    #[inline]
    fn usual(&self, rest: &'a [u8]) -> Result<Option<(Timestamp, Option<Described>)>, Malformed> {
        let Some((sample, after)) = leading_sample(rest) else { return Ok(None) };
        if after.is_empty() {
            return Ok(Some((sample.at, None)));
        }
        let mut fields = Fields::new(after);
        let Some((5, Kind::Bytes)) = fields.next()? else { return Ok(None) };
        let described = described(fields.bytes()?)?;
        let sound = fields.is_empty() && self.refers(described);
        Ok(sound.then_some((sample.at, Some(described))))
    }

    fn refers(&self, described: Described) -> bool {
        let beyond = |reference: u32| reference as usize >= self.symbols.len() && reference != 0;
        !beyond(described.help) && !beyond(described.unit)
    }

    /// Takes a series of the usual shape whose spelling is known; `false` where it has to be looked at.
    #[inline]
    fn recognise(&mut self, refs: &[u8], at: Timestamp, described: Option<Described>, rest: &'a [u8]) -> bool {
        if self.request.is_too_old(at) {
            self.request.received.samples += 1;
            self.request.received.too_old += 1;
            return true;
        }
        let mut walk = refs;
        if let (Some(name), Some(value)) = (reference(&mut walk), reference(&mut walk))
            && self.is_name(name)
            && self.is_unread(value, described)
        {
            self.request.pass(Unkept::Unread, Counted::ONE_SAMPLE);
            return true;
        }
        let Some(fingerprint) = self.fingerprint(refs) else { return false };
        let guess = self.request.guess().filter(|guess| guess.fingerprint() == fingerprint);
        if let Some(known) = guess.or_else(|| self.request.batch.known(fingerprint)) {
            self.request.keep(known, rest, Counted::ONE_SAMPLE);
            return true;
        }
        let unkept = self.request.batch.unkept(fingerprint);
        if let Some(why) = unkept {
            self.request.pass(why, Counted::ONE_SAMPLE);
        }
        unkept.is_some()
    }

    /// The hashes of the symbols that a packed list refers to, in their order, as one; `None` where a reference is broken, or
    /// one is left over.
    #[inline]
    fn fingerprint(&mut self, mut refs: &[u8]) -> Option<Fingerprint> {
        let mut folded = Folded::default();
        while !refs.is_empty() {
            let reference = reference(&mut refs)?;
            folded.add(self.symbols.hash(self.body, &self.request.receiver.key, reference)?);
        }
        folded.finish()
    }

    /// Whether a symbol is `__name__`: the same one all through a request.
    #[inline]
    fn is_name(&mut self, reference: u32) -> bool {
        let is = reference == self.name || self.symbols.text(self.body, reference) == Some(NAME.as_bytes());
        if is {
            self.name = reference;
        }
        is
    }

    /// Whether the metric's name, where it is the first label, tells that the series is not kept. Otherwise its metadata is
    /// noted, once in a request.
    #[inline]
    fn is_unread(&mut self, name: u32, described: Option<Described>) -> bool {
        let read = self.read(name);
        if read == Some(Name::Read)
            && let Some(described) = described
        {
            self.describe(name, described);
        }
        read == Some(Name::Unread) && self.request.judges_by_name()
    }

    fn refer(&mut self, reference: u32) {
        // One more than there may be is enough to know that there are too many.
        if self.scratch.refs.len() < (self.request.receiver.limits.labels_max + 1) * 2 {
            self.scratch.refs.push(reference);
        }
    }

    /// Whether series of a name may be kept; `None` for a reference beyond the table, or a name that is no name.
    #[inline]
    fn read(&mut self, reference: u32) -> Option<Name> {
        let known = *self.symbols.name(reference)?;
        if known != Name::Unasked {
            return Some(known);
        }
        let text =
            std::str::from_utf8(self.symbols.text(self.body, reference)?).ok().filter(|name| !name.is_empty())?;
        let read = if self.request.batch.may_match(text) { Name::Read } else { Name::Unread };
        *self.symbols.name(reference)? = read;
        Some(read)
    }

    fn describe(&mut self, name: u32, described: Described) {
        if let Some(known) = self.symbols.name(name) {
            *known = Name::Described;
            self.said.push((name, described));
        }
    }

    /// A series of any shape.
    #[cold]
    fn look_up(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        self.scratch.refs.clear();
        let mut total = 0_usize;
        let mut said = None;
        let mut fields = Fields::new(message);
        while let Some((number, kind)) = fields.next()? {
            match (number, kind) {
                (1, Kind::Varint) => {
                    let reference = low32(fields.varint()?);
                    self.refer(reference);
                    total += 1;
                }
                (1, Kind::Bytes) => {
                    let mut packed = Fields::new(fields.bytes()?);
                    while !packed.is_empty() {
                        let reference = low32(packed.varint()?);
                        self.refer(reference);
                        total += 1;
                    }
                }
                (1, _) => return Err(Malformed::FieldType { message: "TimeSeries", number }),
                // A message that stands twice is one, its fields together.
                (5, Kind::Bytes) => described_further(fields.bytes()?, said.get_or_insert_default())?,
                _ => fields.skip(kind)?,
            }
        }
        let (symbols, body) = (&*self.symbols, self.body);
        let counted = parts::count(Fields::new(message), &parts::V2, &|message| exemplar(message, symbols, body))?;
        let fault = if !total.is_multiple_of(2) {
            Some(Fault::OddReferences)
        } else if !self.refers(said.unwrap_or_default()) {
            Some(Fault::Reference)
        } else if counted.samples + counted.histograms + counted.exemplars == 0 {
            // Exemplars may stand alone: Prometheus sends each in a series of its own.
            Some(Fault::Empty)
        } else {
            None
        };
        if let Some(fault) = fault {
            self.turn_away(&fault, counted);
            return Ok(());
        }
        if let [name, value, ..] = *self.scratch.refs
            && self.is_name(name)
            && self.is_unread(value, said)
        {
            let counted = self.parts(message)?;
            self.request.pass(Unkept::Unread, counted);
            return Ok(());
        }
        self.resolve(message, counted)
    }

    fn parts(&mut self, message: &'a [u8]) -> Result<Counted, Malformed> {
        let (symbols, body) = (&*self.symbols, self.body);
        self.spelled.raw.clear();
        spell(symbols, body, &self.scratch.refs, &mut self.spelled, &self.request.receiver.limits);
        let shown = || self.spelled.shown();
        self.request.parts(Fields::new(message), &parts::V2, &|message| exemplar(message, symbols, body), shown)
    }

    /// Finds the window of the series whose references are noted, or meets it.
    fn resolve(&mut self, message: &'a [u8], counted: Counted) -> Result<(), Malformed> {
        let mut folded = Folded::default();
        for reference in &self.scratch.refs {
            let Some(hash) = self.symbols.hash(self.body, &self.request.receiver.key, *reference) else {
                self.turn_away(&Fault::Reference, counted);
                return Ok(());
            };
            folded.add(hash);
        }
        // An odd number has been told already.
        let Some(fingerprint) = folded.finish() else { return Ok(()) };
        if let Some(known) = self.request.batch.known(fingerprint) {
            self.parts(message)?;
            self.request.keep(known, message, counted);
            return Ok(());
        }
        if let Some(why) = self.request.batch.unkept(fingerprint) {
            self.parts(message)?;
            self.request.pass(why, counted);
            return Ok(());
        }
        self.spell();
        match self.spelled.check(&self.request.receiver.limits) {
            Ok(sorted) => {
                self.request.received.unsorted += u64::from(!sorted);
                self.parts(message)?;
                self.request.meet(fingerprint, 0, &self.spelled.pairs, message, counted);
            }
            Err(fault) => self.request.reject(&fault, counted, || self.spelled.shown()),
        }
        Ok(())
    }

    #[cold]
    fn turn_away(&mut self, fault: &Fault, counted: Counted) {
        self.spell();
        self.request.reject(fault, counted, || self.spelled.shown());
    }

    /// Notes the metadata of a request that has been walked.
    pub(super) fn describe_all(&self, metadata: &Metadata) {
        let text = |reference| self.symbols.text(self.body, reference).unwrap_or_default();
        for (name, Described { kind, help, unit }) in &self.said {
            metadata.note_series(text(*name), *kind, text(*help), text(*unit));
        }
    }

    /// Reads the labels that are referred to, as far as the references are good.
    fn spell(&mut self) {
        spell(self.symbols, self.body, &self.scratch.refs, &mut self.spelled, &self.request.receiver.limits);
    }
}

fn spell<'a>(symbols: &Symbols, body: &'a [u8], refs: &[u32], spelled: &mut Spelled<'a>, limits: &Limits) {
    spelled.raw.clear();
    for [name, value] in refs.as_chunks::<2>().0 {
        if let (Some(name), Some(value)) = (symbols.text(body, *name), symbols.text(body, *value)) {
            spelled.push((name, value), limits);
        }
    }
}

fn described(message: &[u8]) -> Result<Described, Malformed> {
    let mut described = Described::default();
    described_further(message, &mut described)?;
    Ok(described)
}

fn described_further(message: &[u8], described: &mut Described) -> Result<(), Malformed> {
    let mut fields = Fields::new(message);
    while let Some((number, kind)) = fields.next()? {
        match (number, kind) {
            (1, Kind::Varint) => described.kind = fields.varint()?,
            (3, Kind::Varint) => described.help = low32(fields.varint()?),
            (4, Kind::Varint) => described.unit = low32(fields.varint()?),
            (1 | 3 | 4, _) => return Err(Malformed::FieldType { message: "Metadata", number }),
            _ => fields.skip(kind)?,
        }
    }
    Ok(())
}

/// Looks an `Exemplar` message through, and gives its time.
fn exemplar(message: &[u8], symbols: &Symbols, body: &[u8]) -> Result<Result<Timestamp, Fault>, Malformed> {
    let (mut at, mut fault, mut refs) = (0, None, 0_u64);
    let mut refer = |reference: u64| {
        refs += 1;
        match symbols.text(body, low32(reference)) {
            None => fault = Some(Fault::Reference),
            Some(text) if std::str::from_utf8(text).is_err() => fault = Some(Fault::InvalidUtf8),
            Some(_) => {}
        }
    };
    let mut fields = Fields::new(message);
    while let Some((number, kind)) = fields.next()? {
        match (number, kind) {
            (1, Kind::Varint) => refer(fields.varint()?),
            (1, Kind::Bytes) => {
                let mut packed = Fields::new(fields.bytes()?);
                while !packed.is_empty() {
                    refer(packed.varint()?);
                }
            }
            (2, Kind::Fixed64) => _ = fields.fixed64()?,
            (3, Kind::Varint) => at = fields.varint()?,
            (1..=3, _) => return Err(Malformed::FieldType { message: "Exemplar", number }),
            _ => fields.skip(kind)?,
        }
    }
    if !refs.is_multiple_of(2) {
        fault = Some(Fault::OddReferences);
    }
    Ok(fault.map_or(Ok(Timestamp::from_millis(at.cast_signed())), Err))
}

/// A number of 32 bits: protobuf keeps the low half of one that is written longer.
#[allow(clippy::cast_possible_truncation, reason = "see above")]
fn low32(value: u64) -> u32 {
    value as u32
}
