import type { Place } from './place.ts';

/** Something that lint noticed. */
export interface Finding {
  /** Stable code for CI, e.g. `unknown-syscall`. */
  readonly code: string;
  /** `error`: publishing refuses the profile for it. */
  readonly severity: 'error' | 'warning' | 'info';
  readonly message: string;
  /** JSON pointer into the profile (RFC 6901). */
  readonly pointer: string;
  /** Where that is in the text; absent if the profile was read without its places. */
  readonly place?: Place;
}

/** Returns a finding about something that is probably a mistake. */
export function warning(code: string, pointer: string, message: string): Finding {
  return { code, severity: 'warning', message, pointer };
}

/** Returns a finding that is only worth knowing. */
export function info(code: string, pointer: string, message: string): Finding {
  return { code, severity: 'info', message, pointer };
}
