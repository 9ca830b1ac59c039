//! What the outside world does for us. Each port is a trait with its real implementation beside it;
//! tests put others in their place.

pub mod blobs;
pub mod clock;
pub mod ids;
pub mod imaging;
pub mod notifier;
pub mod post;
pub mod travel_time;

use std::sync::Arc;

/// The ports of one server.
#[derive(Clone)]
pub struct Ports {
    /// What time it is.
    pub clock: Arc<dyn clock::Clock>,
    /// New ids and secrets.
    pub ids: Arc<dyn ids::Ids>,
    /// Messages to people outside.
    pub notifier: Arc<dyn notifier::Notifier>,
    /// Messages to servers that others have named.
    pub post: Arc<dyn post::Post>,
    /// Photo bytes.
    pub blobs: Arc<dyn blobs::Blobs>,
    /// Smaller copies of photos.
    pub imaging: Arc<dyn imaging::Imaging>,
    /// How long a surveyor needs to the scene.
    pub travel_time: Arc<dyn travel_time::TravelTime>,
    /// What recorded trips have taught the estimator.
    pub calibration: Arc<travel_time::Calibration>,
}
