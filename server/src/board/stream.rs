//! The stream of changes as server-sent events.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    web::{self, Bytes},
};
use api_spec::board::{ChangeResponse, StreamQuery};
use futures_util::stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::tail::Told;
use crate::{
    app::App,
    auth::{
        actor::{By, in_good_standing},
        policy::{Actor, op},
    },
    body::Query,
    case_log::{self, Change, FeedCursor},
    error::ApiError,
    wire,
};

/// Proxies drop a connection on which nothing is said for long.
const BEAT: Duration = Duration::from_secs(15);
/// Then the watcher connects again, with a new token: rights that ended are noticed at every beat, and
/// a connection is not held for ever.
const BEATS: u32 = 40;

/// What changes, as it happens
///
/// Server-sent events: `id` is the place in the feed, `event` is `change`, `data` a
/// `ChangeResponse`. Connect again with `Last-Event-ID` (or `after`) and nothing is missed. The event
/// `reset` says that the place is too old or unknown: read everything anew. Whoever reads too slowly is
/// cut off and resumes the same way. After ten minutes the stream ends.
#[utoipa::path(operation_id = "stream_changes", tag = "board", params(StreamQuery, ("Last-Event-ID" = Option<String>, Header, description = "the last id that was seen")), responses((status = 200, description = "events until the connection ends", body = String, content_type = "text/event-stream")))]
#[get("/board/stream")]
pub async fn stream_changes(
    app: web::Data<App>,
    actor: By<op::StreamChanges>,
    request: HttpRequest,
    query: Query<StreamQuery>,
) -> Result<HttpResponse, ApiError> {
    let after = place(&request, query.0)?;
    let (listening, live_from) = app.tail.listen().await?;
    let watcher = Watcher {
        app,
        actor: actor.into_actor(),
        listening,
        place: after.unwrap_or(live_from),
        // Only what came before the live part is read from the database.
        behind: after.is_some_and(|after| after != live_from),
        waiting: VecDeque::from([hello(after.unwrap_or(live_from))]),
        beats: 0,
    };
    let events = stream::unfold(watcher, |mut watcher| async move {
        let next = watcher.next().await?;
        Some((next, watcher))
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Compression would hold events back until a block is full.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events))
}

fn place(request: &HttpRequest, query: StreamQuery) -> Result<Option<FeedCursor>, ApiError> {
    let header = request.headers().get("last-event-id").and_then(|value| value.to_str().ok());
    let (field, text) = match header {
        Some(text) => ("Last-Event-ID", Some(text.trim().to_owned())),
        None => ("after", query.after),
    };
    let parse = |text: String| {
        text.parse::<FeedCursor>()
            .map_err(|fault| ApiError::invalid_field(field, "malformed", fault.to_string()))
    };
    text.map(parse).transpose()
}

/// A watcher who reads more slowly than things happen.
#[derive(Debug, thiserror::Error)]
#[error("a watcher reads too slowly")]
struct TooSlow;

/// One connection.
struct Watcher {
    app: web::Data<App>,
    actor: Actor,
    listening: Receiver<Arc<Told>>,
    /// Everything up to here was said.
    place: FeedCursor,
    /// Whether changes before the live part are still to be read.
    behind: bool,
    waiting: VecDeque<Bytes>,
    beats: u32,
}

impl Watcher {
    /// The next piece to send; none ends the stream, and a fault the connection with all that is unsent.
    async fn next(&mut self) -> Option<Result<Bytes, TooSlow>> {
        loop {
            if let Some(piece) = self.waiting.pop_front() {
                return Some(Ok(piece));
            }
            if self.behind {
                self.catch_up().await.ok()?;
                continue;
            }
            match tokio::time::timeout(BEAT, self.listening.recv()).await {
                Ok(Ok(told)) => self.say(&told),
                // What was missed is read from the database at the next connection. An end that waits
                // until everything is sent would wait for a reader who does not read.
                Ok(Err(RecvError::Lagged(_))) => {
                    metrics::counter!("chakan_slow_watchers_total").increment(1);
                    return Some(Err(TooSlow));
                }
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => self.beat().await?,
            }
        }
    }

    fn say(&mut self, told: &Told) {
        if told.change.cursor <= self.place {
            return;
        }
        self.place = told.change.cursor;
        if told.concerns(&self.actor) {
            self.waiting.push_back(event(&told.change));
        }
    }

    /// Reads one page of what the watcher has missed.
    async fn catch_up(&mut self) -> Result<(), ApiError> {
        let (actor, place) = (self.actor.clone(), self.place);
        let missed =
            self.app.db.read(move |conn| case_log::changes_for(conn, &actor, place)).await?;
        if missed.reset {
            self.waiting
                .push_back(piece(&format!("id: {}\nevent: reset\ndata: {{}}\n\n", missed.next)));
        }
        self.waiting.extend(missed.items.iter().map(event));
        self.place = missed.next;
        self.behind = missed.more;
        Ok(())
    }

    /// Shows that the line is open, if the watcher still has the right to listen.
    async fn beat(&mut self) -> Option<()> {
        self.beats += 1;
        if BEATS < self.beats {
            return None;
        }
        self.actor = in_good_standing(&self.app, &self.actor).await.ok()?;
        self.waiting.push_back(piece(": beat\n\n"));
        Some(())
    }
}

/// Tells the place at once, so that a watcher who hears nothing else can resume.
fn hello(place: FeedCursor) -> Bytes {
    piece(&format!("retry: 1000\nid: {place}\nevent: open\ndata: {{}}\n\n"))
}

fn event(change: &Change) -> Bytes {
    let data = ChangeResponse {
        cursor: change.cursor.to_string(),
        case_id: change.case_id.into(),
        topic: change.topic.clone(),
        at: wire::time(change.at),
    };
    let data = serde_json::to_string(&data).unwrap_or_default();
    piece(&format!("id: {}\nevent: change\ndata: {data}\n\n", change.cursor))
}

fn piece(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
