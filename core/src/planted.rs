//! Bugs made on purpose, to prove that the simulator finds them. Only `sim/planted` turns the feature on.
//!
//! A hook is `planted!(SomeBug)`, or `planted!(SomeBug, wrong, right)`: which of two values it is. Without the feature it
//! is `false`, or what is right, and nothing of it is left in the program.

/// Whether this build holds the bugs at all. No build of the workspace does.
pub const ENABLED: bool = cfg!(feature = "planted");

/// What a bug makes wrong while it is in force on this thread.
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted!($bug, true, false)
    };
    ($bug:ident, $wrong:expr, $right:expr) => {
        if $crate::in_force!($bug) { $wrong } else { $right }
    };
}

/// Whether it is in force.
#[cfg(feature = "planted")]
#[doc(hidden)]
#[macro_export]
macro_rules! in_force {
    ($bug:ident) => {
        $crate::planted::is_in_force($crate::planted::Bug::$bug)
    };
}

/// Whether it is in force: never.
#[cfg(not(feature = "planted"))]
#[doc(hidden)]
#[macro_export]
macro_rules! in_force {
    ($bug:ident) => {
        false
    };
}

#[cfg(feature = "planted")]
mod catalogue;
#[cfg(feature = "planted")]
pub use catalogue::*;
