//! Panics of machines: caught, and told in one sentence instead of on the terminal.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::Once,
};

thread_local! {
    /// What the panic said, while one is expected on this thread.
    static HEARD: Cell<Option<String>> = const { Cell::new(None) };
    static LISTENING: Cell<bool> = const { Cell::new(false) };
}

/// Carries something out; if it panics, says where and why.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    listen();
    LISTENING.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    LISTENING.set(false);
    result.map_err(|_| HEARD.take().unwrap_or_default())
}

/// Replaces the hook that prints panics by one that keeps those that are expected.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !LISTENING.get() {
                return print(info);
            }
            let what = info.payload_as_str().unwrap_or("without a message");
            let place = info.location().map(|at| format!("{}:{}: ", at.file(), at.line()));
            HEARD.set(Some(format!("{}{what}", place.unwrap_or_default())));
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_and_nothing_else_is_lost() {
        assert_eq!(caught(|| 7), Ok(7));
        let told = caught(|| panic!("no {}", "way")).unwrap_err();
        assert!(told.contains("panics.rs:") && told.ends_with(": no way"), "{told}");
        assert_eq!(caught(|| 8), Ok(8));
    }
}
