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
  let begun = 0;
  let decided = 0;
  metrics.policyInForce(true);

  async function reload(): Promise<void> {
    const turn = ++begun;
    /** Says that the files were read, unless those who began later have read newer ones already. */
    const isNews = (): boolean => {
      if (turn < decided) return false;
      decided = turn;
      return true;
    };
    try {
      const fresh = await loadPolicy(path);
      if (!isNews()) return;
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
      if (!isNews()) return;
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

  let looking = false;
  const timer = setInterval(() => {
    // A file that does not answer, such as one on a lost network mount, must not take thread after thread.
    if (looking) return;
    looking = true;
    void reload().finally(() => {
      looking = false;
    });
  }, interval);
  timer.unref();
  return {
    get current() {
      return current;
    },
    reload,
    stop: () => clearInterval(timer),
  };
}
