import type { Json } from '../api/shared/json.ts';

/** A field whose values have other names in the old version. */
export interface RenamedValues {
  readonly rule: 'renamed';
  /** The field, the same in both versions, with dots between keys. */
  readonly field: string;
  /** The value in the old version and in v1. */
  readonly values: readonly (readonly [old: Json, v1: Json])[];
  /** Other values that only the old version has. */
  readonly aliases?: readonly (readonly [old: Json, v1: Json])[];
}

/** A field of manifests before SPO 1.0 that is elsewhere in both versions of today. */
export interface MovedField {
  readonly rule: 'moved';
  readonly from: string;
  readonly to: string;
  /** The values, if they have other names; another value is left where it is. */
  readonly values?: readonly (readonly [before: Json, today: Json])[];
  /** Set if only a value of this type is the field before 1.0. */
  readonly type?: 'string';
  /**
   * Values of the field of today that the API server may have filled in. If both fields are there,
   * the one of today counts, unless it has such a value.
   */
  readonly defaults?: readonly Json[];
}

/** A field that the old version does not have. */
export interface NewField {
  readonly rule: 'new';
  readonly field: string;
}

export type Rule = RenamedValues | MovedField | NewField;

/** What differs between the versions of a kind. What no rule names is the same in both. */
export interface ConversionTable {
  readonly kind: string;
  /** The older version. The newer one is v1. */
  readonly old: string;
  /** In the order in which an old object becomes one of v1. */
  readonly rules: readonly Rule[];
}
