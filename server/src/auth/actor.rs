//! The extractor that turns a request into an [`Actor`] who may call the operation.

use std::{marker::PhantomData, ops::Deref};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web};
use api_spec::problem::Code;
use futures_util::future::LocalBoxFuture;
use tokio::sync::watch;

use super::{
    policy::{Actor, Audience, Operation},
    token::Bearer,
};
use crate::{app::App, error::ApiError, identity};

/// An actor who may call `O`; the object they call it on is still to be checked.
pub struct By<O> {
    actor: Actor,
    operation: PhantomData<O>,
}

impl<O> By<O> {
    /// The actor, to move into a transaction.
    #[must_use]
    pub fn into_actor(self) -> Actor {
        self.actor
    }
}

impl<O> Deref for By<O> {
    type Target = Actor;
    fn deref(&self) -> &Actor {
        &self.actor
    }
}

impl<O: Operation> FromRequest for By<O> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let actor = admit(request, O::AUDIENCE);
        Box::pin(async move { Ok(Self { actor: actor.await?, operation: PhantomData }) })
    }
}

/// The caller, if they are among those who may call.
fn admit(
    request: &HttpRequest,
    audience: Audience,
) -> LocalBoxFuture<'static, Result<Actor, ApiError>> {
    let app = request.app_data::<web::Data<App>>().cloned();
    let token = bearer_token(request).map(str::to_owned);
    let (admit, admitted) = watch::channel(false);
    request.extensions_mut().insert(Admitted(admitted));
    Box::pin(async move {
        let app = app.ok_or_else(|| ApiError::internal("no App"))?;
        let token = token.ok_or_else(|| ApiError::new(Code::Unauthenticated))?;
        let bearer = app.auth.tokens.check(&token, app.now())?;
        let actor = standing(&app, bearer).await?;
        if audience.admits(&actor.roles) {
            let _ = admit.send(true);
            Ok(actor)
        } else {
            Err(ApiError::new(Code::Forbidden))
        }
    })
}

/// Whether the caller of a request may call, once that is known.
#[derive(Clone)]
struct Admitted(watch::Receiver<bool>);

/// Waits until the caller of this request is known to be admitted, where the handler asks who calls.
///
/// The extractors of a handler run side by side. Those that look into the request wait here, so that
/// nobody hears what is wrong with a request that they may not make, and no body of theirs is read.
/// [`By`] must stand before them in the handler's signature.
pub(crate) fn admission(request: &HttpRequest) -> impl Future<Output = ()> + use<> {
    let admitted = request.extensions().get::<Admitted>().cloned();
    async move {
        if let Some(Admitted(mut admitted)) = admitted {
            // An error means that the caller was refused: that refusal is the answer.
            let _ = admitted.wait_for(|admitted| *admitted).await;
        }
    }
}

fn bearer_token(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The actor as they stand now, for a connection that outlives its request.
///
/// # Errors
/// `unauthenticated` when they may not log in any more.
pub(crate) async fn in_good_standing(app: &App, actor: &Actor) -> Result<Actor, ApiError> {
    standing(app, Bearer { person: actor.person, device: actor.device }).await
}

/// The actor as the database knows them now.
async fn standing(app: &App, bearer: Bearer) -> Result<Actor, ApiError> {
    let began = match app.auth.trust.find(bearer) {
        Ok(actor) => return Ok(actor),
        Err(began) => began,
    };
    let actor = app.db.read(move |conn| identity::actor_in_good_standing(conn, bearer)).await?;
    let actor = actor.ok_or_else(|| ApiError::new(Code::Unauthenticated))?;
    app.auth.trust.keep(bearer, actor.clone(), began);
    Ok(actor)
}
