// Takes pictures of pages with Chromium: `node pictures.mjs NODE_MODULES BASE COOKIE FOLDER`, one line `NAME PATH [open | door]` a
// page on stdin: `open` unfolds every form, `door` comes without the cookie. Each page in light and dark, wide and as wide as
// a telephone, and as it is printed. Prints what is too wide or failed, also at 320 and 2,560 pixels.
import path from "node:path";
import { createRequire } from "node:module";
import readline from "node:readline";

const [installed, base, cookie, folder] = process.argv.slice(2);
const { chromium } = createRequire(path.resolve(installed, "node_modules/x.js"))("playwright-core");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
let faults = 0;
const lines = [];
for await (const line of readline.createInterface({ input: process.stdin })) lines.push(line.split(" "));
const isFaulty = async (page, what, answer) => {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide <= 0 && answer.status() < 500) return;
  console.log(`${what}: status ${answer.status()}, ${wide} pixels too wide`);
  faults += 1;
};
const open = async (context, place, how) => {
  await context.clearCookies();
  if (how !== "door") await context.addCookies([{ name: "tidegate", value: cookie, url: base }]);
  const page = await context.newPage();
  const answer = await page.goto(place.startsWith("file:") ? place : base + place);
  if (how === "open") await page.evaluate(() => document.querySelectorAll("details").forEach((form) => { form.open = true; }));
  return [page, answer];
};
for (const colorScheme of ["light", "dark"]) {
  for (const width of [1440, 360]) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, timezoneId: "UTC", locale: "en" });
    for (const [name, place, how] of lines) {
      const [page, answer] = await open(context, place, how);
      await isFaulty(page, `${name} ${colorScheme} ${width}`, answer);
      // The narrowest and the widest screen look like these two: only the width is checked.
      await page.setViewportSize({ width: width === 360 ? 320 : 2560, height: 900 });
      await isFaulty(page, `${name} ${colorScheme} ${width === 360 ? 320 : 2560}`, answer);
      await page.setViewportSize({ width, height: 900 });
      await page.screenshot({ path: path.join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      await page.close();
    }
    await context.close();
  }
}
// As wide as A4 without its margins; lists are printed across.
const paper = await browser.newContext({ viewport: { width: 718, height: 1047 }, timezoneId: "UTC", locale: "en" });
for (const [name, place, how] of lines) {
  const [page, answer] = await open(paper, place, how);
  await page.emulateMedia({ media: "print", colorScheme: "light" });
  if (await page.locator("main .table").count()) await page.setViewportSize({ width: 1047, height: 718 });
  await isFaulty(page, `${name} printed`, answer);
  await page.screenshot({ path: path.join(folder, `${name}-printed.png`), fullPage: true });
  await page.close();
}
await browser.close();
process.exitCode = faults ? 1 : 0;
