//! What the tests drive and watch with.
//!
//! Nothing here sleeps: it waits for things to happen, and fails when they do not.

use std::time::Duration;

mod chat;
mod host;
mod http;
mod liar;
mod network;
mod person;
mod process;
mod run;
mod tamper;

pub(crate) use chat::{Chat, contents};
pub(crate) use host::Host;
pub(crate) use http::{Metrics, Response, ask, get, metrics, post, upgrade};
pub(crate) use liar::{Liar, Lie};
pub(crate) use network::{Fate, Network};
pub(crate) use person::Person;
pub(crate) use process::{Ended, Process};
pub(crate) use run::Run;
pub(crate) use tamper::{Kind, NAME_HEADER, Plan as Tampering, Tamper, chat};

/// What has not happened after this will not happen: far more than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that must happen.
pub(crate) async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, event).await;
    outcome.unwrap_or_else(|_| panic!("waited {PATIENCE:?} for {what}"))
}
