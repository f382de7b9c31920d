//! Whoever wants a run to end: Ctrl-C, and the signal by which systems end programs.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{runtime::Runtime, signal, sync::Notify};

/// Those of this process, from the first to the last of its runs.
#[derive(Debug, Default)]
pub(crate) struct Interrupts {
    came: AtomicBool,
    latest: Notify,
}

impl Interrupts {
    /// Listens for as long as this runtime is there.
    pub(crate) fn listen(runtime: &Runtime) -> Arc<Self> {
        let interrupts = Arc::new(Self::default());
        let told = Arc::clone(&interrupts);
        runtime.spawn(async move {
            // Where signals cannot be listened to they end us, as they end every program.
            while next().await.is_ok() {
                told.came.store(true, Ordering::Relaxed);
                told.latest.notify_one();
            }
        });
        interrupts
    }

    /// Whether there was one.
    pub(crate) fn came(&self) -> bool {
        self.came.load(Ordering::Relaxed)
    }

    /// Waits for the next one that nobody has waited for.
    pub(crate) async fn next(&self) {
        self.latest.notified().await;
    }
}

#[cfg(unix)]
async fn next() -> io::Result<()> {
    use signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn next() -> io::Result<()> {
    signal::ctrl_c().await
}
