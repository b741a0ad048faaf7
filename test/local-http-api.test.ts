import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LambdaClient, ListEventSourceMappingsCommand, UpdateEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { matchRoute } from "../local/http-api/match.ts";
import { readRoutes } from "../local/http-api/read-routes.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { loadTemplate } from "../local/template/load.ts";
import { createProject, functionResource, type Project } from "./local-project/project.ts";
import { documentedRoutes, faultsOf } from "./openapi.ts";

const startMs = Date.UTC(2026, 0, 2);
const root = join(import.meta.dirname, "..");
const templatePath = join(root, "template.yaml");

describe("the pipeline's HTTP API", () => {
  const outDir = mkdtempSync(join(tmpdir(), "millrace-api-"));
  let runtime: Runtime;
  beforeAll(async () => {
    const definitionsDir = join(root, "test", "shop");
    runtime = await startRuntime({
      templatePath,
      definitionsDir,
      outDir,
      apiPort: 0,
      clock: { kind: "virtual", startMs },
    });
    for (const [at, type] of ["view_item", "view_item", "purchase"].entries()) {
      const time = new Date(runtime.clock.now()).toISOString();
      const event = {
        event_id: `e${at}`,
        event_type: type,
        event_time: time,
        user_id: "u/1",
        item_id: "i1",
        amount: 3,
      };
      runtime.stream("EventStream").put({ partitionKey: "u/1", data: Buffer.from(JSON.stringify(event)) });
      await runtime.advanceTo(runtime.clock.now() + 1000);
    }
    await runtime.advanceTo(runtime.clock.now() + 10_000);
  });
  afterAll(async () => {
    await runtime.stop();
    rmSync(outDir, { recursive: true, force: true });
  });

  const ask = async (route: string, path: string, body?: unknown) => {
    const request = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const response = await fetch(`${runtime.apiUrl}${path}`, request);
    const contentType = String(response.headers.get("content-type"));
    const answer = { status: response.status, contentType, body: (await response.json()) as Record<string, unknown> };
    expect(faultsOf(route, answer)).toEqual([]);
    return answer;
  };

  it("answers with what came through the stream, as docs/openapi.yaml describes it", async () => {
    const vector = { seen: true, lastArrival: "2026-01-02T00:00:02.000Z", features: { views_30s: 2, spend_1h: 3 } };
    const one = await ask("GET /features/{view}/{entity}", "/features/user_activity/u%2F1");
    expect(one.body).toMatchObject({ entity: "u/1", ...vector });
    const many = await ask("POST /features/{view}", "/features/user_activity", { entities: ["nobody", "u/1"] });
    expect(many.body).toMatchObject({
      vectors: [
        { entity: "nobody", seen: false },
        { entity: "u/1", ...vector },
      ],
    });
    const lag = { stale: false, freshness: { state: "measured", objectiveMs: 120_000 } };
    expect((await ask("GET /health", "/health")).body).toMatchObject({ status: "ok", ...lag });

    await runtime.drain();
    const range = "from=2026-01-02T00:00:00Z&to=2026-01-02T01:00:00Z&step=1h";
    const metric = await ask("GET /metrics/{metric}", `/metrics/by_event_type?${range}`);
    expect(metric.body).toMatchObject({ windows: [{ total: { events: 3 } }] });
  });

  it("says that it is stale when its reader is switched off, and no more when that is on again", async () => {
    const lambda = new LambdaClient({
      endpoint: runtime.url,
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    });
    const { EventSourceMappings: found = [] } = await lambda.send(
      new ListEventSourceMappingsCommand({ FunctionName: "update-features" }),
    );
    const UUID = found[0]?.UUID;
    const minutesLater = (minutes: number) => runtime.advanceTo(runtime.clock.now() + minutes * 60_000);
    const health = async () => (await ask("GET /health", "/health")).body;
    await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
    await minutesLater(7);
    expect(await health()).toMatchObject({ stale: false, freshness: { state: "idle" } });
    runtime.stream("EventStream").put({ partitionKey: "u/1", data: Buffer.from("{}") });
    await minutesLater(3);
    expect(await health()).toMatchObject({ status: "behind", stale: true, freshness: { state: "stopped" } });
    await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: true }));
    await minutesLater(1);
    // What it was handed late is told as late, and then as nothing.
    expect(await health()).toMatchObject({ stale: true, freshness: { state: "measured" } });
    await minutesLater(7);
    expect(await health()).toMatchObject({ status: "ok", stale: false, freshness: { state: "idle" } });
    lambda.destroy();
  });

  it("refuses with a problem document, and what has no route as API Gateway does", async () => {
    const problem = await ask("GET /features/{view}/{entity}", "/features/nothing/u1");
    expect(problem).toMatchObject({ status: 404, contentType: "application/problem+json" });
    const unknown = await fetch(`${runtime.apiUrl}/feature/user_activity/u1`);
    expect([unknown.status, await unknown.json()]).toEqual([404, { message: "Not Found" }]);
    const wrongMethod = await fetch(`${runtime.apiUrl}/health`, { method: "PUT" });
    expect(wrongMethod.status).toBe(404);
  });
});

