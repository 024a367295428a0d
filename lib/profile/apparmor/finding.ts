import type { Finding } from '../profile.ts';

/** A finding that says that something is probably not meant. */
export function warning(code: string, pointer: string, message: string): Finding {
  return { code, severity: 'warning', message, pointer };
}

/** A finding that is only worth knowing. */
export function info(code: string, pointer: string, message: string): Finding {
  return { code, severity: 'info', message, pointer };
}
