//! Where jobs run.
//!
//! Outside of the multi-regions `US` and `EU` a job is found by its name and its place together: one whose submission was
//! accepted, and whose answer was lost, would seem never to have come to be. So each is submitted with its place: that of
//! the settings, or that of the target's dataset, which is asked for once.
//! <https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/jobs/get>

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::warehouse::ErrorKind;
use crate::warehouse::bigquery::failure::Failure;
use crate::warehouse::bigquery::service::Service;
use crate::warehouse::bigquery::settings::Settings;

/// What is known of the place.
#[derive(Debug, Default)]
pub(super) struct Region(Mutex<Known>);

#[derive(Clone, Debug, Default)]
enum Known {
    /// It was not asked for, or the dataset was not there.
    #[default]
    Nothing,
    /// It is not to be had: the service decides by what a statement reads.
    Hidden,
    /// It is this.
    At(String),
}

impl Region {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the place; none where nothing tells.
    pub(super) async fn location(&self, service: &Service, settings: &Settings) -> Result<Option<String>, Failure> {
        if !settings.location.is_empty() {
            return Ok(Some(settings.location.clone()));
        }
        match self.known().clone() {
            Known::At(location) => return Ok(Some(location)),
            Known::Hidden => return Ok(None),
            Known::Nothing if settings.dataset.is_empty() => return Ok(None),
            Known::Nothing => {}
        }
        match service.dataset(&settings.project, &settings.dataset).await {
            Ok(dataset) => {
                self.is(&dataset.location);
                Ok(Some(dataset.location).filter(|location| !location.is_empty()))
            }
            // It may be made meanwhile.
            Err(failure) if failure.status == Some(404) => Ok(None),
            Err(failure) if failure.kind == ErrorKind::Permission => {
                *self.known() = Known::Hidden;
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Notes where a dataset lies that was found or made.
    pub(super) fn is(&self, location: &str) {
        *self.known() = if location.is_empty() { Known::Hidden } else { Known::At(location.to_owned()) };
    }
}
