//! The phone: the engine, and what to do next.

use std::sync::Arc;

use sync_core::{
    client::{Engine, Next, Stage, drive},
    ids::CaseId,
    model::Draft,
    protocol::Session,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    Answer, CaseStanding, Exchange, FieldEvent, NewPhoto, PhoneError, PhoneStore, RefusedEvent,
    SignedReceipt, Unsent, UploadStage, WaitingPhoto,
    error::read,
    exchange::{Asked, locked},
    guarded::Guarded,
    receipt,
    store::AppStore,
    values,
};

/// What the app is to do next.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum NextStep {
    /// Sign, post, and call [`Phone::answered`] or [`Phone::unanswered`].
    Post {
        /// What to post.
        exchange: Arc<Exchange>,
    },
    /// Upload a photo's preview or original, and call [`Phone::uploaded`]; of an original not before
    /// its receipt is verified ([`Phone::receipt`]).
    Upload {
        /// The photo.
        photo: WaitingPhoto,
        /// Whether its preview is meant.
        preview: bool,
    },
    /// Nothing before this instant, unless [`Phone::look`] is called.
    Wait {
        /// When to ask again.
        until: i64,
    },
    /// Everything is where it belongs.
    Idle,
}

/// Everything that a phone has of its cases. Ids are UUIDs, instants milliseconds since 1970.
#[derive(uniffi::Object)]
pub struct Phone {
    pub(crate) engine: Guarded,
    install_id: Uuid,
}

#[uniffi::export]
impl Phone {
    /// The phone as it was stored. `install_id` names this installation of the app, `seed` is some
    /// number that differs from phone to phone.
    ///
    /// # Errors
    /// [`PhoneError::Store`], [`PhoneError::Damaged`], [`PhoneError::NotADraft`].
    #[uniffi::constructor]
    pub fn open(
        store: Arc<dyn PhoneStore>,
        install_id: String,
        seed: u64,
    ) -> Result<Arc<Self>, PhoneError> {
        let install_id = read("the installation", &install_id)?;
        let engine = Guarded::new(|| Ok(Engine::open(AppStore(store), seed)?))?;
        Ok(Arc::new(Self { engine, install_id }))
    }

    /// Wants a case on this phone.
    ///
    /// # Errors
    /// [`PhoneError::Argument`].
    pub fn want(&self, case_id: String) -> Result<(), PhoneError> {
        let case_id = case(&case_id)?;
        self.engine.with(|engine| {
            engine.want(case_id);
            Ok(())
        })
    }

    /// The draft of a case as this phone has it, as JSON in the server's form.
    ///
    /// # Errors
    /// [`PhoneError::NotHere`].
    pub fn draft(&self, case_id: String) -> Result<String, PhoneError> {
        self.look_into(&case_id, |session| {
            let draft = Draft::read(session.doc())
                .map_err(|fault| PhoneError::NotADraft(fault.to_string()))?;
            serde_json::to_string(&draft).map_err(|fault| PhoneError::Document(fault.to_string()))
        })
    }

    /// The heads of a draft: what a version is frozen from.
    ///
    /// # Errors
    /// [`PhoneError::NotHere`].
    pub fn heads(&self, case_id: String) -> Result<Vec<String>, PhoneError> {
        self.look_into(&case_id, |session| {
            Ok(session.doc().get_heads().iter().map(ToString::to_string).collect())
        })
    }

    /// How a case stands on this phone; nothing if nobody wanted it.
    ///
    /// # Errors
    /// [`PhoneError::Argument`].
    pub fn standing(&self, case_id: String) -> Result<Option<CaseStanding>, PhoneError> {
        let case_id = case(&case_id)?;
        self.engine.with(|engine| {
            let session = engine.session(case_id);
            let (is_here, pending) =
                (session.is_some(), session.map_or(0, |session| values::number(session.pending())));
            Ok(engine.standing(case_id).map(|(conflicts, lock, late)| CaseStanding {
                is_here,
                pending,
                conflicts: conflicts.iter().map(Into::into).collect(),
                lock: lock.into(),
                late,
            }))
        })
    }

    /// Notes a field event. Noting the same again changes nothing.
    ///
    /// # Errors
    /// [`PhoneError::IdTaken`], [`PhoneError::Store`].
    pub fn note(&self, event: FieldEvent) -> Result<(), PhoneError> {
        let item = event.try_into()?;
        self.engine.with(|engine| Ok(engine.note(item)?))
    }

    /// Field events that the server refused.
    ///
    /// # Errors
    /// [`PhoneError::Broken`].
    pub fn refused(&self) -> Result<Vec<RefusedEvent>, PhoneError> {
        self.engine.with(|engine| Ok(engine.refused().iter().map(Into::into).collect()))
    }

