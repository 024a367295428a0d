/** A file with manifests. */
export interface ManifestFile {
  /** Its name in messages. */
  readonly name: string;
  readonly text: string;
}

/** A field and its value, as JSON. */
export interface Field {
  /** JSON pointer into the document (RFC 6901). */
  readonly pointer: string;
  readonly value: string;
}

/** Where something is: an object in a file. */
export interface Located {
  readonly file: string;
  /** Line of the field, counted from 1. */
  readonly line: number;
  /** Kind, namespace and name, such as `SeccompProfile web/nginx`. */
  readonly object: string;
}

/** What was changed. */
export interface Change extends Located {
  /** What it was; undefined for a field that is new. */
  readonly from?: Field;
  /** What it is now; undefined for a field that was removed. */
  readonly to?: Field;
  readonly reason: string;
}

/** What only a person can decide. The object stays as it is. */
export interface Decision extends Located {
  readonly code: DecisionCode;
  readonly pointer: string;
  readonly message: string;
  readonly choices: readonly string[];
}

export type DecisionCode =
  | 'ambiguous-reference'
  | 'contradictory-fields'
  | 'name-clash'
  | 'operator-manifest'
  | 'policy-text'
  | 'refused'
  | 'template'
  | 'type-with-namespace'
  | 'unknown-field'
  | 'unknown-version'
  | 'value-out-of-range';

/** What differs in a cluster with Fairlead. Nothing has to be decided for the manifest. */
export interface Notice extends Located {
  readonly code: NoticeCode;
  readonly pointer: string;
  readonly message: string;
}

export type NoticeCode =
  | 'anyone-may-sign'
  | 'ignored-annotation'
  | 'layout-lost'
  | 'namespace-label'
  | 'not-followed'
  | 'not-rewritten'
  | 'not-supported'
  | 'profile-not-found'
  | 'refuses-pods'
  | 'same-profile'
  | 'webhook-options'
  | 'written-by-node';

/** A file after the migration. */
export interface MigratedFile extends ManifestFile {
  readonly changes: readonly Change[];
  readonly decisions: readonly Decision[];
  readonly notices: readonly Notice[];
  /** True if it contains an object of Kubernetes, or nothing is known about it. */
  readonly isManifest: boolean;
}
