// Opens pages in one Chromium: a JSON object in, {"chromium", "profile", "pages": [...]}; out comes,
// for each page, what its script found and what went wrong. Chromium is spoken to over two pipes, in
// the DevTools protocol.

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--allow-file-access-from-files", "--host-resolver-rules=MAP * ~NOTFOUND",
  "--font-render-hinting=none", "--remote-debugging-pipe",
];

class Browser {
  constructor(program, profile) {
    const command = [...FLAGS, `--user-data-dir=${profile}`, "about:blank"];
    this.process = spawn(program, command, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.answers = new Map();
    this.listeners = new Map();
    this.count = 0;
    let rest = "";
    this.process.stdio[4].setEncoding("utf-8").on("data", (data) => {
      const messages = (rest + data).split("\0");
      rest = messages.pop();
      messages.forEach((message) => this.hear(JSON.parse(message)));
    });
    this.ended = new Promise((resolve) => { this.process.on("exit", resolve); });
    this.ended.then((code) => {
      this.answers.forEach(([, reject]) => reject(new Error(`Chromium ended with ${code}`)));
    });
  }

  hear({ id, error, result, method, params, sessionId }) {
    if (id === undefined) {
      this.listeners.get(sessionId)?.(method, params);
      return;
    }
    const [resolve, reject] = this.answers.get(id);
    this.answers.delete(id);
    if (error) reject(new Error(error.message));
    else resolve(result);
  }

  ask(method, params = {}, sessionId = undefined) {
    this.count += 1;
    const id = this.count;
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => { this.answers.set(id, [resolve, reject]); });
  }
}

const found = async (page, expression) => {
  const { result, exceptionDetails: wrong } = await page("Runtime.evaluate", {
    expression, awaitPromise: true, returnByValue: true,
  });
  if (wrong) throw new Error(wrong.exception?.description ?? wrong.text);
  return result.value;
};

async function opened(browser, job) {
  const { url, width, height, scale, theme, scripts, screenshot, tallest } = job;
  const { targetId } = await browser.ask("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await browser.ask("Target.attachToTarget", { targetId, flatten: true });
  const page = (method, params) => browser.ask(method, params, sessionId);
  const problems = [];
  let loaded;
  const load = new Promise((resolve) => { loaded = resolve; });
  browser.listeners.set(sessionId, (method, params) => {
    if (method === "Page.loadEventFired") loaded();
    if (method === "Runtime.exceptionThrown") problems.push(params.exceptionDetails.text);
    if (method === "Log.entryAdded") problems.push(params.entry.text);
  });
  await Promise.all(["Page.enable", "Runtime.enable", "Log.enable"].map((name) => page(name)));
  const features = [{ name: "prefers-color-scheme", value: theme }];
  await page("Emulation.setEmulatedMedia", { features });
  const metrics = { width, height, deviceScaleFactor: scale, mobile: width < 600 };
  await page("Emulation.setDeviceMetricsOverride", metrics);
  await page("Page.navigate", { url });
  await load;
  await found(page, "globalThis.ready");
  let value = null;
  for (const script of scripts) value = await found(page, script);
  if (screenshot) {
    const { cssContentSize: whole } = await page("Page.getLayoutMetrics");
    const { data } = await page("Page.captureScreenshot", {
      captureBeyondViewport: true,
      clip: { x: 0, y: 0, width, height: Math.min(whole.height, tallest ?? whole.height), scale: 1 },
    });
    writeFileSync(screenshot, Buffer.from(data, "base64"));
  }
  await browser.ask("Target.closeTarget", { targetId });
  return { value: value ?? null, problems };
}

const { chromium, profile, pages } = JSON.parse(await text(process.stdin));
const browser = new Browser(chromium, profile);
const results = [];
for (const page of pages) results.push(await opened(browser, page));
await browser.ask("Browser.close");
await browser.ended;
process.stdout.write(JSON.stringify(results));
