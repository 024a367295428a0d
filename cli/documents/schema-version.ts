/**
 * The version of the JSON documents (docs/reference/output.md). Fields may be added to a version;
 * one that is removed, or gets another meaning, needs the next version.
 */
export const schemaVersion = 1;
