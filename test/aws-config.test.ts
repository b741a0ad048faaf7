import { readConfig, text, wholeNumber } from "@millrace/aws";
import { describe, expect, it } from "vitest";

const settings = { table: text("FEATURES_TABLE"), hours: wholeNumber("RETENTION_HOURS", { least: 24 }) };

describe("readConfig", () => {
  it("gives what the environment says", () => {
    expect(readConfig({ FEATURES_TABLE: "t", RETENTION_HOURS: "168" }, settings)).toEqual({ table: "t", hours: 168 });
  });

  it("names everything that is missing or wrong at once, and says where to set it", () => {
    expect(() => readConfig({ RETENTION_HOURS: "12" }, settings)).toThrow(
      'FEATURES_TABLE is not set; RETENTION_HOURS must be a whole number from 24, got "12". Set it under Environment of this function in template.yaml.',
    );
  });

  it("takes an empty text for nothing, and only digits for a number", () => {
    expect(() => readConfig({ FEATURES_TABLE: "", RETENTION_HOURS: "24" }, settings)).toThrow(
      "FEATURES_TABLE is not set",
    );
    for (const wrong of ["1e3", "-30", " 30", "30.5", "0x30", "99999999999999999999"]) {
      expect(() => readConfig({ FEATURES_TABLE: "t", RETENTION_HOURS: wrong }, settings)).toThrow(
        "RETENTION_HOURS must be",
      );
    }
  });
});
