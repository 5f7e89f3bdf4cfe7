// Does the tasks of a day in Chromium: `node tasks.mjs NODE_MODULES BASE`, and as JSON on stdin the token of whoever approves
// and, for each round, the token of whoever asks and what there is to work on. A round is with scripts, without them, or by keyboard alone. Prints
// one JSON object a task.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const [installed, base] = process.argv.slice(2);
const { chromium } = createRequire(path.resolve(installed, "node_modules/x.js"))("playwright-core");
const { approver, rounds } = JSON.parse(fs.readFileSync(0, "utf8"));
const TABS = 200;
const PATIENCE_MS = 15_000;

// A person before a screen: with a mouse, or with nothing but keys.
class Person {
  constructor(page, byKeys) {
    this.page = page;
    this.byKeys = byKeys;
  }

  async focus(target) {
    const place = target.first();
    await place.waitFor({ state: "attached" });
    for (let tab = 0; tab < TABS; tab += 1) {
      await this.page.keyboard.press("Tab");
      if (await place.evaluate((element) => element === document.activeElement)) return;
    }
    throw new Error(`no key leads to ${target}`);
  }

  async press(target) {
    if (!this.byKeys) return target.first().click();
    await this.focus(target);
    return this.page.keyboard.press("Enter");
  }

  async fill(target, text) {
    if (!this.byKeys) return target.first().fill(text);
    await this.focus(target);
    await this.page.keyboard.press("ControlOrMeta+A");
    return this.page.keyboard.type(text);
  }

  async search(words) {
    const box = this.page.locator("#search");
    if (this.byKeys) {
      await this.page.keyboard.press("/");
      await this.page.keyboard.type(words);
    } else {
      await box.fill(words);
    }
    await Promise.all([this.page.waitForNavigation(), this.page.keyboard.press("Enter")]);
  }

  place(name) {
    return this.press(this.page.locator(`nav a[data-place="${name}"]`));
  }

  link(text) {
    return this.press(this.page.getByRole("link", { name: text, exact: true }));
  }

  // Opens a form by its heading, fills it in and sends it.
  async act(title, fields, button) {
    const form = this.page.locator("details.act").filter({ has: this.page.locator("summary", { hasText: new RegExp(`^${title}$`) }) });
    await this.press(form.locator("summary"));
    for (const [name, text] of Object.entries(fields)) await this.fill(form.locator(`[name="${name}"]`), text);
    await this.press(form.getByRole("button", { name: button, exact: true }));
  }

  async sees(text) {
    await this.page.locator("main").getByText(text).first().waitFor();
  }

  // Looks again until the page says it.
  async watches(text) {
    const ends = Date.now() + PATIENCE_MS;
    while (!(await this.page.locator("main").innerText()).includes(text)) {
      if (Date.now() > ends) throw new Error(`the page never said “${text}”: ${await this.page.locator("main").innerText()}`);
      await this.page.reload();
    }
  }
}

const tasks = {
  async "find a failed payment of yesterday and say why"({ ada, on }) {
    await ada.search("status:failed created:yesterday");
    await ada.link(on.failed);
    await ada.sees(/insufficient.funds/);
  },
  async "refund 20.00"({ ada, on }) {
    await ada.search(on.small);
    await ada.act("Refund", { amount: "20.00" }, "Ask for the refund");
    await ada.watches("succeeded");
    await ada.search(on.small);
    await ada.watches("20.00");
  },
  async "request 6,000.00 and approve as another"({ ada, ben, on }) {
    await ada.search(on.large);
    await ada.act("Refund", { amount: "6000.00" }, "Ask for the refund");
    await ada.act("Confirm", {}, "Confirm it");
    await ada.sees("You asked for it, so somebody else approves or rejects it.");
    const operation = (await ada.page.locator("h1 .id").innerText()).trim();
    await ben.place("approvals");
    await ben.link(operation);
    await ben.act("Approve", { reason: "checked with the buyer" }, "Approve it");
    await ben.watches("succeeded");
  },
  async "explain a ban and lift it"({ ada, on }) {
    await ada.place("bans");
    await ada.link(on.banned);
    await ada.sees("counts");
    await ada.act("Lift the ban", { reason: "the bank was wrong" }, "Lift the ban");
    await ada.sees("Done: Decide on ban.");
  },
  async "find the webhook of a payment and replay it"({ ada, on }) {
    await ada.place("webhooks");
    await ada.fill(ada.page.locator("#filter-object"), on.webhook);
    await ada.press(ada.page.getByRole("button", { name: "Filter" }));
    await ada.press(ada.page.locator("tbody a.id"));
    await ada.act("Plan a replay", {}, "Plan the replay");
    await ada.act("Run it", {}, "Run the replay");
    await ada.watches("applied");
  },
  async "group dead letters, plan, run, watch"({ ada }) {
    await ada.place("dead-letters");
    await ada.press(ada.page.locator("tbody a"));
    await ada.sees("What a replay would do now");
    await ada.act("Plan a replay", {}, "Plan the replay");
    await ada.act("Run it", {}, "Run the replay");
    await ada.watches("dead");
  },
  async "make the month's report"({ ada }) {
    await ada.place("reports");
    const month = ada.page.locator("section.panel").filter({ has: ada.page.getByRole("heading", { name: "Month" }) });
    await ada.press(month.getByRole("button", { name: "Make" }));
    await ada.sees("disputes.csv");
    const coming = ada.page.waitForEvent("download");
    await ada.press(ada.page.locator("a.button"));
    const file = await (await coming).path();
    const text = fs.readFileSync(file, "latin1");
    if (!text.includes("manifest.json") || text.length % 512 !== 0) throw new Error("the download is no archive of the report");
  },
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const [round, on] of Object.entries(rounds)) {
  const said = [];
  const person = async (token) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, javaScriptEnabled: round !== "without scripts" });
    await context.addCookies([{ name: "tidegate", value: token, url: base }]);
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", (error) => said.push(String(error)));
    return new Person(page, round === "by keyboard");
  };
  const [ada, ben] = await Promise.all([on.requester, approver].map(person));
  for (const [task, work] of Object.entries(tasks)) {
    const began = Date.now();
    await Promise.all([ada, ben].map((one) => one.page.goto(base)));
    const failed = await work({ ada, ben, on }).then(() => null, (error) => `${error.message} at ${ada.page.url()}`);
    console.log(JSON.stringify({ round, task, failed, said, ms: Date.now() - began }));
  }
  await Promise.all([ada, ben].map((one) => one.page.context().close()));
}
await browser.close();
