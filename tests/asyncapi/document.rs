//! The AsyncAPI 3 document: channels are the dialects, messages the types of their frames.
//!
//! What a frame holds comes from the types that read and write it. Which fields a client's frame needs is asked of the
//! dialect itself: those without which it does not take the example.

use chinwag_core::dialect::{Dialect, schema};
use serde::Serialize as _;
use serde_json::{Map, Serializer, Value, json, ser::PrettyFormatter};

use super::said::{examples, is_taken};

/// Describes every dialect.
pub(super) fn document() -> Value {
    let (mut channels, mut operations, mut schemas) = (Map::new(), Map::new(), Map::new());
    for dialect in Dialect::ALL {
        let name = dialect.name();
        let messages = match dialect {
            Dialect::Lobby => lines(),
            Dialect::SocketIo => packets(&mut schemas),
            Dialect::Chat | Dialect::Envelope | Dialect::Agents => frames(dialect, &mut schemas),
        };
        for (side, action) in [("client", "receive"), ("server", "send")] {
            operations.insert(format!("{name}.{side}"), operation(name, side, action, &messages));
        }
        channels.insert(name.to_owned(), channel(dialect, messages));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chinwag",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Rooms of a chat over WebSockets, in several dialects. All of them meet in the same rooms. \
                            Operations are the server's: it receives what clients say.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": "127.0.0.1:8080", "protocol": "ws"}},
        "channels": channels,
        "operations": operations,
        "components": {"schemas": schemas},
    })
}

/// A document as it is committed.
pub(super) fn pretty(document: &Value) -> String {
    let mut text = Vec::new();
    // It is deep: with more than a tab a level it is twice as large.
    let mut serializer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"\t"));
    document.serialize(&mut serializer).expect("memory takes everything");
    String::from_utf8(text).expect("JSON is UTF-8") + "\n"
}

fn channel(dialect: Dialect, messages: Map<String, Value>) -> Value {
    let (description, query) = match dialect {
        Dialect::Chat => ("Flat JSON, the native dialect (specification 0); also at /.", json!({})),
        Dialect::Lobby => {
            ("Plain lines and slash commands (specification 1).", json!({"user": {"type": "string"}}))
        }
        Dialect::Envelope => ("A payload in an envelope (specification 2).", json!({})),
        Dialect::SocketIo => (
            "Socket.IO 5 over Engine.IO 4, packet by packet (specification 3). `x-data` is the JSON in a packet's text.",
            json!({"EIO": {"const": "4"}, "transport": {"const": "websocket"}}),
        ),
        Dialect::Agents => ("Types and data, and one room for all (specification 4).", json!({})),
    };
    let mut query = json!({"type": "object", "properties": query});
    query["properties"]["token"] =
        json!({"type": "string", "description": "A JSON Web Token, unless it is shown elsewhere."});
    json!({
        "address": dialect.path(),
        "description": description,
        "messages": messages,
        "bindings": {"ws": {"method": "GET", "query": query}},
    })
}

fn operation(channel: &str, side: &str, action: &str, messages: &Map<String, Value>) -> Value {
    let of_side = messages.keys().filter(|key| key.split('.').next() == Some(side));
    let messages: Vec<_> =
        of_side.map(|key| json!({"$ref": format!("#/channels/{channel}/messages/{key}")})).collect();
    let channel = json!({"$ref": format!("#/channels/{channel}")});
    json!({"action": action, "channel": channel, "messages": messages})
}

/// Where a message stands in its channel. Keys of AsyncAPI have no colons.
pub(super) fn key(side: &str, name: &str) -> String {
    format!("{side}.{}", name.replace(':', "."))
}

