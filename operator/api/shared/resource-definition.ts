import type * as v from 'valibot';

/** The API group of the Security Profiles Operator, whose APIs Fairlead serves. */
export const profilesGroup = 'security-profiles-operator.x-k8s.io';

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'date';
  readonly jsonPath: string;
  /** Columns above 0 are shown with `-o wide`. */
  readonly priority?: number;
}

/** One version of an API. */
export interface ResourceVersion {
  readonly name: string;
  /** The schema of `{spec, status}`. */
  readonly schema: v.GenericSchema;
}

/** An API of the operator: a custom resource in all of its versions. */
export interface ResourceDefinition {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly scope: 'Cluster' | 'Namespaced';
  /** What an object is for, in a few sentences. */
  readonly description: string;
  /** The same in all versions. */
  readonly columns: readonly PrinterColumn[];
  /** The version that is stored, which controllers use. */
  readonly stored: ResourceVersion;
  /** The older version, which is served too. */
  readonly older: ResourceVersion;
}
