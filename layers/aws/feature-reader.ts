/** Where serving finds the items of an entity. */
export interface FeatureReader {
  /** The states of an entity in one view, of all its lanes; none for an entity never seen. Throws when the table cannot be read. */
  items(view: string, entity: string): Promise<readonly Uint8Array[]>;
}
