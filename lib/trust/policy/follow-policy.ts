import { type FollowedReports, followFile } from '#lib/files/follow-file';
import { requireFile } from '#lib/files/require-file';
import { loadPolicy, type PolicyReading } from './load-policy.ts';
import type { Policy } from './node-policy.ts';

/** The trust policy in force, which follows changes of its files. */
export interface PolicySource {
  readonly current: Policy;
  /**
   * Whether the policy in force is the one in the files. False if the files are invalid, so that an
   * older policy is in force, or if the policy file does not exist, so that everything is denied.
   */
  readonly inForce: boolean;
  /** Why the files are invalid, so that an older policy is in force; undefined if they are not. */
  readonly problem: string | undefined;
  /** Reads the files again. If they are invalid, logs an error and keeps the previous policy. */
  reload(): Promise<void>;
  /** Stops following the files: nothing is reported and nothing changes after it. */
  stop(): void;
}

/** How a policy is followed. */
export interface PolicyWatch extends PolicyReading {
  /**
   * Receives what happens to the files; has pino's methods. Records carry the messageId
   * `fairlead.policy.loaded`, `fairlead.policy.missing` or `fairlead.policy.broken`.
   */
  readonly log: Record<'info' | 'warn' | 'error', (record: object, message: string) => void>;
  /** Called after every reading with the new value of `inForce`. */
  readonly onRead?: (inForce: boolean) => void;
  /**
   * Milliseconds between readings. The files are read, not watched, because key files and mounted
   * directories change too.
   */
  readonly interval?: number;
}

/**
 * Loads the policy of a file, and reads it again every ten seconds and on reload(). Waits until a
 * file that has just changed is complete. Throws InvalidInput if the policy is invalid, and if one
 * of its files is not a regular file: others cannot be read again.
 */
export function followPolicy(
  path: string,
  { log, onRead = () => undefined, interval, checkPath }: PolicyWatch,
): Promise<PolicySource> {
  const reading: PolicyReading = {
    checkPath: async (path) => {
      await checkPath?.(path);
      await requireFile(path);
    },
  };
  return followFile(path, { load: () => loadPolicy(path, reading), reports: reportsTo(log, path), onRead, interval });
}

function reportsTo(log: PolicyWatch['log'], path: string): FollowedReports<Policy> {
  return {
    loaded({ source: policy, revision, rules: { length: rules } }) {
      const record = { messageId: 'fairlead.policy.loaded', policy, revision, rules };
      if (rules > 0) log.info(record, 'policy loaded');
      // It is valid, and may be a file that lost its content.
      else log.warn(record, 'policy loaded: it has no rules, so everything is denied');
    },
    missing() {
      const hint = 'Create the file, or correct its path (`policy`).';
      const record = { messageId: 'fairlead.policy.missing', policy: path, hint };
      log.warn(record, `the policy ${path} does not exist: everything is denied`);
    },
    broken({ message, hint }, { revision }) {
      const record = { messageId: 'fairlead.policy.broken', hint, revision };
      log.error(record, `invalid policy, the previous one stays in force: ${message}`);
    },
  };
}
