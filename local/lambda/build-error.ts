/** A function that cannot be built; the message names the function, the file and the line. */
export class BuildError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BuildError";
  }
}
