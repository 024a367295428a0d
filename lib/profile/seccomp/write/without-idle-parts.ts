import { returnsErrno } from '../algebra/outcome.ts';
import type { SeccompProfile } from '../model.ts';

/**
 * Returns the profile without what has no meaning and what other runtimes than runc refuse a
 * profile for: error numbers of actions that return none, and architectures and flags that are
 * listed again.
 */
export function withoutIdleParts(profile: SeccompProfile): SeccompProfile {
  const { defaultErrnoRet, architectures, flags, syscalls, ...rest } = profile;
  return {
    ...rest,
    ...(defaultErrnoRet !== undefined && returnsErrno(rest.defaultAction) && { defaultErrnoRet }),
    ...(architectures !== undefined && { architectures: [...new Set(architectures)] }),
    ...(flags !== undefined && { flags: [...new Set(flags)] }),
    ...(syscalls !== undefined && {
      syscalls: syscalls.map(({ errnoRet, ...rule }) =>
        errnoRet !== undefined && returnsErrno(rule.action) ? { ...rule, errnoRet } : rule,
      ),
    }),
  };
}
