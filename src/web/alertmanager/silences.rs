//! Silences: listed from the view, changed by asking the loop.

use http::{Request, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use uuid::Uuid;

use super::super::Context;
use super::super::params::Params;
use super::super::reply::{self, Reply};
use super::super::router::Service;
use super::refusal::Refusal;
use super::shapes::{GettableSilence, Object, PostableSilence};
use super::{ask, body, filter};
use crate::dispatch::{Silence, SilenceState, mutes_everything};
use crate::engine::{Answer, Command};
use crate::labels::Matcher;
use crate::time::Timestamp;

/// `GET /api/v2/silences`: those that have a matcher like each `filter=`. Active ones first, the next to end before the
/// others; then pending ones by their start; then expired ones, the last to end before the others.
pub(super) fn list(context: &Context, params: &Params) -> Result<Reply, Refusal> {
    let matchers = filter::matchers(params)?;
    let (view, now) = (context.view.borrow().clone(), (context.clock)());
    let wanted = |silence: &&&Silence| matchers.iter().all(|matcher| silence.matchers.contains(matcher));
    let all: Vec<&Silence> = view.silences.iter().map(|silence| &**silence).collect();
    let mut silences: Vec<&Silence> = all.iter().filter(wanted).copied().collect();
    silences.sort_by_key(|silence| order(silence, now));
    let shapes: Vec<GettableSilence> = silences.into_iter().map(|silence| GettableSilence::new(silence, now)).collect();
    Ok(reply::json(StatusCode::OK, &shapes))
}

fn order(silence: &Silence, now: Timestamp) -> (u8, i64) {
    match silence.state(now) {
        SilenceState::Active => (1, silence.ends_at.as_millis()),
        SilenceState::Pending => (2, silence.starts_at.as_millis()),
        SilenceState::Expired => (3, silence.ends_at.as_millis().saturating_neg()),
    }
}

/// `GET /api/v2/silence/{id}`
pub(super) fn one(context: &Context, id: &str) -> Result<Reply, Refusal> {
    let id = uuid(id)?;
    let (view, now) = (context.view.borrow().clone(), (context.clock)());
    let silence = view.silences.iter().find(|silence| silence.id == id).ok_or(Refusal::Absent)?;
    Ok(reply::json(StatusCode::OK, &GettableSilence::new(silence, now)))
}

/// `DELETE /api/v2/silence/{id}`: ends it. One that has ended already stays so.
pub(super) async fn expire(context: &Context, id: &str) -> Result<Reply, Refusal> {
    let id = uuid(id)?;
    match ask(context, Command::Expire { id }).await? {
        Answer::NotFound(_) => Err(Refusal::Absent),
        Answer::Refused(text) => Err(Refusal::Bad(text)),
        Answer::Unwritten(text) => Err(Refusal::Unwritten(text)),
        Answer::Done
        | Answer::Silence(_)
        | Answer::Scaled { .. }
        | Answer::Supposed { .. }
        | Answer::Pattern(_)
        | Answer::Forecasts(_) => Ok(reply::empty(StatusCode::OK)),
    }
}

/// `POST /api/v2/silences`: sets one, or changes the one whose id is given.
pub(super) async fn set(service: &Service, request: Request<Incoming>) -> Result<Reply, Refusal> {
    let context = &service.context;
    let Object(posted): Object<PostableSilence> = body::read(service, request, "silence").await?;
    let given = posted.id.clone().filter(|id| !id.is_empty());
    let silence = silence(posted, (context.clock)())?;
    if given.is_some_and(|id| context.view.borrow().silences.iter().all(|silence| silence.id != id)) {
        return Err(Refusal::NotFound("silence not found".to_owned()));
    }
    let id = silence.id.clone();
    match ask(context, Command::Silence { silence, spare_id: new_id() }).await? {
        Answer::Silence(id) => Ok(reply::json(StatusCode::OK, &json!({ "silenceID": id }))),
        Answer::NotFound(text) => Err(Refusal::NotFound(text)),
        Answer::Refused(text) => Err(Refusal::Bad(text)),
        Answer::Unwritten(text) => Err(Refusal::Unwritten(text)),
        Answer::Done | Answer::Scaled { .. } | Answer::Supposed { .. } | Answer::Pattern(_) | Answer::Forecasts(_) => {
            Ok(reply::json(StatusCode::OK, &json!({ "silenceID": id })))
        }
    }
}

/// A silence of what was posted, once every field is there and right.
fn silence(posted: PostableSilence, now: Timestamp) -> Result<Silence, Refusal> {
    let comment = posted.comment.ok_or_else(|| Refusal::required("comment"))?;
    let created_by = posted.created_by.ok_or_else(|| Refusal::required("createdBy"))?;
    let ends_at = posted.ends_at.ok_or_else(|| Refusal::required("endsAt"))?;
    let matchers = posted.matchers.ok_or_else(|| Refusal::required("matchers"))?;
    let starts_at = posted.starts_at.ok_or_else(|| Refusal::required("startsAt"))?;
    if matchers.is_empty() {
        let message = "matchers in body should have at least 1 items".to_owned();
        return Err(Refusal::Invalid { code: 612, message });
    }
    let matchers = matchers.into_iter().enumerate().map(|(at, Object(matcher))| matcher.compile(at));
    let matchers: Vec<Matcher> = matchers.collect::<Result<_, _>>()?;
    if starts_at >= ends_at {
        return Err(Refusal::Bad("Failed to create silence: start time must be before end time".to_owned()));
    }
    if ends_at < now {
        return Err(Refusal::Bad("Failed to create silence: end time can't be in the past".to_owned()));
    }
    if mutes_everything(&matchers) {
        let text = "invalid silence: at least one matcher must not match the empty string";
        return Err(Refusal::Bad(text.to_owned()));
    }
    let id = posted.id.filter(|id| !id.is_empty()).unwrap_or_else(new_id);
    Ok(Silence { id, matchers, starts_at, ends_at, updated_at: now, created_by, comment })
}

fn new_id() -> String {
    Uuid::new_v4().to_string()
}

/// An id in its usual form.
fn uuid(text: &str) -> Result<String, Refusal> {
    let id = Uuid::try_parse(text).map_err(|_| {
        let message = format!("silenceID in path must be of type uuid: \"{text}\"");
        Refusal::Invalid { code: 601, message }
    })?;
    Ok(id.to_string())
}
