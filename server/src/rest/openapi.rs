//! The OpenAPI 3.1 document, from the table of routes and the types of bodies.

use chinwag_core::{
    dialect::schema::left_out_or_there,
    name::{ROOM_NAME_MAX, USER_NAME_MAX},
};
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    problem::Problem,
    route::{Content, Route, routes},
};

/// Describes every route, those of files where there are any.
pub(crate) fn document(with_files: bool) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let written = settings.clone().for_serialize().with_transform(left_out_or_there);
    let mut bodies = Bodies { taken: settings.into_generator(), given: written.into_generator() };
    let mut paths = Map::new();
    for route in routes(with_files) {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_lowercase()] = operation(route, &mut bodies);
    }
    let mut schemas = bodies.taken.take_definitions(true);
    schemas.extend(bodies.given.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Chinwag",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Rooms of a chat, without a WebSocket. The same limits, order and permissions as there.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:8080"}],
        "security": [{"token": []}, {"user": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "user": {"type": "apiKey", "in": "query", "name": "user", "description": "In open mode."},
            },
        },
    })
}

/// Schemas of bodies: of requests, which are read, and of answers, which are written.
struct Bodies {
    taken: SchemaGenerator,
    given: SchemaGenerator,
}

fn operation(route: &Route, bodies: &mut Bodies) -> Value {
    let mut operation = json!({
        "operationId": format!("{:?}", route.call).to_lowercase(),
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": {
            route.status.to_string(): {
                "description": "All is well.",
                "content": content(route.gives, &mut bodies.given),
            },
            "default": {
                "description": "It is refused; the status fits the error.",
                "headers": {"Retry-After": {"description": "In seconds, if it may be sent again.",
                                            "schema": {"type": "integer"}}},
                "content": content(Content::Json(SchemaGenerator::subschema_for::<Problem>), &mut bodies.given),
            },
        },
    });
    if !matches!(route.takes, Content::Free) {
        operation["requestBody"] =
            json!({"required": true, "content": content(route.takes, &mut bodies.taken)});
    }
    operation
}

fn content(content: Content, schemas: &mut SchemaGenerator) -> Value {
    match content {
        Content::Free => json!({"application/json": {"schema": {}}}),
        Content::Json(schema) => json!({"application/json": {"schema": schema(schemas)}}),
        Content::File => json!({"application/octet-stream": {}}),
    }
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = [
        ("{room}", format!("^[A-Za-z0-9_.:-]{{1,{ROOM_NAME_MAX}}}$")),
        ("{bot}", format!("^[A-Za-z0-9_.-]{{1,{USER_NAME_MAX}}}$")),
        ("{file}", "^[0-9a-f]{32}$".to_owned()),
    ];
    let in_path = in_path.into_iter().filter(|(name, _)| route.path.contains(name));
    let in_path = in_path.map(|(name, pattern)| {
        let schema = json!({"type": "string", "pattern": pattern});
        json!({"name": name.trim_matches(['{', '}']), "in": "path", "required": true, "schema": schema})
    });
    let in_query = route.query.iter().map(|&(name, is_number)| {
        let schema =
            if is_number { json!({"type": "integer", "minimum": 0}) } else { json!({"type": "string"}) };
        let mut parameter = json!({"name": name, "in": "query", "schema": schema});
        if matches!(route.takes, Content::File) {
            parameter["required"] = json!(true);
        }
        parameter
    });
    let key = matches!(route.takes, Content::Json(_)).then(|| {
        let schema = json!({"type": "string", "minLength": 1, "maxLength": 64});
        json!({"name": "Idempotency-Key", "in": "header", "schema": schema})
    });
    in_path.chain(in_query).chain(key).collect()
}
