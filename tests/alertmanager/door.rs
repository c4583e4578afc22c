//! Our door alone, over a loop that keeps silences and alerts and does nothing else.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use headroom::app::clock;
use headroom::dispatch::{Alert, AlertState, AlertStatus, Silence, SilenceState};
use headroom::engine::{AlertView, Answer, Command, View};
use headroom::ingest::{self, Receiver};
use headroom::journal::Page;
use headroom::series::{self, Store};
use headroom::telemetry::Telemetry;
use headroom::web::{Ask, Context, Limits, QueryError, RoutingView, serve};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A door that closes when it is dropped.
pub(super) struct Door {
    pub(super) address: SocketAddr,
    _open: DropGuard,
}

impl Door {
    pub(super) async fn open() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (view, viewed) = watch::channel(Arc::new(View::default()));
        let (commands, asks) = mpsc::channel(8);
        let (store, shutdown) = (Arc::new(Store::new(series::Limits::default())), CancellationToken::new());
        let context = Context {
            receiver: Arc::new(Receiver::new(store, ingest::Limits::default(), 1, || {})),
            telemetry: Arc::new(Telemetry::new()),
            view: viewed,
            missing: watch::channel(Vec::new()).1,
            reload: mpsc::channel(1).0,
            commands,
            routing: Arc::new(RoutingView {
                receivers: vec!["default".to_owned(), "oncall".to_owned()],
                original: "route:\n  receiver: default\nreceivers:\n- name: default\n- name: oncall\n".to_owned(),
            }),
            decisions: Arc::new(|_| Ok(Page::default())),
            query: Arc::new(|_, _| Err(QueryError::Execution("nothing is kept here".to_owned()))),
            clock: clock::system(),
            started_at: clock::now(),
            shutdown: shutdown.clone(),
            limits: Limits::default(),
        };
        tokio::spawn(serve(listener, context));
        tokio::spawn(keep(asks, view));
        Ok(Self { address, _open: shutdown.drop_guard() })
    }
}

async fn keep(mut asks: mpsc::Receiver<Ask>, view: watch::Sender<Arc<View>>) {
    while let Some((command, answer)) = asks.recv().await {
        let mut next = View::clone(&view.borrow());
        let said = match command {
            Command::Silence { silence, spare_id } => set(&mut next.silences, silence, spare_id),
            Command::Expire { id } => match next.silences.iter_mut().find(|known| known.id == id) {
                Some(known) => {
                    end(known);
                    Answer::Done
                }
                None => Answer::NotFound(format!("no silence {id}")),
            },
            Command::Alerts(alerts) => {
                for alert in alerts {
                    next.alerts.retain(|known| known.alert.labels != alert.labels);
                    next.alerts.push(Arc::new(routed(alert)));
                }
                Answer::Done
            }
            Command::Scale(_) | Command::Pattern(_) => Answer::Refused("nothing is scaled here".to_owned()),
        };
        view.send_replace(Arc::new(next));
        // Who asked may have gone.
        let _ = answer.send(said);
    }
}

/// Changes a silence where only its end, author or comment changes; else ends it and makes another.
fn set(silences: &mut Vec<Arc<Silence>>, silence: Silence, spare_id: String) -> Answer {
    let known = silences.iter_mut().find(|known| known.id == silence.id);
    let id = match known {
        Some(known) if known.matchers == silence.matchers && known.state(clock::now()) != SilenceState::Expired => {
            let id = silence.id.clone();
            *known = Arc::new(silence);
            return Answer::Silence(id);
        }
        Some(known) => {
            end(known);
            spare_id
        }
        None => silence.id.clone(),
    };
    silences.push(Arc::new(Silence { id: id.clone(), starts_at: silence.starts_at.max(clock::now()), ..silence }));
    Answer::Silence(id)
}

fn end(silence: &mut Arc<Silence>) {
    let now = clock::now();
    let (starts_at, ends_at) = (silence.starts_at.min(now), silence.ends_at.min(now));
    *silence = Arc::new(Silence { starts_at, ends_at, ..Silence::clone(silence) });
}

fn routed(alert: Alert) -> AlertView {
    let status = AlertStatus {
        state: AlertState::Active,
        silenced_by: Vec::new(),
        inhibited_by: Vec::new(),
        muted_by: Vec::new(),
        receivers: vec!["default".to_owned()],
    };
    AlertView { alert, status }
}
