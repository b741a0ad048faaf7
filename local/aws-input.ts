/**
 * Fields of an AWS JSON request, checked as AWS checks them: the wrong type is a SerializationException, a value that is missing or out of bounds
 * a ValidationException.
 */
import { AwsError } from "./aws-error.ts";
import type { JsonObject } from "./aws-json.ts";

interface Bounds {
  readonly min: number;
  readonly max: number;
}

export function optionalString(input: JsonObject, field: string): string | undefined {
  const value = input[field] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw wrongType(field, "a string");
}

export function requiredString(input: JsonObject, field: string): string {
  return optionalString(input, field) ?? missing(field);
}

export function optionalInteger(input: JsonObject, field: string, { min, max }: Bounds): number | undefined {
  const value = input[field] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value)) throw wrongType(field, "an integer");
  if (value < min) throw violation(field, value, `Member must have value greater than or equal to ${min}`);
  if (value > max) throw violation(field, value, `Member must have value less than or equal to ${max}`);
  return value;
}

export function requiredInteger(input: JsonObject, field: string, bounds: Bounds): number {
  return optionalInteger(input, field, bounds) ?? missing(field);
}

/** A timestamp of AWS JSON, in epoch seconds with a fraction; here in milliseconds. */
export function optionalTimeMs(input: JsonObject, field: string): number | undefined {
  const value = input[field] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isFinite(value)) throw wrongType(field, "a timestamp in epoch seconds");
  return Math.round(value * 1000);
}

export function optionalObject(input: JsonObject, field: string): JsonObject | undefined {
  const value = input[field] ?? undefined;
  if (value === undefined) return undefined;
  if (!isObject(value)) throw wrongType(field, "an object");
  return value;
}

export function requiredObject(input: JsonObject, field: string): JsonObject {
  return optionalObject(input, field) ?? missing(field);
}

export function optionalBoolean(input: JsonObject, field: string): boolean | undefined {
  const value = input[field] ?? undefined;
  if (value === undefined || typeof value === "boolean") return value;
  throw wrongType(field, "true or false");
}

export function requiredStrings(input: JsonObject, field: string, bounds: Bounds): readonly string[] {
  const value = input[field] ?? missing(field);
  if (!Array.isArray(value) || !value.every((one) => typeof one === "string"))
    throw wrongType(field, "a list of strings");
  checkLength(field, value, bounds);
  return value;
}

export function requiredObjects(input: JsonObject, field: string, bounds: Bounds): readonly JsonObject[] {
  const value = input[field] ?? missing(field);
  if (!Array.isArray(value) || !value.every(isObject)) throw wrongType(field, "a list of objects");
  checkLength(field, value, bounds);
  return value;
}

/** Bytes stand in JSON as base64. */
export function requiredBytes(input: JsonObject, field: string): Buffer {
  const text = requiredString(input, field);
  const bytes = Buffer.from(text, "base64");
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  // Node skips what is not base64; then fewer bytes come out than the length of the text promises.
  if (text.length % 4 !== 0 || bytes.length !== (text.length / 4) * 3 - padding)
    throw wrongType(field, "bytes in base64");
  return bytes;
}

function checkLength(field: string, { length }: readonly unknown[], { min, max }: Bounds): void {
  if (length < min) throw violation(field, "[...]", `Member must have length greater than or equal to ${min}`);
  if (length > max) throw violation(field, "[...]", `Member must have length less than or equal to ${max}`);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function missing(field: string): never {
  throw new AwsError(
    "ValidationException",
    `1 validation error detected: Value null at '${wireName(field)}' failed to satisfy constraint: Member must not be null`,
  );
}

function violation(field: string, value: unknown, constraint: string): AwsError {
  return new AwsError(
    "ValidationException",
    `1 validation error detected: Value '${value}' at '${wireName(field)}' failed to satisfy constraint: ${constraint}`,
  );
}

function wrongType(field: string, expected: string): AwsError {
  return new AwsError("SerializationException", `Expected ${expected} for ${field}.`);
}

/** AWS names a field in its messages with a small first letter. */
function wireName(field: string): string {
  return field.charAt(0).toLowerCase() + field.slice(1);
}
