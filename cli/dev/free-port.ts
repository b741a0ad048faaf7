import { createServer } from "node:net";
import { UserError } from "../user-error.ts";

/** Asked before the output folder is emptied: it may be the folder of the very runtime that holds the port. */
export async function requireFreePort(port: number): Promise<void> {
  if (port === 0) return;
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once("error", (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === "EADDRINUSE";
      const problem = isTaken ? `Port ${port} is in use` : `Cannot listen on port ${port}: ${error.message}`;
      reject(new UserError(`${problem}. Stop the other program, or give --port another number.`));
    });
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve()));
  });
}
