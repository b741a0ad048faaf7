import { defineConfig } from "vitest/config";

/** These need Python clients, which `.ci/run` installs and names; plain `npm test` needs Node only. */
const clients = process.env.MILLRACE_CLIENT_TOOLS === undefined ? ["test/clients/**"] : [];

/** These need Chromium, which `.ci/run` installs and names. */
const browser = process.env.MILLRACE_CHROMIUM === undefined ? ["test/browser/**"] : [];

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["**/node_modules/**", ...clients, ...browser],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