describe("the routes of the template", () => {
  const template = (parameters: Readonly<Record<string, string>>) =>
    loadTemplate({ templatePath, templateText: readFileSync(templatePath, "utf8"), parameters });
  const securities = (parameters: Readonly<Record<string, string>>) => {
    const [api] = template(parameters).of("AWS::Serverless::HttpApi");
    const body = api?.properties.DefinitionBody as unknown;
    const { paths } = body as { paths: Record<string, Record<string, { security: unknown }>> };
    return Object.values(paths).flatMap((path) => Object.values(path).map(({ security }) => security));
  };

  it("are those of docs/openapi.yaml", () => {
    const keys = readRoutes(template({})).map(({ key }) => key);
    expect(keys.sort()).toEqual([...documentedRoutes].sort());
  });

  it("all ask for an AWS signature, or for a token where its issuer is given", () => {
    expect(securities({})).toEqual(documentedRoutes.map(() => [{ Iam: [] }]));
    const jwt = { JwtIssuer: "https://issuer.example", JwtAudience: "millrace" };
    expect(securities(jwt)).toEqual(documentedRoutes.map(() => [{ Jwt: [] }]));
    expect(() => template({ JwtIssuer: "https://issuer.example" })).toThrow(/JwtAudience must say/);
  });
});

describe("which route a request takes", () => {
  const routes = ["/a/{x}", "/a/b", "/a/{rest+}", "/{x}/{y}/c"].map((path) => ({
    key: `GET ${path}`,
    method: "GET",
    path,
    functionArn: path,
  }));
  const match = (path: string, method = "GET") => {
    const found = matchRoute(routes, method, path);
    return found === null ? null : [found.route.path, found.parameters];
  };

  it("prefers a text to a parameter, and a parameter to one that takes the rest", () => {
    expect(match("/a/b")).toEqual(["/a/b", {}]);
    expect(match("/a/c")).toEqual(["/a/{x}", { x: "c" }]);
    expect(match("/a/b/c/d")).toEqual(["/a/{rest+}", { rest: "b/c/d" }]);
    expect(match("/x/y/c")).toEqual(["/{x}/{y}/c", { x: "x", y: "y" }]);
  });

  it("decodes parameters, and takes an encoded slash for a part of one", () => {
    expect(match("/a/u%2F1%20x")).toEqual(["/a/{x}", { x: "u/1 x" }]);
    expect(match("/a/%E0%A4%A")).toBeNull();
  });

  it("has none for another method, an empty parameter or a path that is too short", () => {
    expect(match("/a/b", "POST")).toBeNull();
    expect(match("/a/")).toBeNull();
    expect(match("/a")).toBeNull();
  });
});

describe("an HTTP API in front of any function", () => {
  const opened: { project: Project; runtime: Runtime }[] = [];
  afterEach(async () => {
    for (const { project, runtime } of opened.splice(0)) {
      await runtime.stop();
      project.remove();
    }
  });

  it("hands it a request in payload format 2.0, and takes an answer with and without a status", async () => {
    const url = await open(
      "export const handler = async (event: any) => event.rawPath === '/a/plain' ? { plain: true } : " +
        "({ statusCode: 201, headers: { 'x-own': 'yes' }, cookies: ['a=1', 'b=2'], isBase64Encoded: true, body: Buffer.from(JSON.stringify(event)).toString('base64') });",
    );
    const response = await fetch(`${url}/a/x%20y?q=1&q=2&r=`, {
      method: "POST",
      body: Buffer.from([1, 2]),
      headers: { cookie: "c=3; d=4", "content-type": "application/octet-stream" },
    });
    expect([response.status, response.headers.get("x-own")]).toEqual([201, "yes"]);
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(await response.json()).toMatchObject({
      version: "2.0",
      routeKey: "POST /a/{x}",
      rawPath: "/a/x%20y",
      rawQueryString: "q=1&q=2&r=",
      cookies: ["c=3", "d=4"],
      queryStringParameters: { q: "1,2", r: "" },
      pathParameters: { x: "x y" },
      requestContext: {
        http: { method: "POST", path: "/a/x%20y" },
        routeKey: "POST /a/{x}",
        stage: "$default",
        time: "02/Jan/2026:00:00:00 +0000",
        timeEpoch: startMs,
      },
      body: "AQI=",
      isBase64Encoded: true,
    });
    const plain = await fetch(`${url}/a/plain`, { method: "POST", body: "text" });
    expect([plain.status, plain.headers.get("content-type"), await plain.json()]).toEqual([
      200,
      "application/json",
      { plain: true },
    ]);
  });

  it("answers for a function that fails as API Gateway does, without its error", async () => {
    const url = await open("export const handler = async () => { throw new Error('secret'); };");
    const response = await fetch(`${url}/a/x`, { method: "POST" });
    expect([response.status, await response.json()]).toEqual([500, { message: "Internal Server Error" }]);
  });

  it("refuses what it would not run as AWS does, with its line", async () => {
    const broken = api.replace('"2.0"', '"1.0"');
    const templateText = `Transform: AWS::Serverless-2016-10-31\nResources:\n${functionResource("One")}\n${broken}`;
    const template = loadTemplate({ templatePath: "/somewhere/template.yaml", templateText });
    expect(() => readRoutes(template)).toThrow(
      /^template\.yaml:\d+: Api \/a\/\{x\}: the local runtime integrates functions only/,
    );
  });

  const api = `
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      DefinitionBody:
        paths:
          /a/{x}:
            post:
              x-amazon-apigateway-integration:
                type: aws_proxy
                payloadFormatVersion: "2.0"
                uri: !Sub arn:aws:apigateway:\${AWS::Region}:lambda:path/2015-03-31/functions/\${One.Arn}/invocations`;

  async function open(handler: string): Promise<string> {
    const text = `Transform: AWS::Serverless-2016-10-31\nResources:\n${functionResource("One")}\n${api}`;
    const project = createProject({ "template.yaml": text, "one/handler.ts": handler });
    const { templatePath: path, outDir } = project;
    const runtime = await startRuntime({ templatePath: path, outDir, apiPort: 0, clock: { kind: "virtual", startMs } });
    opened.push({ project, runtime });
    return String(runtime.apiUrl);
  }
});
