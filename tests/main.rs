//! Chinwag from outside: real sockets, real processes, every crate.
//!
//! Read from top to bottom, from what one conversation looks like to what a whole load test says of a server. What the
//! pure machines promise in every detail is tested in `core` and `journal`; here it meets the world.

/// What the tests drive and watch with.
mod kit;

/// Specification 0, item by item: two or three people and a conversation.
mod conversation;

/// Whose rooms are, and what their messages carry.
mod rooms;

/// Specification 1, item by item: lines and slash commands.
mod lobby;

/// The terminal client by lines: people, pipes and scripts.
mod terminal;

/// Specification 2, item by item: envelopes, receipts, tasks, health and close codes.
mod envelope;

/// Specification 3, item by item: Socket.IO, packet by packet.
mod socketio;

/// Specification 4, item by item: people and agents, and one room for all.
mod agents;

/// The server inside another program, and what its agents say and hear.
mod manager;

/// What `docs/protocol.md` says is what happens.
mod documentation;

/// What `docs/asyncapi.json` says is what happens.
mod asyncapi;

/// What no decent client would send, while decent ones go on talking.
mod bad_input;

/// What RFC 6455 says of frames, as a table.
mod websocket;

/// Connections that break, stall and linger: core's client behind a bad network.
mod reconnect;

/// A server that ends in all the ways there are, and one that goes on where it was.
mod durable;

/// Servers to which everything happens while people talk.
#[cfg(target_os = "linux")]
mod chaos;

/// A server whose run is captured, and led through the machines once more.
#[cfg(unix)]
mod captured;

/// Readers that do not read.
mod slow_reader;

/// Programs that ask over plain HTTP, in the rooms of everybody else.
mod rest;

/// Several gateway threads, several shards: one chat.
mod threads;

/// Tokens as an operator makes and demands them.
mod identity;

/// What an operator sees: metrics, health, logs.
mod operation;

/// What an operator writes: flags, files and mistakes in them.
mod settings;

/// How the server goes down.
mod shutdown;

/// The scenario language: its schema, and every example of `docs/scenarios.md`.
mod scenarios;

/// The load test as a whole: passes, fails, and finds a liar out.
mod load_test;

/// A load test of several processes.
mod load_segments;

/// A load test, watched while it goes on.
mod load_watched;

/// Each of a hundred deliveries that something in between has dropped, doubled or swapped is found.
mod tampering;

/// The same scenario file in virtual time and over real sockets.
mod forecast;

/// Protocols in templates: our dialects through them, and servers that are not ours.
mod protocols;
