/** The folder of definitions for tests about a shop: not `definitions/`, which a fork replaces by its own domain. */
import { join } from "node:path";
import { projectDir } from "../cli/definitions.ts";

export const shopDir = join(projectDir, "test", "shop");
