//! The OpenAPI 3.1 document, from the table of routes and the types of bodies.

use chinwag_core::{
    dialect::schema::left_out_or_there,
    name::{ROOM_NAME_MAX, USER_NAME_MAX},
};
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    problem::Problem,
    route::{ROUTES, Route},
};

/// Describes every route.
pub(crate) fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let written = settings.clone().for_serialize().with_transform(left_out_or_there);
    let mut bodies = Bodies { taken: settings.into_generator(), given: written.into_generator() };
    let mut paths = Map::new();
    for route in &ROUTES {
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
                "content": content(route.gives.map_or_else(|| json!({}), |schema| json!(schema(&mut bodies.given)))),
            },
            "default": {
                "description": "It is refused; the status fits the error.",
                "headers": {"Retry-After": {"description": "In seconds, if it may be sent again.",
                                            "schema": {"type": "integer"}}},
                "content": content(json!(bodies.given.subschema_for::<Problem>())),
            },
        },
    });
    if let Some(schema) = route.takes {
        operation["requestBody"] =
            json!({"required": true, "content": content(json!(schema(&mut bodies.taken)))});
    }
    operation
}

fn content(schema: Value) -> Value {
    json!({"application/json": {"schema": schema}})
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = [("{room}", "A-Za-z0-9_.:-", ROOM_NAME_MAX), ("{bot}", "A-Za-z0-9_.-", USER_NAME_MAX)];
    let in_path = in_path.into_iter().filter(|(name, ..)| route.path.contains(name));
    let in_path = in_path.map(|(name, allowed, max)| {
        let schema = json!({"type": "string", "pattern": format!("^[{allowed}]{{1,{max}}}$")});
        json!({"name": name.trim_matches(['{', '}']), "in": "path", "required": true, "schema": schema})
    });
    let in_query = route.query.iter().map(|&(name, is_number)| {
        let schema =
            if is_number { json!({"type": "integer", "minimum": 0}) } else { json!({"type": "string"}) };
        json!({"name": name, "in": "query", "schema": schema})
    });
    let key = route.takes.map(|_| {
        let schema = json!({"type": "string", "minLength": 1, "maxLength": 64});
        json!({"name": "Idempotency-Key", "in": "header", "schema": schema})
    });
    in_path.chain(in_query).chain(key).collect()
}
