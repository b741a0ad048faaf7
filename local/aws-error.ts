/** Carried out, but nobody hears of it: the connection breaks in place of a reply. */
export class LostReply extends Error {}

/** An error with AWS's name, which goes over the wire in the form of the service's protocol. */
export class AwsError extends Error {
  readonly code: string;
  readonly statusCode: number;

  constructor(code: string, message: string, statusCode = 400) {
    super(message);
    this.name = code;
    this.code = code;
    this.statusCode = statusCode;
  }
}
