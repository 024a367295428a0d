import { createHash } from 'node:crypto';
import type { NewCondition } from '#lib/kube/conditions';
import { annotations, type StoredProfile } from './stored-profile.ts';

/** The syscalls of a profile and of its bases. */
export interface MergedSyscalls {
  /** As JSON. */
  readonly syscalls: string;
  /** The artifacts that they are from, by digest. */
  readonly artifacts: readonly string[];
}

/** The condition of a profile whose annotations hold the syscalls of its bases. */
export const mergedConditionType = 'BaseProfileMerged';

/**
 * Returns the condition that states which annotations the operator has written for a generation of
 * a profile. A user who may write a profile may write its annotations, but not its status.
 */
export function mergedCondition({ syscalls, artifacts }: MergedSyscalls, generation: number | undefined): NewCondition {
  const content = JSON.stringify([generation ?? 0, syscalls, artifacts]);
  const digest = createHash('sha256').update(content).digest('hex');
  return {
    type: mergedConditionType,
    status: 'True',
    reason: 'Merged',
    message: `the annotation ${annotations.syscalls} has the syscalls of this profile and of its bases (sha256:${digest})`,
    observedGeneration: generation,
  };
}

/**
 * Returns what the annotations of a profile state to be merged, if the operator has written them
 * for the present generation: see {@link mergedCondition}.
 */
export function mergedBefore({ annotations: written, metadata, status }: StoredProfile): MergedSyscalls | undefined {
  const syscalls = written.get(annotations.syscalls);
  if (syscalls === undefined) return undefined;
  const merged = { syscalls, artifacts: written.get(annotations.bases)?.split(',') ?? [] };
  const { message } = mergedCondition(merged, metadata.generation);
  const condition = status.conditions?.find(({ type }) => type === mergedConditionType);
  return condition?.status === 'True' && condition.message === message ? merged : undefined;
}
