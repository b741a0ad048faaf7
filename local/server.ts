/**
 * All services behind one port of this machine, as AWS_ENDPOINT_URL wants it. The SDK's Kinesis client speaks HTTP/2 in plain text without asking
 * first, others HTTP/1.1: the first bytes of a connection tell. `X-Amz-Target` names the service; what has none is S3,
 * unless it was signed for another service.
 */
import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { type AddressInfo, createServer as createTcp, type Socket, type Server as TcpServer } from "node:net";
import { AwsError } from "./aws-error.ts";
import { operationOf, sendError } from "./aws-json.ts";
import type { Clock } from "./clock.ts";
import type { Access } from "./iam/access.ts";
import { attachCheck } from "./request-access.ts";
import { callerOf } from "./table-callers.ts";

/** One AWS service. A request over HTTP/2 comes in Node's compatible form of the same two objects. */
export interface Service {
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** For the count of requests; needed only where `X-Amz-Target` does not say it. */
  operationOf?(request: IncomingMessage): string;
}

export interface ServerOptions {
  /** 0 or none: any free port. */
  readonly port?: number;
  readonly clock: Pick<Clock, "now">;
  /** Everybody may do everything by default. */
  readonly access?: Pick<Access, "check" | "unchecked">;
  /** True refuses a request as one too many, before it is carried out. */
  readonly slowDown?: ((asked: AskedRequest) => boolean) | undefined;
  readonly services: {
    readonly kinesis: Service;
    readonly dynamodb: Service;
    readonly firehose?: Service;
    readonly cloudwatch?: Service;
    readonly s3: Service;
    readonly sqs?: Service;
    readonly sns?: Service;
    readonly lambda?: Service;
    readonly states?: Service;
    readonly events?: Service;
    readonly athena?: Service;
  };
}

/** A request to S3 or Kinesis by one that is known by an access key. */
export interface AskedRequest {
  readonly caller: string;
  readonly service: "s3" | "kinesis";
  readonly operation: string;
}

export interface Server {
  readonly url: string;
  readonly port: number;
  /** Requests by service and operation, such as `kinesis` and `PutRecords`. */
  requests(): Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Closes the port and every connection, also those with a request in flight. */
  stop(): Promise<void>;
}

