//! Every route, once: what dispatches requests and what the OpenAPI document lists come from this table.

use chinwag_core::dialect::Dialect;
use hyper::Method;
use percent_encoding::percent_decode_str;
use schemars::{Schema, SchemaGenerator};

use super::types::{Chat, Members, Messages, Rooms, Said, Say, Told, Uploaded};

/// What a request is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Call {
    /// List the rooms (S0.2, S1.10).
    Rooms,
    /// List a room's members (S0.2).
    Members,
    /// Read older messages (S0.4).
    Messages,
    /// Say something (S3.19).
    Say,
    /// Say something to a bot (S3.30).
    Chat,
    /// Start a bot (S3.31).
    Start,
    /// Stop a bot (S3.31).
    Stop,
    /// Describe all this.
    Describe,
    /// Upload a file (S4.2).
    Upload,
    /// Download a file (S4.2).
    Download,
}

/// What a request or an answer holds.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    /// Nothing, or what nobody need know.
    Free,
    /// JSON of this shape.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// A file as it is.
    File,
}

/// A route.
pub(crate) struct Route {
    /// What it is for.
    pub(crate) call: Call,
    /// `GET`, which serves `HEAD`, too, or `POST`.
    pub(crate) method: Method,
    /// Its path; `{name}` stands for one segment.
    pub(crate) path: &'static str,
    /// One sentence.
    pub(crate) summary: &'static str,
    /// Names of parameters in the query, and whether they are numbers.
    pub(crate) query: &'static [(&'static str, bool)],
    /// The body that it takes.
    pub(crate) takes: Content,
    /// The status when all is well.
    pub(crate) status: u16,
    /// The answer then.
    pub(crate) gives: Content,
}

const PAGE: &[(&str, bool)] = &[("after", false), ("limit", true)];

/// Those that are always there.
static ROUTES: [Route; 8] = [
    Route {
        call: Call::Rooms,
        method: Method::GET,
        path: "/api/rooms",
        summary: "Lists the rooms by name.",
        query: PAGE,
        takes: Content::Free,
        status: 200,
        gives: Content::Json(SchemaGenerator::subschema_for::<Rooms>),
    },
    Route {
        call: Call::Members,
        method: Method::GET,
        path: "/api/rooms/{room}/members",
        summary: "Lists a room's members by name.",
        query: PAGE,
        takes: Content::Free,
        status: 200,
        gives: Content::Json(SchemaGenerator::subschema_for::<Members>),
    },
    Route {
        call: Call::Messages,
        method: Method::GET,
        path: "/api/rooms/{room}/messages",
        summary: "Gives the newest messages of a room, or those before one of them.",
        query: &[("before", true), ("limit", true)],
        takes: Content::Free,
        status: 200,
        gives: Content::Json(SchemaGenerator::subschema_for::<Messages>),
    },
    Route {
        call: Call::Say,
        method: Method::POST,
        path: "/api/rooms/{room}/messages",
        summary: "Says something in a room; under an Idempotency-Key, once.",
        query: &[],
        takes: Content::Json(SchemaGenerator::subschema_for::<Say>),
        status: 201,
        gives: Content::Json(SchemaGenerator::subschema_for::<Said>),
    },
    Route {
        call: Call::Chat,
        method: Method::POST,
        path: "/bot-execution/{bot}/chat",
        summary: "Says something in a bot's room; under an Idempotency-Key, once.",
        query: &[],
        takes: Content::Json(SchemaGenerator::subschema_for::<Chat>),
        status: 201,
        gives: Content::Json(SchemaGenerator::subschema_for::<Said>),
    },
    Route {
        call: Call::Start,
        method: Method::POST,
        path: "/bot-execution/{bot}/start",
        summary: "Tells a bot to start.",
        query: &[],
        takes: Content::Free,
        status: 202,
        gives: Content::Json(SchemaGenerator::subschema_for::<Told>),
    },
    Route {
        call: Call::Stop,
        method: Method::POST,
        path: "/bot-execution/{bot}/stop",
        summary: "Tells a bot to stop.",
        query: &[],
        takes: Content::Free,
        status: 202,
        gives: Content::Json(SchemaGenerator::subschema_for::<Told>),
    },
    Route {
        call: Call::Describe,
        method: Method::GET,
        path: "/api/openapi.json",
        summary: "Describes these routes (OpenAPI 3.1).",
        query: &[],
        takes: Content::Free,
        status: 200,
        gives: Content::Free,
    },
];

