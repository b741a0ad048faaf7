/** What crosses the thread between the host and a function's worker. Payloads are JSON text, as between Lambda and its runtime. */
export interface WorkerSettings {
  readonly handlerFile: string;
  readonly handlerExport: string;
  readonly workerFile: string;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memoryMB: number;
  readonly logGroup: string;
}

export interface InvokeMessage {
  readonly requestId: string;
  readonly payload: string;
  readonly timeoutMs: number;
  /** In virtual time: what `Date` shows, for the whole invocation. Null: the machine's time. */
  readonly frozenMs: number | null;
}

export type WorkerMessage =
  | { readonly kind: "log"; readonly text: string }
  | { readonly kind: "answer"; readonly requestId: string; readonly payload: string }
  | ({ readonly kind: "error" } & Failure)
  /** The module does not load, or has no such handler: the thread can serve no invocation. */
  | ({ readonly kind: "loadError" } & Failure);

interface Failure {
  readonly requestId: string;
  readonly errorType: string;
  readonly errorMessage: string;
}
