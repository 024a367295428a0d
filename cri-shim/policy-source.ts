import { toFairleadError } from '#lib/errors';
import { loadPolicy } from '#lib/trust/load-policy';
import type { TrustPolicy } from '#lib/trust/policy';
import type { ShimMetrics } from './metrics.ts';
import type { ShimLog } from './shim-log.ts';

/** The trust policy in force, which follows the files it is made of. */
export interface PolicySource {
  readonly current: TrustPolicy;
  /** Reads the files again; where they do not parse, the old policy stays and an alarm is raised. */
  reload(): Promise<void>;
  stop(): void;
}

/** How often the files are looked at, in milliseconds. They are read, not watched: key files and mounted folders change too. */
const interval = 10_000;

/** Loads the policy of a file; throws where it does not parse. Afterwards it is read again every ten seconds and on reload(). */
export async function followPolicy(
  path: string,
  { log, metrics }: { log: ShimLog; metrics: ShimMetrics },
): Promise<PolicySource> {
  let current = await loadPolicy(path);
  let complaint: string | undefined;
  metrics.policyInForce(true);

  async function reload(): Promise<void> {
    try {
      const fresh = await loadPolicy(path);
      metrics.policyInForce(true);
      if (fresh.revision !== current.revision || complaint !== undefined) {
        log.info(
          { messageId: 'fairlead.policy.loaded', policy: fresh.source, revision: fresh.revision },
          'policy loaded',
        );
      }
      complaint = undefined;
      current = fresh;
    } catch (thrown) {
      const error = toFairleadError(thrown);
      metrics.policyInForce(false);
      if (error.message !== complaint) {
        log.error(
          { messageId: 'fairlead.policy.broken', hint: error.hint, revision: current.revision },
          `the policy does not parse, the one before stays in force: ${error.message}`,
        );
      }
      complaint = error.message;
    }
  }

  const timer = setInterval(() => void reload(), interval);
  timer.unref();
  return {
    get current() {
      return current;
    },
    reload,
    stop: () => clearInterval(timer),
  };
}