/// The messages of a dialect whose frames are JSON objects with a `type`.
fn frames(dialect: Dialect, schemas: &mut Map<String, Value>) -> Map<String, Value> {
    let mut messages = Map::new();
    for (side, schema) in schema::of(dialect) {
        // A type that holds itself is a page, which holds messages.
        let itself = format!("#/channels/{}/messages/server.message/payload", dialect.name());
        let schema = adopt(schema.to_value(), &format!("{}.{side}", dialect.name()), &itself, schemas);
        if side == "server" {
            for (name, payload) in variants(schema) {
                messages.insert(key(side, &name), json!({"name": name, "payload": payload}));
            }
            continue;
        }
        let name = format!("{}.{side}", dialect.name());
        schemas.insert(name.clone(), schema);
        for text in examples(dialect) {
            let frame: Value = serde_json::from_str(text).expect("examples are JSON");
            let kind = frame["type"].as_str().expect("frames have types");
            let payload = json!({"allOf": [{"$ref": format!("#/components/schemas/{name}")}, narrowed(dialect, &frame)]});
            let message = json!({"name": kind, "payload": payload, "examples": [{"payload": frame}]});
            messages.insert(key(side, kind), message);
        }
    }
    messages
}

/// What sets a client's frame apart from others: its type, and which fields it needs.
fn narrowed(dialect: Dialect, frame: &Value) -> Value {
    let is_taken = |frame: &Value| is_taken(dialect, &frame.to_string());
    let mut properties = json!({"type": {"const": frame["type"]}});
    for (name, _) in frame.as_object().into_iter().flatten().filter(|(_, held)| held.is_object()) {
        properties[name] = json!({"required": needed(frame, &format!("/{name}"), is_taken)});
    }
    json!({"type": "object", "properties": properties, "required": needed(frame, "", is_taken)})
}

/// The fields of the object at `place` without which the whole is not taken.
fn needed(whole: &Value, place: &str, is_taken: impl Fn(&Value) -> bool) -> Vec<String> {
    assert!(is_taken(whole), "{whole}");
    let at = whole.pointer(place).and_then(Value::as_object).expect("an object");
    let is_needed = |name: &&String| {
        let mut without = whole.clone();
        without.pointer_mut(place).and_then(Value::as_object_mut).expect("an object").remove(*name);
        !is_taken(&without)
    };
    at.keys().filter(is_needed).cloned().collect()
}

/// The alternatives of a server's frame by their types, each with what all have.
fn variants(mut schema: Value) -> Vec<(String, Value)> {
    let alternatives = schema["oneOf"].take();
    let common = schema.as_object_mut().expect("a schema");
    common.retain(|keyword, _| keyword == "properties" || keyword == "required");
    let alternatives = alternatives.as_array().expect("frames of several types").clone();
    let whole = alternatives.into_iter().map(|mut alternative| {
        for (name, property) in common.get("properties").and_then(Value::as_object).into_iter().flatten() {
            alternative["properties"][name] = property.clone();
        }
        let required = common.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        alternative["required"].as_array_mut().expect("a type is required").extend(required);
        (alternative["properties"]["type"]["const"].as_str().expect("a type").to_owned(), alternative)
    });
    whole.collect()
}

/// The lines of `lobby`.
fn lines() -> Map<String, Value> {
    let (said, commands): (Vec<&str>, Vec<&str>) =
        examples(Dialect::Lobby).iter().partition(|line| !line.starts_with('/'));
    let line = |name: &str, pattern: &str, examples: &[&str]| {
        let payload = json!({"type": "string", "pattern": pattern, "examples": examples});
        json!({"name": name, "contentType": "text/plain", "payload": payload})
    };
    said.iter().chain(&commands).for_each(|line| assert!(is_taken(Dialect::Lobby, line), "{line}"));
    let message = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z #[A-Za-z0-9_.:-]+ [A-Za-z0-9_.-]+: ";
    let messages = [
        ("client.line", line("line", r"^\s*[^/\s]", &said)),
        (
            "client.command",
            line(
                "command",
                r"^\s*/(rooms(\s+\S+)?|join\s+\S+|leave|users(\s+\S+)?|token\s+\S+|help)\s*$",
                &commands,
            ),
        ),
        (
            "server.message",
            line("message", message, &["2026-11-21T05:03:00.000Z #lobby ann: hello, everybody"]),
        ),
        ("server.notice", line("notice", r"^\* ", &["* ann has joined #rust."])),
        ("server.refusal", line("refusal", "^! ", &["! only members may"])),
    ];
    messages.into_iter().map(|(key, message)| (key.to_owned(), message)).collect()
}

