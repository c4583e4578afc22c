//! Asks something of the loop, and waits for its answer.

use std::time::Duration;

use http::StatusCode;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Context;
use super::read::error;
use super::reply::{self, Reply};
use crate::engine::{Answer, Command};

/// How long the loop may take to answer: a step, and the journal's write.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The loop's answer, or the reply where there is none.
pub(super) async fn ask(context: &Context, command: Command) -> Result<Answer, Reply> {
    let unavailable = |text: &str| reply::retry_after(error(StatusCode::SERVICE_UNAVAILABLE, text), 1);
    let (send, answer) = oneshot::channel();
    if context.commands.try_send((command, send)).is_err() {
        return Err(unavailable("too much is asked at once, or the service is stopping; try again"));
    }
    match timeout(ANSWER_MAX, answer).await {
        Ok(Ok(Answer::NotFound(text))) => Err(error(StatusCode::NOT_FOUND, &text)),
        Ok(Ok(Answer::Refused(text))) => Err(error(StatusCode::CONFLICT, &text)),
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(unavailable("the service is stopping; try again")),
        Err(_) => Err(error(
            StatusCode::GATEWAY_TIMEOUT,
            "no answer within 10 s; it may still be done, see /api/v1/decisions before another try",
        )),
    }
}
