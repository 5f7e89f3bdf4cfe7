// Does the tasks of a day in Chromium: `node tasks.mjs NODE_MODULES BASE`, and as JSON on stdin the tokens of whoever approves
// and of an administrator, and, for each round, the token of whoever asks and what there is to work on. A round is with scripts,
// without them, or by keyboard alone. Prints one JSON object a task.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const [installed, base] = process.argv.slice(2);
const { chromium } = createRequire(path.resolve(installed, "node_modules/x.js"))("playwright-core");
const { approver, administrator, rounds } = JSON.parse(fs.readFileSync(0, "utf8"));
const TABS = 200;
const PATIENCE_MS = 15_000;
const PDF = { name: "bill.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\n<< /Type /Page >>\n%%EOF\n") };
const PASSWORD = "four plain words today";

// What a field is given that takes no typed words: an option, a box that is ticked, a file.
const option = (word) => ({ option: word });
const tick = (word) => ({ tick: word });
const file = (content) => ({ file: content });

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
      if (await place.evaluate((element) => element === document.activeElement)) return;
      await this.page.keyboard.press("Tab");
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

  async choose(target, word) {
    if (!this.byKeys) return target.first().selectOption(word);
    await this.focus(target);
    await this.page.keyboard.type(word.replaceAll("_", " "));
    const chosen = await target.first().inputValue();
    if (chosen !== word) throw new Error(`the keys chose ${chosen}, not ${word}`);
  }

  async tick(target) {
    if (!this.byKeys) return target.first().check();
    await this.focus(target);
    return this.page.keyboard.press("Space");
  }

  // By the dialogue that the field opens.
  async attach(target, content) {
    const coming = this.page.waitForEvent("filechooser");
    await this.press(target);
    return (await coming).setFiles(content);
  }

  give(form, name, given) {
    const field = form.locator(`[name="${name}"]`);
    if (given.option) return this.choose(field, given.option);
    if (given.tick) return this.tick(form.locator(`[name="${name}"][value="${given.tick}"]`));
    if (given.file) return this.attach(field, given.file);
    return this.fill(field, given);
  }

  async search(words) {
    const box = this.page.locator("#search");
    await box.waitFor();
    await this.page.waitForLoadState();
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
    for (const [name, given] of Object.entries(fields)) await this.give(form, name, given);
    // A key does not wait for the page that follows, as a click does.
    const sent = this.press(form.getByRole("button", { name: button, exact: true }));
    await Promise.all([this.page.waitForNavigation(), sent]);
  }

  async sees(text) {
    await this.page.locator("main").getByText(text).filter({ visible: true }).first().waitFor();
  }

  // Looks again until the page says it.
  async watches(text) {
    const ends = Date.now() + PATIENCE_MS;
    while (!(await this.page.locator("main").innerText()).includes(text)) {
      if (Date.now() > ends) throw new Error(`the page never said “${text}”: ${await this.page.locator("main").innerText()}`);
      await this.page.reload().catch(() => {}); // it may be renewing itself at this moment
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
  async "answer a dispute with a file"({ ada, on }) {
    await ada.search(on.disputed);
    await ada.sees("What the bank wants to see");
    await ada.act("Attach a file", { field: option("receipt"), file: file(PDF) }, "Attach it");
    await ada.sees(PDF.name);
    await ada.act("Write a text of the answer", { field: option("product_description"), text: "a featured listing" }, "Save");
    await ada.act("Write a text of the answer", { field: option("access_activity_log"), text: "logged in twice" }, "Save");
    await ada.act("Store the answer at Stripe", {}, "Store it");
    await ada.watches("succeeded");
    await ada.search(on.disputed);
    await ada.sees("NOT submitted");
    await ada.act("Submit the answer", {}, "Submit it for good");
    await ada.watches("succeeded");
    await ada.search(on.disputed);
    await ada.watches("under review");
  },
  async "explain a ban and lift it"({ ada, on }) {
    await ada.place("bans");
    await ada.link(on.banned);
    await ada.sees("counts");
    await ada.act("Lift the ban", { reason: "the bank was wrong" }, "Lift the ban");
    await ada.sees("The decision was kept.");
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
  async "pause the workers and resume them"({ ada, on }) {
    await ada.place("workers");
    await ada.act("Pause", { reason: `moving the ledger, ${on.round}` }, "Pause the workers");
    await ada.sees("Every worker is paused by");
    await ada.act("Resume", {}, "Resume the workers");
    await ada.sees("Workers take events from the queue");
    await ada.sees(`moving the ledger, ${on.round}`);
  },
  async "invite a colleague who may only read"({ admin, eve, on }) {
    await admin.place("staff");
    await admin.act("Add a person", { name: on.colleague, roles: tick("auditor") }, "Add the person");
    await admin.act("Invite", {}, "Make the link");
    const invitation = new URL((await admin.page.locator("#secret").innerText()).trim());
    await eve.page.goto(`${base}${invitation.pathname}${invitation.search}`);
    for (const field of ["password", "again"]) await eve.fill(eve.page.locator(`#${field}`), PASSWORD);
    await eve.press(eve.page.getByRole("button", { name: "Set password" }));
    await eve.link("Sign in");
    await eve.fill(eve.page.locator("#name"), on.colleague);
    await eve.fill(eve.page.locator("#password"), PASSWORD);
    await eve.press(eve.page.getByRole("button", { name: "Continue" }));
    await eve.search(on.small);
    await eve.sees("needs billing:request");
    const forms = await eve.page.locator('form[action^="/do/"]').count();
    if (forms > 0) throw new Error(`who may only read is shown ${forms} forms that do something`);
    const sent = await eve.page.request.post(`${base}/do/api/v1/operations`, {
      headers: { "sec-fetch-site": "same-origin" },
      form: { once: "form_0123456789abcdef", kind: "refund", payment: on.small, amount: "1.00" },
    });
    if (sent.status() !== 403) throw new Error(`a forged form of theirs is answered ${sent.status()}`);
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
    if (token) await context.addCookies([{ name: "tidegate", value: token, url: base }]);
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", (error) => said.push(String(error)));
    return new Person(page, round === "by keyboard");
  };
  const [ada, ben, admin, eve] = await Promise.all([on.requester, approver, administrator, null].map(person));
  const all = [ada, ben, admin, eve];
  for (const [task, work] of Object.entries(tasks)) {
    const began = Date.now();
    await Promise.all(all.map((one) => one.page.goto(base)));
    const failed = await work({ ada, ben, admin, eve, on }).then(() => null, (error) => `${error.message} at ${ada.page.url()}`);
    console.log(JSON.stringify({ round, task, failed, said, ms: Date.now() - began }));
  }
  await Promise.all(all.map((one) => one.page.context().close()));
}
await browser.close();