/// The packets of `socketio`.
fn packets(schemas: &mut Map<String, Value>) -> Map<String, Value> {
    let mut messages = Map::new();
    for (name, schema) in schema::of(Dialect::SocketIo) {
        let schema = schema.to_value();
        let (side, pattern) = match name {
            "client" => {
                let schema = adopt(schema, "socketio.client", "#", schemas);
                schemas.insert("socketio.client".to_owned(), schema);
                continue;
            }
            "connect" => ("client", r"^40(/,)?(\{.*)?$".to_owned()),
            "open" => ("server", r"^0\{".to_owned()),
            "connected" => ("server", r"^40\{".to_owned()),
            "connect_error" => ("server", r"^44(/[^,]*,)?\{".to_owned()),
            "ack" => ("server", r"^43\d+\[".to_owned()),
            event => ("server", format!(r#"^42\["{event}","#)),
        };
        let mut payload = packet(&pattern);
        payload["x-data"] = adopt(schema, &format!("socketio.{side}"), "#", schemas);
        messages
            .insert(key(side, name), json!({"name": name, "contentType": "text/plain", "payload": payload}));
    }
    for (name, pattern) in
        [("client.pong", "^3$"), ("client.disconnect", "^(1|41)$"), ("client.ping", "^2(probe)?$")]
            .into_iter()
            .chain([("server.ping", "^2$"), ("server.pong", "^3(probe)?$"), ("server.disconnect", "^41$")])
    {
        messages.insert(name.to_owned(), json!({"contentType": "text/plain", "payload": packet(pattern)}));
    }
    for event in examples(Dialect::SocketIo) {
        let event: Value = serde_json::from_str(event).expect("examples are JSON");
        let name = event[0].as_str().expect("events have names");
        messages.insert(key("client", name), emitted(name, &event));
    }
    messages
}

fn packet(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}

/// An event of a client's.
fn emitted(name: &str, event: &Value) -> Value {
    let is_taken = |event: &Value| is_taken(Dialect::SocketIo, &format!("42{event}"));
    let mut payload = packet(&format!(r#"^42(/,)?\d*\["{name}""#));
    let narrowed = json!({"required": needed(event, "/1", is_taken)});
    payload["x-data"] = json!({"allOf": [{"$ref": "#/components/schemas/socketio.client"}, narrowed]});
    payload["examples"] = json!([format!("42{event}")]);
    json!({"name": name, "contentType": "text/plain", "payload": payload})
}

/// Moves a schema's definitions to the document's own, under names that begin with `prefix`. `itself` is where it is.
fn adopt(mut schema: Value, prefix: &str, itself: &str, schemas: &mut Map<String, Value>) -> Value {
    let definitions = schema.as_object_mut().and_then(|schema| schema.remove("definitions"));
    redirect(&mut schema, prefix, itself);
    for (name, definition) in definitions.as_ref().and_then(Value::as_object).into_iter().flatten() {
        let mut definition = definition.clone();
        redirect(&mut definition, prefix, itself);
        let before = schemas.insert(format!("{prefix}.{name}"), definition.clone());
        assert!(before.is_none_or(|before| before == definition), "two types are called {prefix}.{name}");
    }
    schema
}

/// Points references to where definitions are moved.
fn redirect(schema: &mut Value, prefix: &str, itself: &str) {
    match schema {
        Value::Object(keywords) => {
            if let Some(Value::String(reference)) = keywords.get_mut("$ref") {
                *reference = match reference.strip_prefix("#/definitions/") {
                    Some(name) => format!("#/components/schemas/{prefix}.{name}"),
                    None => itself.to_owned(),
                };
            }
            keywords.values_mut().for_each(|schema| redirect(schema, prefix, itself));
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(|schema| redirect(schema, prefix, itself)),
        _ => {}
    }
}
