// Pictures of the page for the documentation, on a desk and on a phone: `WRITE_PICTURES=1 web/run pictures` writes them anew.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { launch } from "../../test/browser.js";
import { Person, Server, until } from "../../test/server.js";

const FOLDER = new URL("../../../docs/", import.meta.url).pathname;
const ROOM = "bot:builder";
const [WIDE, PHONE] = [
  { width: 1_100, height: 680 },
  { width: 375, height: 667 },
];

let server: Server;
let browser: Browser;
const people: Person[] = [];

beforeAll(async () => {
  server = await Server.start();
  browser = await launch();
  for (const name of ["builder", "bea", "carl"]) people.push(await new Person(name, server.address).enter(ROOM));
  const [builder, bea, carl] = people.map(({ chat }) => chat) as [Person["chat"], Person["chat"], Person["chat"]];
  await bea.publish(ROOM, "The page is built, who reads it?");
  await carl.publish(ROOM, "I do. @ann, have you seen how it scrolls?", { replyTo: 1, mentions: ["ann"] });
  await builder.publish(ROOM, "All 412 tests have passed.", { state: "completed" });
  await bea.publish(ROOM, "The report: https://ci.example/412", { file: { url: "https://ci.example/412.pdf", name: "report.pdf" } });
  await builder.status(ROOM, { state: "working", detail: "Packing the release", progress: 65 });
  await builder.task(ROOM, { task: "Release 0.2", status: { state: "working", progress: 65 }, assignee: "builder" });
}, 60_000);
afterAll(async () => {
  for (const { chat } of people) chat.close();
  await browser.close();
  await server.stop();
});

test.each([
  ["desk", "light", WIDE, "bea"],
  ["phone", "dark", PHONE, "carl"],
] as const)("all that a room shows fits a %s", async (name, colorScheme, viewport, writer) => {
  const page = await (await browser.newContext({ colorScheme, viewport })).newPage();
  await page.addInitScript((room) => localStorage.setItem("chinwag.places.ann", JSON.stringify({ rooms: [room, "lobby"], read: [], open: room })), ROOM);
  await page.goto(`http://${server.address}/`);
  await page.getByLabel("Your name").fill("ann");
  await page.getByRole("button", { name: "Enter" }).click();
  await page.locator(".message").nth(3).waitFor();
  people.find(({ chat }) => chat.user === writer)!.chat.typing(ROOM, true);
  await page.getByText(`${writer} is writing`).waitFor();
  // Nothing is cut off, beside the other or below it.
  const isInside = (selector: string) =>
    page.locator(selector).evaluateAll((all) =>
      all.every((element) => {
        const { left, right, top, bottom } = element.getBoundingClientRect();
        return left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight;
      }),
    );
  await until(async () => expect(await isInside(".bar, .message, .composer, textarea, .connection")).toBe(true));
  if (process.env.WRITE_PICTURES) await page.screenshot({ path: `${FOLDER}web-${name}.png` });
  await page.context().close();
});
