/** The package brings no types; this is what the test uses of it. */
declare module "asl-validator" {
  interface Complaint {
    readonly Message?: string;
    readonly message?: string;
  }
  function validator(
    definition: unknown,
    options?: object,
  ): { readonly isValid: boolean; readonly errors: readonly Complaint[] };
  export = validator;
}
