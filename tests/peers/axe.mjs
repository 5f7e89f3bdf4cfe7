// Looks at pages with Chromium and axe-core: `node axe.mjs NODE_MODULES BASE COOKIE`, one path a line on stdin. Prints
// one JSON object a page and look: what axe found, what the console said, and by how much it is too wide.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import readline from "node:readline";

const [installed, base, cookie] = process.argv.slice(2);
const modules = path.resolve(installed, "node_modules");
const { chromium } = createRequire(path.join(modules, "x.js"))("playwright-core");
const axe = fs.readFileSync(path.join(modules, "axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
// Our policy forbids axe to be brought in; only these looks are without it.
const context = await browser.newContext({ bypassCSP: true });
if (cookie) await context.addCookies([{ name: "tidegate", value: cookie, url: base }]);
const page = await context.newPage();
const SECOND_LOOK = { runOnly: { type: "rule", values: ["color-contrast", "link-in-text-block", "scrollable-region-focusable"] } };
const said = [];
page.on("pageerror", (error) => said.push(String(error)));
for await (const line of readline.createInterface({ input: process.stdin })) {
  // Each width and each theme once: themes differ in colours alone, and widths in places. What axe says of the document itself
  // is the same in both.
  for (const [colorScheme, width] of [["light", 1440], ["dark", 360]]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    said.length = 0;
    const answer = await page.goto(base + line);
    await page.evaluate(axe);
    const { violations } = await page.evaluate((options) => axe.run(document, options), colorScheme === "light" ? {} : SECOND_LOOK);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
    console.log(JSON.stringify({ path: line, status: answer.status(), colorScheme, width, found, said, wide }));
  }
}
await browser.close();
