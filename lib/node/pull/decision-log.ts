import { constants } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { FairleadError, toFairleadError } from '#lib/errors';
import { formatReference } from '#lib/registry/reference';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import type { PulledProfile, PullRequest } from './pulled-profile.ts';

/**
 * With O_NONBLOCK, a pipe without a reader is an error at once. Otherwise pulls, and the pods that
 * wait for them, would wait for its reader.
 */
const appending = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/** Characters of one reason: strangers can cause messages, and so make the log grow. */
const longestReason = 4096;

/** What a decision log works with. */
export interface DecisionLogDependencies {
  readonly now: () => Date;
  /** Called with a line that could not be written. The decision holds all the same. */
  readonly onError: (error: FairleadError, decision: object) => void;
}

/** Records decisions about pulls. */
export type Decisions = Pick<DecisionLog, 'allowed' | 'refused'>;

/** A file with every decision about a pull, each as one line of JSON. */
export class DecisionLog {
  readonly #path: string;
  readonly #dependencies: DecisionLogDependencies;
  /** Whether the file may end within a line. */
  #torn = false;

  /** Opens nothing: use {@link openDecisionLog}. */
  constructor(path: string, dependencies: DecisionLogDependencies) {
    this.#path = path;
    this.#dependencies = dependencies;
  }

  /** Records that a pull was allowed. */
  async allowed(
    request: PullRequest,
    policy: TrustPolicy,
    pulled: Pick<PulledProfile, 'descriptor' | 'verification' | 'cached'>,
  ): Promise<void> {
    const { descriptor, verification, cached } = pulled;
    const { digest } = descriptor;
    await this.#write({ outcome: 'allowed', ...describe(request, policy), digest, ...verification, cached });
  }

  /** Records that a pull was refused, or failed. */
  async refused(request: PullRequest, policy: TrustPolicy, thrown: unknown): Promise<void> {
    const { kind: error, message } = toFairleadError(thrown);
    const reason = message.slice(0, longestReason);
    await this.#write({ outcome: 'refused', ...describe(request, policy), error, reason });
  }

  /** Appends nothing, and creates the file if it does not exist. Throws InvalidInput. */
  async check(): Promise<void> {
    await this.#append('').catch((cause: unknown) => {
      throw this.#unwritable(cause);
    });
  }

  async #write(decided: object): Promise<void> {
    const { now, onError } = this.#dependencies;
    const decision = { time: now().toISOString(), ...decided };
    try {
      // A full disk may have taken a part of the last line.
      await this.#append(`${this.#torn ? '\n' : ''}${JSON.stringify(decision)}\n`);
      this.#torn = false;
    } catch (cause) {
      this.#torn = true;
      onError(this.#unwritable(cause), decision);
    }
  }

  /** Opens the file for every line, so that it can be rotated at any time. */
  #append(text: string): Promise<void> {
    return appendFile(this.#path, text, { mode: 0o640, flag: appending });
  }

  #unwritable(cause: unknown): FairleadError {
    return new FairleadError('InvalidInput', `cannot write the decision log ${this.#path}`, { cause });
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

function describe({ reference, kind, mode }: PullRequest, { source, revision }: TrustPolicy): object {
  return { reference: formatReference(reference), kind, ...(mode && { mode }), policy: source, revision };
}
