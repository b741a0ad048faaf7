/** What the runtime refuses about a template. The message begins with `file:line` and says what to do. */
export class TemplateError extends Error {
  constructor(file: string, line: number, message: string) {
    super(`${file}:${line}: ${message}`);
    this.name = "TemplateError";
  }
}
