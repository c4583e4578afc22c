//! `POST /api/v1/otlp/v1/metrics`: OpenTelemetry's metrics, by the rules of OTLP over HTTP.
//!
//! What is taken in part is answered 200 all the same, and the answer says how many points were turned away and why: a sender
//! must not send it again.

use http::{HeaderMap, Request, StatusCode};
use hyper::body::Incoming;
use prost::Message as _;
use tokio::time::Instant;

use super::connection::Guest;
use super::reply::{self, Reply};
use super::router::Service;
use super::write::{self, Turned};
use crate::ingest::{Item, Outcome, Rejected};
use crate::proto::otlp::{ExportMetricsPartialSuccess, ExportMetricsServiceResponse};
use crate::telemetry::{LabelValue as _, RequestOutcome};

const PROTOBUF: &str = "application/x-protobuf";

/// Bodies above this, in bytes, are unpacked and translated off the reactor.
const SMALL_BODY: usize = 16 * 1024;

/// Takes one request with metrics.
pub(super) async fn handle(service: &Service, guest: &Guest, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let taken = take(service, guest, &head.headers, body).await.and_then(|outcome| match outcome.rejected {
        None => Ok(None),
        Some(Rejected::Partial(partial)) => Ok(Some(ExportMetricsPartialSuccess {
            rejected_data_points: (partial.count(Item::Sample) + partial.count(Item::Histogram)).cast_signed(),
            error_message: partial.to_string(),
        })),
        Some(rejected) => Err(rejected.into()),
    });
    match taken {
        Ok(partial_success) => {
            let mut outcome = RequestOutcome::Accepted;
            if let Some(partial) = &partial_success {
                outcome = RequestOutcome::Invalid;
                service.complaints.tell(outcome.as_str(), &partial.error_message, guest.address, &head.headers);
            }
            service.context.telemetry.ingest.requests.add(outcome, 1);
            let answer = ExportMetricsServiceResponse { partial_success };
            reply::content(StatusCode::OK, PROTOBUF, answer.encode_to_vec())
        }
        Err(turned) => write::turned_away(service, guest, &head.headers, &turned, |status, text| {
            let said = Status { code: 0, message: text.to_owned() };
            reply::content(status, PROTOBUF, said.encode_to_vec())
        }),
    }
}

/// `google.rpc.Status`, which OTLP asks for as the body of a refusal. Its code is of no use over HTTP.
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

async fn take(service: &Service, guest: &Guest, headers: &HeaderMap, body: Incoming) -> Result<Outcome, Turned> {
    let context = &service.context;
    write::ready(service)?;
    let encoding = context.receiver.negotiate_otlp(headers)?;
    service.rates.may_send(guest.address, Instant::now()).map_err(Turned::TooFast)?;
    let (body, room) = write::bounded(service, headers, body, context.receiver.body_bytes_max()).await?;

    let receive = |now| context.receiver.receive_otlp(encoding, &body, now);
    let outcome = write::received(service, guest, body.len(), body.len() > SMALL_BODY, receive);
    drop(room);
    Ok(outcome)
}
