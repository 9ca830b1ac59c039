//! The extractor that turns a request into an [`Actor`] who may call the operation.

use std::{marker::PhantomData, ops::Deref};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use api_spec::problem::Code;
use futures_util::future::LocalBoxFuture;

use super::{
    policy::{Actor, Operation},
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
        let app = request.app_data::<web::Data<App>>().cloned();
        let token = bearer_token(request).map(str::to_owned);
        Box::pin(async move {
            let app = app.ok_or_else(|| ApiError::internal("no App"))?;
            let token = token.ok_or_else(|| ApiError::new(Code::Unauthenticated))?;
            let bearer = app.auth.tokens.check(&token, app.now())?;
            let actor = standing(&app, bearer).await?;
            if O::AUDIENCE.admits(&actor.roles) {
                Ok(Self { actor, operation: PhantomData })
            } else {
                Err(ApiError::new(Code::Forbidden))
            }
        })
    }
}

fn bearer_token(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
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
