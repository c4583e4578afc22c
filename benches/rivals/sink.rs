//! The ceiling: a hyper server that unpacks remote write 1.0, finds each series and stores its sample, and does nothing else. It
//! judges nothing, evicts nothing, counts nothing, serves one connection's series only, and never looks at a time.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use xxhash_rust::xxh3::xxh3_128;

const SLOTS: usize = 16;

#[derive(Default)]
struct Store {
    numbers: HashMap<u128, u32>,
    series: Vec<Series>,
    unpacked: Vec<u8>,
}

struct Series {
    fingerprint: u128,
    label_bytes: usize,
    next: u32,
    head: u32,
    slots: [(i64, f64); SLOTS],
}

pub(crate) fn serve(address: &str) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.expect("the address is free");
        let store = Arc::new(Mutex::new(Store::default()));
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            stream.set_nodelay(true).expect("a socket");
            let store = Arc::clone(&store);
            let service = service_fn(move |request| answer(Arc::clone(&store), request));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
}

async fn answer(store: Arc<Mutex<Store>>, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.expect("a whole body").to_bytes();
    tokio::task::block_in_place(|| store.lock().unwrap_or_else(PoisonError::into_inner).take(&body));
    let mut answer = Response::new(Empty::new());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    Ok(answer)
}

impl Store {
    fn take(&mut self, body: &[u8]) {
        let length = snap::raw::decompress_len(body).expect("a block");
        if self.unpacked.len() < length {
            self.unpacked.resize(length, 0);
        }
        let mut unpacked = std::mem::take(&mut self.unpacked);
        snap::raw::Decoder::new().decompress(body, &mut unpacked).expect("a block");
        let mut last: Option<u32> = None;
        let mut rest = &unpacked[..length];
        while let Some(message) = message(&mut rest) {
            // The guess: the series that came next the last time.
            let guess = last.map(|last| self.series[last as usize].next).filter(|guess| {
                let Series { fingerprint, label_bytes, .. } = &self.series[*guess as usize];
                message.len() >= *label_bytes && xxh3_128(&message[..*label_bytes]) == *fingerprint
            });
            let number = guess.unwrap_or_else(|| self.find(&message[..labels_end(message)]));
            if let Some(last) = last {
                self.series[last as usize].next = number;
            }
            last = Some(number);
            let series = &mut self.series[number as usize];
            let (value, at) = sample(&message[series.label_bytes..]);
            series.slots[series.head as usize % SLOTS] = (at, value);
            series.head += 1;
        }
        self.unpacked = unpacked;
    }

    fn find(&mut self, labels: &[u8]) -> u32 {
        let fingerprint = xxh3_128(labels);
        if let Some(number) = self.numbers.get(&fingerprint) {
            return *number;
        }
        let number = u32::try_from(self.series.len()).expect("fewer than 2^32");
        let (label_bytes, slots) = (labels.len(), [(0, 0.0); SLOTS]);
        self.series.push(Series { fingerprint, label_bytes, next: number, head: 0, slots });
        self.numbers.insert(fingerprint, number);
        number
    }
}

/// Takes the next field of a message, whatever its number: its bytes.
fn message<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (_, after) = rest.split_first()?;
    let (mut length, mut at) = (0, 0);
    loop {
        let byte = after[at];
        length |= usize::from(byte & 0x7f) << (7 * at);
        at += 1;
        if byte < 0x80 {
            break;
        }
    }
    let (message, rest_of_all) = after[at..].split_at(length);
    *rest = rest_of_all;
    Some(message)
}

fn labels_end(series: &[u8]) -> usize {
    let mut rest = series;
    while rest.first() == Some(&0x0a) {
        message(&mut rest);
    }
    series.len() - rest.len()
}

fn sample(field: &[u8]) -> (f64, i64) {
    let (mut value, mut at) = (0.0, 2);
    if field[at] == 0x09 {
        value = f64::from_le_bytes(field[at + 1..at + 9].try_into().expect("eight bytes"));
        at += 9;
    }
    let varint = field[at + 1..].iter().enumerate();
    (value, varint.fold(0, |time, (place, byte)| time | i64::from(byte & 0x7f) << (7 * place)))
}

/// The end of each label and the time of each sample: the least that has to be looked at.
pub(crate) fn walk(request: &[u8]) -> i64 {
    let mut rest = request;
    let mut sum = 0;
    while let Some(series) = message(&mut rest) {
        sum += sample(&series[labels_end(series)..]).1;
    }
    sum
}