/// Those that are there where people can upload files.
static FILE_ROUTES: [Route; 2] = [
    Route {
        call: Call::Upload,
        method: Method::POST,
        path: "/api/rooms/{room}/files",
        summary: "Uploads a file for a room's members, as it is; say so in a message with what is answered.",
        query: &[("name", false)],
        takes: Content::File,
        status: 201,
        gives: Content::Json(SchemaGenerator::subschema_for::<Uploaded>),
    },
    Route {
        call: Call::Download,
        method: Method::GET,
        path: "/api/files/{file}",
        summary: "Gives a file to a member of its room.",
        query: &[],
        takes: Content::Free,
        status: 200,
        gives: Content::File,
    },
];

/// The routes of a server.
pub(crate) fn routes(with_files: bool) -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(with_files.then_some(&FILE_ROUTES).into_iter().flatten())
}

/// What a path and a method lead to.
pub(crate) enum Found {
    /// A route, and what stands for the name in its path.
    Route(&'static Route, Option<String>),
    /// The path, if there is such a one, has these methods only.
    Methods(String),
}

/// Looks a request up.
pub(crate) fn find(method: &Method, path: &str, with_files: bool) -> Found {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let at_path = || routes(with_files).filter_map(|route| Some((route, parameter(route.path, path)?)));
    if let Some((route, parameter)) = at_path().find(|(route, _)| route.method == *method) {
        return Found::Route(route, parameter);
    }
    let methods = at_path().map(|(route, _)| if route.method == Method::GET { "GET, HEAD" } else { "POST" });
    Found::Methods(methods.collect::<Vec<_>>().join(", "))
}

/// Whether there is a route at this path.
pub(crate) fn has(path: &str, with_files: bool) -> bool {
    routes(with_files).any(|route| parameter(route.path, path).is_some())
}

/// Whether a path, if there is nothing at it, is one of a program that expects JSON.
pub(crate) fn is_under(path: &str) -> bool {
    let is_here = path.starts_with("/api/") || path.starts_with("/bot-execution/");
    is_here && Dialect::from_path(path).is_none()
}

/// Whether a path fits a route's, and what stands in it for a name.
fn parameter(pattern: &str, path: &str) -> Option<Option<String>> {
    let Some((before, rest)) = pattern.split_once('{') else { return (pattern == path).then_some(None) };
    let (_, after) = rest.split_once('}')?;
    let segment = path.strip_prefix(before)?.strip_suffix(after)?;
    if segment.is_empty() || segment.contains('/') {
        return None;
    }
    // What is not UTF-8 is no name, either.
    Some(Some(percent_decode_str(segment).decode_utf8_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: Method, path: &str) -> Option<(Call, Option<String>)> {
        match find(&method, path, true) {
            Found::Route(route, parameter) => Some((route.call, parameter)),
            Found::Methods(_) => None,
        }
    }

    #[test]
    fn a_path_leads_to_its_route() {
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(found(Method::GET, "/api/rooms"), Some((Call::Rooms, None)));
        assert_eq!(found(Method::HEAD, "/api/rooms"), Some((Call::Rooms, None)));
        assert_eq!(found(Method::GET, "/api/rooms/a/messages"), Some((Call::Messages, some("a"))));
        assert_eq!(found(Method::POST, "/api/rooms/bot%3Ax/messages"), Some((Call::Say, some("bot:x"))));
        assert_eq!(found(Method::POST, "/bot-execution/x/chat"), Some((Call::Chat, some("x"))));
        assert_eq!(found(Method::POST, "/api/rooms/a/files"), Some((Call::Upload, some("a"))));
        assert!(has("/api/files/1", true) && !has("/api/files/1", false));
        for path in
            ["/api/rooms/", "/api/rooms//messages", "/api/rooms/a/b/messages", "/api", "/bot-execution/x"]
        {
            assert_eq!(found(Method::GET, path), None, "{path}");
        }
        let Found::Methods(methods) = find(&Method::PUT, "/api/rooms/a/messages", true) else {
            panic!("found")
        };
        assert_eq!(methods, "GET, HEAD, POST");
    }
}
