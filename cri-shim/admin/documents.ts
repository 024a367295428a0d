import type { AppliedRecord } from '#lib/node/store/use-note';
import type { Refusal } from '../report/recent.ts';
import type { ReportedProfiles } from '../report/reported-profiles.ts';

/** What the shim answers to `GET /v1/status`. */
export interface NodeStatus {
  readonly version: string;
  readonly commit?: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly isReady: boolean;
  readonly checks: readonly { readonly name: string; readonly problem?: string }[];
  readonly runtime: { readonly socket: string; readonly name?: string; readonly version?: string };
  /** Who resolves profiles of type OCI to effective profiles. */
  readonly ociProfiles: {
    /** Absent if it is not known, because the runtime does not answer. */
    readonly resolvedBy?: 'runtime' | 'shim';
    /** Why the shim does it, or why that is not known. */
    readonly reason?: string;
  };
  readonly policy: {
    readonly source: string;
    readonly revision: string;
    readonly rules: number;
    /** Why the files are not in force. */
    readonly problem?: string;
  };
  readonly store: { readonly directory: string; readonly artifacts: number; readonly bytes: number };
  /** The latest ones, the latest first. */
  readonly refusals: readonly Refusal[];
}

/** An artifact on the node. */
export interface NodeProfile {
  readonly kind: string;
  readonly digest: string;
  readonly references: readonly string[];
  readonly bytes: number;
  /** `match` of the rule of the policy in force that is for it; absent if no rule is. */
  readonly rule?: string;
  /** Who signed it, as verified for the newest of `containers`; absent without a record of that. */
  readonly signers?: readonly string[];
  /** RFC 3339. */
  readonly lastUsed: string;
  /** IDs of the containers and sandboxes that were created with it. */
  readonly containers: readonly string[];
}

/** What the shim answers to `GET /v1/profiles`. */
export interface NodeProfiles {
  readonly profiles: readonly NodeProfile[];
}

/** A container of a pod, or its sandbox. */
export interface ExplainedContainer {
  readonly id: string;
  /** Absent for the sandbox. */
  readonly name?: string;
  readonly state: string;
  /** Digests of the artifacts that it was created with. */
  readonly artifacts: readonly string[];
  /** Its AppArmor profile in the kernel, if it is one of Fairlead. */
  readonly appArmor?: string;
  /** How many containers of other pods have the same; absent if none has. */
  readonly appArmorElsewhere?: number;
  /** How they were applied; empty if an older release did, which kept no record of it. */
  readonly applied: readonly AppliedRecord[];
  /** What the runtime reports. */
  readonly runtime: ReportedProfiles;
}

/** What the shim answers to `GET /v1/pods/NAMESPACE/NAME`. */
export interface PodExplanation {
  readonly pod: string;
  readonly containers: readonly ExplainedContainer[];
  /** What of the latest refusals of the shim was for the pod, the latest first. */
  readonly refusals: readonly Refusal[];
}

/** What the shim answers to `POST /v1/pull`. */
export interface NodePull {
  readonly reference: string;
  readonly kind: string;
  readonly digest: string;
  readonly cached: boolean;
  readonly rule: string;
  readonly signers: readonly string[];
}
