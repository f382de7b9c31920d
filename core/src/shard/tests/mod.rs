//! The rules of a shard, one by one, and all of them under random operations.

mod access;
mod bots;
mod keys;
mod kit;
mod membership;
mod presence;
mod publishing;
mod queries;
mod random;
mod restart;
mod room_model;
mod sessions;
mod sole;
mod visits;
