// Takes pictures of pages with Chromium: `node pictures.mjs NODE_MODULES BASE COOKIE FOLDER`, one line `NAME PATH` a page
// on stdin. Each page in light and dark, wide and as wide as a telephone. Prints what is too wide or failed.
import path from "node:path";
import { createRequire } from "node:module";
import readline from "node:readline";

const [installed, base, cookie, folder] = process.argv.slice(2);
const { chromium } = createRequire(path.resolve(installed, "node_modules/x.js"))("playwright-core");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
let faults = 0;
const lines = [];
for await (const line of readline.createInterface({ input: process.stdin })) lines.push(line.split(" "));
for (const colorScheme of ["light", "dark"]) {
  for (const width of [1440, 360]) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, timezoneId: "UTC", locale: "en" });
    if (cookie) await context.addCookies([{ name: "tidegate", value: cookie, url: base }]);
    for (const [name, place] of lines) {
      const page = await context.newPage();
      const answer = await page.goto(base + place);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0 || answer.status() >= 500) {
        console.log(`${name} ${colorScheme} ${width}: status ${answer.status()}, ${wide} pixels too wide`);
        faults += 1;
      }
      await page.screenshot({ path: path.join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      await page.close();
    }
    await context.close();
  }
}
await browser.close();
process.exitCode = faults ? 1 : 0;
