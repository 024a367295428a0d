import type { SeccompAction, SeccompArg, SeccompOperator, SeccompProfile, SeccompRule } from '../model.ts';

/** The parts of a profile, as they were read: undefined if the document does not have them. */
export type SeccompParts = {
  readonly [Name in keyof SeccompProfile]-?: undefined extends SeccompProfile[Name]
    ? SeccompProfile[Name] | undefined
    : SeccompProfile[Name];
};

/** Returns a profile that has just the fields that are there, always in the same order. */
export function assembleProfile(parts: SeccompParts): SeccompProfile {
  const { defaultAction, defaultErrnoRet, architectures, flags, listenerPath, listenerMetadata, syscalls } = parts;
  return {
    defaultAction,
    ...(defaultErrnoRet === undefined ? {} : { defaultErrnoRet }),
    ...(architectures === undefined ? {} : { architectures }),
    ...(flags === undefined ? {} : { flags }),
    ...(listenerPath === undefined ? {} : { listenerPath }),
    ...(listenerMetadata === undefined ? {} : { listenerMetadata }),
    ...(syscalls === undefined ? {} : { syscalls }),
  };
}

/**
 * Returns a rule that has just the fields that are there. Thousands are kept: what is spread into
 * an object takes half as much again.
 */
export function assembleRule(
  names: readonly string[],
  action: SeccompAction,
  errnoRet: number | undefined,
  args: readonly SeccompArg[] | undefined,
): SeccompRule {
  if (args === undefined) return errnoRet === undefined ? { names, action } : { names, action, errnoRet };
  return errnoRet === undefined ? { names, action, args } : { names, action, errnoRet, args };
}

/** Returns a condition, with a second value if there is one. */
export function assembleArg(
  index: number,
  value: bigint,
  valueTwo: bigint | undefined,
  op: SeccompOperator,
): SeccompArg {
  return valueTwo === undefined ? { index, value, op } : { index, value, valueTwo, op };
}
