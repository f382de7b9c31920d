// Writes src/wire.ts, the frames of the `chat` dialect, from docs/asyncapi.json, which comes from the Rust types.
//
//     node client/wire.js            writes it
//     node client/wire.js --check    ends with 1 if it is not what it would write
import { readFileSync, writeFileSync } from "node:fs";

const DOCUMENT = new URL("../../docs/asyncapi.json", import.meta.url);
const FILE = new URL("src/wire.ts", import.meta.url);
const HEAD = "// Generated from docs/asyncapi.json by `npm run wire`: the frames of the `chat` dialect. Do not edit.\n";

const document = JSON.parse(readFileSync(DOCUMENT, "utf8"));
const { schemas } = document.components;
const { messages } = document.channels.chat;

/** `user_joined` as `UserJoined`. */
const pascal = (name) => name.replace(/(?:^|_)(\w)/g, (_, letter) => letter.toUpperCase());

/** What a reference names. */
function reference(path) {
  const [, message] = path.match(/^#\/channels\/chat\/messages\/server\.(\w+)\/payload$/) ?? [];
  return message ? `Server${pascal(message)}` : path.split(".").at(-1);
}

/** Fields and which of them are there always, with those of the parts. */
function fields(schema) {
  const parts = (schema.allOf ?? []).map(({ $ref }) => fields(schemas[$ref.split("/").at(-1)]));
  return {
    properties: Object.assign({}, schema.properties, ...parts.map((part) => part.properties)),
    required: [...(schema.required ?? []), ...parts.flatMap((part) => part.required)],
  };
}

/** A schema as a TypeScript type. */
function type(schema) {
  if (schema === true) return "unknown";
  if (schema.$ref) return reference(schema.$ref);
  if (schema.const) return JSON.stringify(schema.const);
  const alternative = schema.anyOf?.find((alternative) => alternative.type !== "null");
  if (alternative) return type(alternative);
  const kind = [schema.type].flat().find((kind) => kind !== "null");
  if (kind === "array") return `${type(schema.items)}[]`;
  return { integer: "number", number: "number", string: "string", boolean: "boolean" }[kind] ?? "unknown";
}

const comment = ({ description }, indent = "") =>
  description ? `${indent}/** ${description.replaceAll("\n", " ")} */\n` : "";

function body({ properties, required }) {
  const lines = Object.entries(properties).map(([name, schema]) => {
    const optional = required.includes(name) ? "" : "?";
    return `${comment(schema, "  ")}  ${name}${optional}: ${type(schema)};\n`;
  });
  return `{\n${lines.join("")}}`;
}

/** `interface` for what has fields, an alias for what has none. */
function named(name, schema) {
  const definition = schema.type === "object" ? `interface ${name} ${body(fields(schema))}` : `type ${name} = ${type(schema)};`;
  return `\n${comment(schema)}export ${definition}\n`;
}

/** What must be in a frame for it to be understood, and of which kind. */
function checks() {
  const kind = (schema) => {
    const written = type(schema.$ref?.startsWith("#/components") ? schemas[schema.$ref.split("/").at(-1)] : schema);
    if (written.endsWith("[]")) return "array";
    return ["string", "number", "boolean"].includes(written) ? written : "object";
  };
  const rows = ofSide("server").map(([name, { payload }]) => {
    const { properties, required } = fields(payload);
    const entries = required.filter((field) => field !== "type").map((field) => `${field}: "${kind(properties[field])}"`);
    return `  ${name}: { ${entries.join(", ")} },\n`.replace("{  }", "{}");
  });
  const doc = "/** What a server's frame of a type must hold to be understood, and of which kind. */\n";
  return `\n${doc}export const REQUIRED: Record<ServerFrame["type"], Record<string, string>> = {\n${rows.join("")}};\n`;
}

const ofSide = (side) =>
  Object.entries(messages).filter(([key]) => key.startsWith(side)).map(([key, message]) => [key.split(".")[1], message]);

function generate() {
  const aliases = Object.entries(schemas).filter(([name]) => name.startsWith("chat.server.") && !name.endsWith("RosterChange"));
  const client = { ...schemas["chat.client"].properties };
  delete client.type;
  const plain = Object.fromEntries(Object.entries(client).map(([name, schema]) => [name, text(schema)]));
  const frames = ofSide("client").map(([name, { payload }]) => {
    const required = payload.allOf[1].required.filter((field) => field !== "type").map((field) => `"${field}"`);
    const needed = required.length ? ` & Required<Pick<ClientFields, ${required.join(" | ")}>>` : "";
    return `  | ({ type: "${name}" } & ClientFields${needed})\n`;
  });
  return [
    HEAD,
    ...aliases.map(([name, schema]) => named(name.split(".").at(-1), schema)),
    ...ofSide("server").map(([name, { payload }]) => named(`Server${pascal(name)}`, { ...payload, type: "object" })),
    `\n/** What a server says. */\nexport type ServerFrame =\n${ofSide("server").map(([name]) => `  | Server${pascal(name)}\n`).join("")}`.replace(/\n$/, ";\n"),
    `\n/** All fields that a client's frame may have. */\nexport interface ClientFields ${body({ properties: plain, required: [] })}\n`,
    `\n/** What a client says. */\nexport type ClientFrame =\n${frames.join("")}`.replace(/\n$/, ";\n"),
    checks(),
  ].join("");
}

/** What a server borrows as text is text. */
function text(schema) {
  const written = JSON.stringify(schema).replaceAll('{"$ref":"#/components/schemas/chat.client.Text"}', '{"type":"string"}');
  return JSON.parse(written);
}

const generated = generate();
if (!process.argv.includes("--check")) {
  writeFileSync(FILE, generated);
} else if (readFileSync(FILE, "utf8") !== generated) {
  console.error("web/client/src/wire.ts is out of date: npm run wire");
  process.exit(1);
}