export async function startServer({ port = 0, clock, access, slowDown, services }: ServerOptions): Promise<Server> {
  const requests: Record<string, Record<string, number>> = {};
  let requestCount = 0;

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    response.setHeader("date", new Date(clock.now()).toUTCString());
    // Request ids are counted, not drawn, so that a run can be repeated to the byte.
    const requestId = `00000000-0000-4000-8000-${String(++requestCount).padStart(12, "0")}`;
    response.setHeader("x-amzn-requestid", requestId);
    const name = serviceOf(request);
    const service = name === null ? undefined : services[name];
    if (name === null || service === undefined) {
      refuse(request, response, Object.keys(services));
      return;
    }
    const operation = service.operationOf?.(request) ?? operationOf(request);
    const counts = requests[name] ?? {};
    counts[operation] = (counts[operation] ?? 0) + 1;
    requests[name] = counts;
    if (access !== undefined) watchAccess({ access, slowDown }, name, operation, request, response);
    service.handle(request, response);
  };

  const http1 = createHttp1({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }, handle);
  const http2 = createHttp2((request: Http2ServerRequest, response: Http2ServerResponse) =>
    handle(request as unknown as IncomingMessage, response as unknown as ServerResponse),
  );
  const sockets = new Set<Socket>();
  const tcp = createTcp({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // A client that goes away is its own affair.
    socket.on("error", () => socket.destroy());
    sniff(socket, (isHttp2) => (isHttp2 ? http2 : http1).emit("connection", socket));
  });

  const boundPort = await listen(tcp, port);
  return {
    url: `http://127.0.0.1:${boundPort}`,
    port: boundPort,
    requests: () => structuredClone(requests),
    stop: () =>
      new Promise((resolve) => {
        tcp.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** The service asks when it has read the request; that it did is seen to, for a function's requests. */
function watchAccess(
  { access, slowDown }: { readonly access: NonNullable<ServerOptions["access"]> } & Pick<ServerOptions, "slowDown">,
  service: ServiceName,
  operation: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const caller = callerOf(request);
  let checked = false;
  attachCheck(request, (name, input) => {
    checked = true;
    access.check(caller, service, name, input);
    if ((service === "s3" || service === "kinesis") && slowDown?.({ caller, service, operation }))
      throw tooMany[service]();
  });
  response.once("finish", () => {
    if (!checked) access.unchecked(caller, service, operation);
  });
}

/** As each of them says it; the SDK tries both again. */
const tooMany = {
  s3: () => new AwsError("SlowDown", "Please reduce your request rate.", 503),
  kinesis: () => new AwsError("ProvisionedThroughputExceededException", "Rate exceeded for shard."),
};

type ServiceName = keyof ServerOptions["services"];

const targetPrefixes: ReadonlyMap<string, ServiceName> = new Map([
  ["Kinesis", "kinesis"],
  ["DynamoDB", "dynamodb"],
  ["Firehose", "firehose"],
  // CloudWatch, by the name it had inside AWS.
  ["GraniteServiceVersion20100801", "cloudwatch"],
  ["AmazonSQS", "sqs"],
  ["AWSStepFunctions", "states"],
  // EventBridge, by the name that it has in ARNs.
  ["AWSEvents", "events"],
  ["AmazonAthena", "athena"],
]);

/** Services without `X-Amz-Target`, by the name that requests are signed for. */
const signedNames: ReadonlyMap<string, ServiceName> = new Map([
  ["s3", "s3"],
  ["sns", "sns"],
  ["lambda", "lambda"],
]);

function serviceOf(request: IncomingMessage): ServiceName | null {
  const target = request.headers["x-amz-target"];
  if (target === undefined) return signedNames.get(signedFor(request) ?? "s3") ?? null;
  return targetPrefixes.get(String(target).split(/[_.]/)[0] ?? "") ?? null;
}

/** The service in the scope of a signature, `Credential=KEY/20260102/us-east-1/lambda/aws4_request`; null without a signature in the header. */
function signedFor(request: IncomingMessage): string | null {
  return /Credential=[^,]*\/([\w-]+)\/aws4_request/.exec(request.headers.authorization ?? "")?.[1] ?? null;
}

function refuse(request: IncomingMessage, response: ServerResponse, names: readonly string[]): void {
  request.resume();
  const asked = request.headers["x-amz-target"] ?? signedFor(request);
  const message = `${asked} is not supported by the local runtime. It has ${names.join(", ")}.`;
  const code = "UnknownOperationException";
  // The query protocol (SNS, STS, CloudFormation, …) reads an error from XML only.
  if (request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded")) {
    response.statusCode = 400;
    response.setHeader("content-type", "text/xml");
    response.end(`<ErrorResponse><Error><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`);
  } else {
    sendError(response, "application/x-amz-json-1.1", new AwsError(code, message));
  }
}

/** HTTP/2 with prior knowledge begins with `PRI`, which no HTTP/1.1 method does; `PR` could still be PROPFIND. */
const http2Preface = Buffer.from("PRI");

function sniff(socket: Socket, found: (isHttp2: boolean) => void): void {
  let head: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    const isPrefix = http2Preface.subarray(0, head.length).equals(head.subarray(0, http2Preface.length));
    if (isPrefix && head.length < http2Preface.length) return;
    socket.off("data", onData);
    socket.pause();
    socket.unshift(head);
    found(isPrefix);
    process.nextTick(() => socket.resume());
  };
  socket.on("data", onData);
}

function listen(tcp: TcpServer, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    tcp.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "EADDRINUSE"
          ? new Error(`Port ${port} is in use: stop the other program or pass --port N`)
          : new Error(`Expected to listen on port ${port} of 127.0.0.1: ${error.message}`),
      ),
    );
    tcp.listen(port, "127.0.0.1", () => resolve((tcp.address() as AddressInfo).port));
  });
}
