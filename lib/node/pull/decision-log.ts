import { type FairleadError, toFairleadError } from '#lib/errors';
import { LineLog } from '#lib/files/line-log';
import { formatReference } from '#lib/registry/reference';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import type { PulledProfile, PullRequest } from './pulled-profile.ts';

/** Characters of one reason: strangers can cause messages, and so make the log grow. */
const longestReason = 4096;

/** What a decision log works with. */
export interface DecisionLogDependencies {
  readonly now: () => Date;
  /** Called with a line that could not be written. The decision holds all the same. */
  readonly onError: (error: FairleadError, decision: object) => void;
}

/** What was asked for; the kind is not known if the registry was not asked for it. */
export type DecidedRequest = Pick<PullRequest, 'reference' | 'mode'> & {
  readonly kind?: PullRequest['kind'] | undefined;
};

/** Records decisions about pulls. */
export type Decisions = Pick<DecisionLog, 'allowed' | 'refused'>;

/** A file with every decision about a pull, each as one line of JSON. */
export class DecisionLog {
  readonly #lines: LineLog;
  readonly #now: () => Date;

  /** Opens nothing: use {@link openDecisionLog}. */
  constructor(path: string, { now, onError }: DecisionLogDependencies) {
    this.#lines = new LineLog(path, { name: 'decision log', onError });
    this.#now = now;
  }

  /** Records that a pull was allowed. */
  async allowed(
    request: DecidedRequest,
    policy: TrustPolicy,
    pulled: Pick<PulledProfile, 'descriptor' | 'verification' | 'cached'>,
  ): Promise<void> {
    const { descriptor, verification, cached } = pulled;
    const { digest } = descriptor;
    await this.#write({ outcome: 'allowed', ...describe(request, policy), digest, ...verification, cached });
  }

  /** Records that a pull was refused, or failed. */
  async refused(request: DecidedRequest, policy: TrustPolicy, thrown: unknown): Promise<void> {
    const { kind: error, message } = toFairleadError(thrown);
    const reason = message.slice(0, longestReason);
    await this.#write({ outcome: 'refused', ...describe(request, policy), error, reason });
  }

  /** Appends nothing, and creates the file if it does not exist. Throws InvalidInput. */
  check(): Promise<void> {
    return this.#lines.check();
  }

  #write(decided: object): Promise<void> {
    return this.#lines.write({ time: this.#now().toISOString(), ...decided });
  }
}

/**
 * Opens a decision log: a file, which is created if it does not exist, or a pipe that has a reader.
 * Throws InvalidInput if it cannot be written.
 */
export async function openDecisionLog(path: string, dependencies: DecisionLogDependencies): Promise<DecisionLog> {
  const log = new DecisionLog(path, dependencies);
  await log.check();
  return log;
}

function describe({ reference, kind, mode }: DecidedRequest, { source, revision }: TrustPolicy): object {
  return { reference: formatReference(reference), kind, ...(mode && { mode }), policy: source, revision };
}
