import type { Finding, Profile } from './profile.ts';
import { lintSeccomp } from './seccomp/lint-seccomp.ts';

/**
 * What is probably not meant in a profile. Findings are advice: a profile with findings is valid.
 * The codes of seccomp profiles are listed at lintSeccomp; `unknown-field` is what the reader left out.
 */
export function lint(profile: Profile): readonly Finding[] {
  const unknown = (profile.unknownFields ?? []).map(({ pointer, position }): Finding => {
    const message = `${position}: the runtime-spec has no field of this name; it is left out`;
    return { code: 'unknown-field', severity: 'warning', message, pointer };
  });
  return [...unknown, ...lintSeccomp(profile.seccomp)];
}
