//! Every promise has runs that keep it and runs that break it.

mod places;
mod returns;
mod rules;
mod story;
