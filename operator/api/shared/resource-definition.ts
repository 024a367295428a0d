import type * as v from 'valibot';

/** The API group of the Security Profiles Operator, whose APIs Fairlead serves. */
export const profilesGroup = 'security-profiles-operator.x-k8s.io';

/** The API group of Fairlead's own APIs. */
export const fairleadGroup = 'fairlead.dev';

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'date' | 'integer';
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

/** An API of the operator: a custom resource, in one version or in two. */
export interface ResourceDefinition {
  readonly group: typeof profilesGroup | typeof fairleadGroup;
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
  /** An older version, which is served too: the webhook of the operator converts objects. */
  readonly older?: ResourceVersion;
}

/** An API that is served in two versions. */
export type ConvertedResource = ResourceDefinition & { readonly older: ResourceVersion };
