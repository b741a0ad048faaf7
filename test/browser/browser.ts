/** Chromium as MILLRACE_CHROMIUM names it, with an empty profile and no business of its own on the network. */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function openBrowser(): Promise<{ readonly context: BrowserContext; stop(): Promise<void> }> {
  const profile = mkdtempSync(join(tmpdir(), "millrace-chromium-"));
  const executablePath = process.env.MILLRACE_CHROMIUM as string;
  const context = await chromium.launchPersistentContext(profile, { executablePath, args: ARGUMENTS });
  return {
    context,
    async stop() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** What the page said on its console as an error, and what it threw. */
export function complaintsOf(page: Page): readonly string[] {
  const complaints: string[] = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  return complaints;
}

/** What axe finds wrong with the page as it is now. */
export async function violationsOf(page: Page): Promise<readonly string[]> {
  await page.addScriptTag({ path: createRequire(import.meta.url).resolve("axe-core/axe.min.js") });
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  });
}

/** By how many pixels something is wider than the screen. */
export function overflow(page: Page): Promise<number> {
  return page.locator("body").evaluate((body) => body.scrollWidth - body.clientWidth);
}

/** Kept where MILLRACE_SCREENSHOTS names a folder: the whole page, and its first screen, of which docs/dashboard.png is one. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.MILLRACE_SCREENSHOTS;
  if (folder === undefined) return;
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  await page.evaluate("scrollTo(0, 0)");
  await page.screenshot({ path: join(folder, `${name}-screen.png`) });
}

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}
