//! Places for password hashing, which is slow on purpose.
//!
//! Two run at once, a bounded number waits, the rest is turned away: a flood of log-ins must not take
//! the processor from everybody else.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// How many hash at once. Each takes 19 MiB and some tens of milliseconds of one core.
const AT_ONCE: usize = 2;
/// How many may hash or wait: beyond it the wait would be longer than a second.
const PLACES: usize = 64;

/// The places of one server.
pub struct Hashing {
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(PLACES)),
            running: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Hashing {
    /// A place in the queue.
    ///
    /// # Errors
    /// `overloaded` when all are taken.
    pub fn place(&self) -> Result<Place, ApiError> {
        match self.places.clone().try_acquire_owned() {
            Ok(place) => Ok(Place { place, running: self.running.clone() }),
            Err(_) => {
                metrics::counter!("chakan_hashing_turned_away_total").increment(1);
                Err(ApiError::overloaded())
            }
        }
    }
}

/// A place in the queue; dropping it gives it up.
pub struct Place {
    place: OwnedSemaphorePermit,
    running: Arc<Semaphore>,
}

impl Place {
    /// Waits for its turn and runs the work off the async threads.
    ///
    /// # Errors
    /// Internal, when the work panics.
    pub async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.running.acquire_owned().await.map_err(ApiError::internal)?;
        let place = self.place;
        // The work goes on when the caller hangs up, so it holds turn and place itself.
        tokio::task::spawn_blocking(move || {
            let _held = (turn, place);
            work()
        })
        .await
        .map_err(ApiError::internal)
    }
}

#[cfg(test)]
mod tests {
    use api_spec::problem::Code;

    use super::*;

    #[actix_web::test]
    async fn a_flood_is_turned_away_and_places_come_back() {
        let hashing = Hashing::default();
        let held: Vec<_> = (0..PLACES).map(|_| hashing.place().unwrap()).collect();
        assert_eq!(hashing.place().map(|_| ()).unwrap_err().code(), Code::Overloaded);
        drop(held);
        assert_eq!(hashing.place().unwrap().run(|| 7).await.unwrap(), 7);
        assert_eq!(hashing.places.available_permits(), PLACES);
        assert_eq!(hashing.running.available_permits(), AT_ONCE);
    }

    #[actix_web::test]
    async fn no_more_than_two_run_at_once() {
        let hashing = Hashing::default();
        let (started, seen) = std::sync::mpsc::channel();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        let runs: Vec<_> = (0..AT_ONCE + 1)
            .map(|_| {
                let (started, wait) = (started.clone(), wait.clone());
                let place = hashing.place().unwrap();
                actix_web::rt::spawn(place.run(move || {
                    started.send(()).unwrap();
                    wait.lock().unwrap().recv().unwrap();
                }))
            })
            .collect();
        let seen = tokio::task::spawn_blocking(move || {
            for _ in 0..AT_ONCE {
                seen.recv().unwrap();
            }
            seen
        })
        .await
        .unwrap();
        assert_eq!(hashing.running.available_permits(), 0);
        assert!(seen.try_recv().is_err(), "the third has to wait");
        for _ in 0..AT_ONCE + 1 {
            go.send(()).unwrap();
        }
        for run in runs {
            run.await.unwrap().unwrap();
        }
    }
}
