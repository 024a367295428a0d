import type { Logger } from 'pino';

/**
 * The log of the shim. Records to search for have a `messageId`:
 * `fairlead.profile.applied`, `fairlead.profile.delegated`, `fairlead.delegation.decided`,
 * `fairlead.profile.logged`, `fairlead.profile.pulled`,
 * `SecurityProfileMergeConstrained` (the name of KEP-6061), `fairlead.profile.refused`,
 * `fairlead.call.abandoned`, `fairlead.policy.loaded`, `fairlead.policy.missing`,
 * `fairlead.policy.broken`, `fairlead.runtime.silent`, `fairlead.store.repaired`,
 * `fairlead.decision-log.broken`, `fairlead.baseline.assumed`, `fairlead.baseline.reported`,
 * `fairlead.baseline.unreadable`, `fairlead.annotation.ignored`, `fairlead.prepull.done`,
 * `fairlead.prepull.failed`, `fairlead.gc.done`, `fairlead.systemd.unreachable`,
 * `fairlead.watchdog.unanswered`, `fairlead.readiness.lost`, `fairlead.readiness.restored`.
 */
export type ShimLog = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
