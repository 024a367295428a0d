import type { Logger } from 'pino';

/**
 * Where the shim writes what it did. Records that people search for carry a `messageId`:
 * `fairlead.profile.applied`, `fairlead.profile.constrained`, `fairlead.profile.refused`,
 * `fairlead.policy.loaded`, `fairlead.policy.missing`, `fairlead.policy.broken`,
 * `fairlead.runtime.silent`, `fairlead.store.repaired`, `fairlead.decision-log.broken`,
 * `fairlead.baseline.assumed`, `fairlead.baseline.reported`, `fairlead.baseline.unreadable`.
 */
export type ShimLog = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
