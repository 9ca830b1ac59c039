// A real browser that another program drives by lines: one JSON command a line in, one JSON answer a line out.
//
// usage: node browser.mjs      reads {"do": "open" | "look" | "fill" | "choose" | "tap" | "press", ...}
//
// Pages run without JavaScript on a narrow phone. What checks a page needs scripts of its own, so a copy
// of the page as it stands is looked at in a context that allows them.

import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({
  executablePath: process.env.CHAKAN_CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
const phone = { locale: "zh-CN", viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true };
const page = await (await browser.newContext({ ...phone, javaScriptEnabled: false })).newPage();
const copy = await (await browser.newContext(phone)).newPage();
const strangers = [];
page.on("request", (request) => {
  if (new URL(request.url()).hostname !== "127.0.0.1") strangers.push(request.url());
});

// What a person with a narrow phone, or one who listens to the page, would stumble over.
async function look(command) {
  if (command.screenshot) await page.screenshot({ path: command.screenshot, fullPage: true });
  await copy.setContent(await page.content());
  const scripts = await copy.evaluate(() => document.scripts.length);
  await copy.evaluate(axe);
  const found = await copy.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
  );
  const seen = await copy.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const wide = [...document.querySelectorAll("body *")].filter((element) => {
      const box = element.getBoundingClientRect();
      return box.width > 0 && box.right > width + 0.5;
    });
    const small = [...document.querySelectorAll("button, input, select, textarea")].filter((element) => {
      const box = element.getBoundingClientRect();
      return box.height > 0 && element.type !== "hidden" && element.type !== "checkbox" && element.type !== "radio" && box.height < 24;
    });
    const name = (element) => `${element.tagName} ${element.textContent.trim().slice(0, 40)}`;
    return {
      lang: document.documentElement.lang,
      title: document.title,
      text: document.body.innerText,
      scrolls: document.documentElement.scrollWidth - width,
      wide: wide.map(name),
      small: small.map(name),
    };
  });
  const violations = found.violations.map(({ id, nodes }) => ({ id, where: nodes.map((node) => node.html.slice(0, 200)) }));
  return { ...seen, scripts, violations, checks: found.passes.length, strangers };
}

async function obey(command) {
  switch (command.do) {
    case "open": {
      const reply = await page.goto(command.url);
      return { status: reply.status(), bytes: (await reply.body()).length };
    }
    case "look":
      return await look(command);
    case "fill":
      await page.fill(command.at, command.text);
      return {};
    case "choose":
      await page.selectOption(command.at, command.value);
      return {};
    case "tap":
      await page.tap(command.at);
      return {};
    case "press": {
      const [reply] = await Promise.all([page.waitForNavigation(), page.click(command.at)]);
      return { status: reply?.status() ?? 0 };
    }
    default:
      throw new Error(`unknown command ${command.do}`);
  }
}

page.setDefaultTimeout(60_000);
for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await obey(JSON.parse(line));
  } catch (fault) {
    answer = { fault: String(fault) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
