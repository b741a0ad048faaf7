/** Serves the page on this machine alone. Other sites that a person has open cannot ask it: neither by another name nor across origins. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Source } from "./source.ts";

export interface DashboardServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** `port` 0: any free port. */
export async function serveDashboard(options: {
  readonly port: number;
  readonly html: string;
  readonly source: Source;
}): Promise<DashboardServer> {
  const { port, html, source } = options;
  const server = createServer((request, response) => {
    answer(request, html, source)
      .catch((error: unknown): Answer => json(500, { problem: error instanceof Error ? error.message : String(error) }))
      .then((given) => send(response, given));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      source.stop();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function answer(request: IncomingMessage, html: string, source: Source): Promise<Answer> {
  const { method, headers } = request;
  // A name that somebody else points at this machine is not ours.
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(headers.host ?? ""))
    return json(403, { problem: "Ask 127.0.0.1." });
  const url = new URL(request.url ?? "/", "http://127.0.0.1");
  const asked = `${method} ${url.pathname}`;
  if (asked === "GET /") return { status: 200, type: "text/html; charset=utf-8", body: html };
  if (asked === "GET /snapshot") return json(200, await source.snapshot());
  if (asked === "GET /features") {
    const found = await source.lookUp(url.searchParams.get("view") ?? "", url.searchParams.get("entity") ?? "");
    return found === null ? json(404, { problem: "There is no such view." }) : json(200, found);
  }
  // Another site's page cannot set this header without asking first, and is never answered.
  if (method === "POST" && url.pathname.startsWith("/press/") && headers["x-millrace"] === "1") {
    const done = source.press(decodeURIComponent(url.pathname.slice("/press/".length)));
    return done === null ? json(404, { problem: "There is no such button." }) : json(200, { done });
  }
  return json(404, { problem: `There is no ${asked} here.` });
}

function json(status: number, body: unknown): Answer {
  return { status, type: "application/json", body: JSON.stringify(body) };
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, {
    "content-type": type,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(body);
}