    /// Forgets a refused event once a person has seen it.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn dismiss(&self, event_id: String) -> Result<(), PhoneError> {
        let id = read("the event", &event_id)?;
        self.engine.with(|engine| Ok(engine.dismiss(id)?))
    }

    /// A person has looked at the edits of a case that could not be written again.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn seen(&self, case_id: String) -> Result<(), PhoneError> {
        let case_id = case(&case_id)?;
        self.engine.with(|engine| Ok(engine.seen(case_id)?))
    }

    /// Takes a photo into the queue, once.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn add_photo(&self, photo: NewPhoto) -> Result<(), PhoneError> {
        let photo = photo.try_into()?;
        self.engine.with(|engine| Ok(engine.add_photo(photo)?))
    }

    /// Photos whose original the server has not.
    ///
    /// # Errors
    /// [`PhoneError::Broken`].
    pub fn photos(&self) -> Result<Vec<WaitingPhoto>, PhoneError> {
        self.engine.with(|engine| Ok(engine.photos().iter().map(Into::into).collect()))
    }

    /// Reads a receipt, as the server wrote it, and says what its signature must hold for. What then
    /// remains is to verify it with the published seal key of that name.
    ///
    /// # Errors
    /// [`PhoneError::WrongReceipt`] if it is not for this photo's bytes.
    pub fn receipt(&self, photo: String, receipt: Vec<u8>) -> Result<SignedReceipt, PhoneError> {
        let id = read("the photo", &photo)?;
        self.engine.with(|engine| {
            let photo = engine.photos().iter().find(|photo| photo.id == id);
            let photo = photo.ok_or_else(|| PhoneError::WrongReceipt("no such photo".into()))?;
            receipt::of(photo, &receipt)
        })
    }

    /// An upload is done: a preview, or an original whose receipt was verified.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn uploaded(&self, photo: String, preview: bool) -> Result<(), PhoneError> {
        let id = read("the photo", &photo)?;
        let stage = if preview { UploadStage::Announced } else { UploadStage::Previewed };
        self.engine.with(|engine| Ok(engine.uploaded(id, stage.into())?))
    }

    /// Everything that is only on this phone: what would be lost with it.
    ///
    /// # Errors
    /// [`PhoneError::Broken`].
    pub fn unsent(&self) -> Result<Vec<Unsent>, PhoneError> {
        self.engine.with(|engine| Ok(engine.unsent().into_iter().map(Into::into).collect()))
    }

    /// Somebody said that something changed, or the network is back.
    ///
    /// # Errors
    /// [`PhoneError::Broken`].
    pub fn look(&self) -> Result<(), PhoneError> {
        self.engine.with(|engine| {
            engine.look();
            Ok(())
        })
    }

    /// What to do next. Asking again gives the same until something happened.
    ///
    /// # Errors
    /// [`PhoneError::Store`], or why something that was typed does not fit.
    pub fn next_step(&self, now: i64) -> Result<NextStep, PhoneError> {
        self.engine.with(|engine| {
            Ok(match engine.next(Instant(now))? {
                Next::Sync(request) => {
                    NextStep::Post { exchange: Arc::new(Exchange::sync(*request)) }
                }
                Next::Issue { case_id, replaces } => {
                    let body = drive::actor_body(self.install_id, replaces.as_ref());
                    NextStep::Post { exchange: Arc::new(Exchange::actor(case_id, body)) }
                }
                Next::Upload { photo, stage } => {
                    let waiting = engine.photos().iter().find(|waiting| waiting.id == photo);
                    let photo = waiting.map(Into::into).ok_or(PhoneError::Broken)?;
                    NextStep::Upload { photo, preview: stage == Stage::Announced }
                }
                Next::Wait(until) => NextStep::Wait { until: until.0 },
                Next::Idle => NextStep::Idle,
            })
        })
    }

    /// Takes the answer to an exchange, whatever its status.
    ///
    /// # Errors
    /// [`PhoneError::Store`]: what was not stored is asked for again. [`PhoneError::NotADraft`].
    pub fn answered(
        &self,
        exchange: Arc<Exchange>,
        now: i64,
        answer: Answer,
    ) -> Result<(), PhoneError> {
        self.take(&exchange, now, Some(answer.into()))
    }

    /// No answer came.
    ///
    /// # Errors
    /// [`PhoneError::Broken`].
    pub fn unanswered(&self, exchange: Arc<Exchange>, now: i64) -> Result<(), PhoneError> {
        self.take(&exchange, now, None)
    }
}

impl Phone {
    fn take(
        &self,
        exchange: &Exchange,
        now: i64,
        answer: Option<drive::Answer>,
    ) -> Result<(), PhoneError> {
        let now = Instant(now);
        self.engine.with(|engine| match exchange.asked() {
            Asked::Sync(request) => Ok(drive::take_sync(engine, &locked(request), answer, now)?),
            Asked::Actor { case_id, .. } => Ok(drive::take_actor(engine, *case_id, answer, now)?),
        })
    }

    fn look_into<T>(
        &self,
        case_id: &str,
        read: impl FnOnce(&Session) -> Result<T, PhoneError>,
    ) -> Result<T, PhoneError> {
        let case_id = case(case_id)?;
        self.engine.with(|engine| read(engine.session(case_id).ok_or(PhoneError::NotHere)?))
    }
}

pub(crate) fn case(text: &str) -> Result<CaseId, PhoneError> {
    read("the case", text)
}
