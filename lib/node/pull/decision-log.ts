import { constants } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { FairleadError, toFairleadError } from '#lib/errors';
import { formatReference } from '#lib/registry/reference';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import type { PulledProfile, PullRequest } from './pull-profile.ts';

/** Where decisions about pulls are written down, each as one line of JSON. */
export interface DecisionLog {
  /** Waits for a pull and writes down what came of it, before anybody hears of it. */
  recorded(request: PullRequest, policy: TrustPolicy, pull: () => Promise<PulledProfile>): Promise<PulledProfile>;
}

/**
 * A pipe that nobody reads is an error at once. Otherwise pulls, and the pods that wait for them,
 * would wait for its reader.
 */
const appending = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/**
 * Characters. Messages have bounds of their own; a log that strangers can make grow has one more.
 */
const longestReason = 4096;

/** Dependencies of openDecisionLog. */
export interface DecisionLogOptions {
  readonly now: () => Date;
  /** Told when a line could not be written, and what it says: the decision stands all the same. */
  readonly onError: (error: FairleadError, decision: object) => void;
}

/**
 * Opens a decision log; the file is appended to, and made where it is not there. It is opened anew
 * for every line: who rotates it needs to tell nobody. It may be a pipe that somebody reads. Throws
 * InvalidInput where it cannot be written.
 */
export async function openDecisionLog(path: string, { now, onError }: DecisionLogOptions): Promise<DecisionLog> {
  const unwritable = (cause: unknown): FairleadError =>
    new FairleadError('InvalidInput', `cannot write the decision log ${path}`, { cause });
  const append = (text: string): Promise<void> => appendFile(path, text, { mode: 0o640, flag: appending });
  await append('').catch((cause: unknown) => {
    throw unwritable(cause);
  });
  let torn = false;
  const write = async (decided: object): Promise<void> => {
    const decision = { time: now().toISOString(), ...decided };
    try {
      // Half of the last line may stand there: a full disk takes what fits.
      await append(`${torn ? '\n' : ''}${JSON.stringify(decision)}\n`);
      torn = false;
    } catch (cause) {
      torn = true;
      onError(unwritable(cause), decision);
    }
  };
  return {
    async recorded(request, policy, pull) {
      const asked = {
        reference: formatReference(request.reference),
        kind: request.kind,
        policy: policy.source,
        revision: policy.revision,
      };
      try {
        const pulled = await pull();
        const { descriptor, verification, cached } = pulled;
        await write({ outcome: 'allowed', ...asked, digest: descriptor.digest, ...verification, cached });
        return pulled;
      } catch (thrown) {
        const { kind: error, message: reason } = toFairleadError(thrown);
        await write({ outcome: 'refused', ...asked, error, reason: reason.slice(0, longestReason) });
        throw thrown;
      }
    },
  };
}
