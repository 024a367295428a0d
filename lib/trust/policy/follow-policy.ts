import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { toFairleadError } from '#lib/errors';
import { loadPolicy, type PolicyReading } from './load-policy.ts';
import type { Policy } from './node-policy.ts';

/** The trust policy in force, which follows the files it is made of. */
export interface PolicySource {
  readonly current: Policy;
  /**
   * Whether the files say what is in force; false where they do not parse, and an older policy is,
   * or where there is none, and everything is denied.
   */
  readonly inForce: boolean;
  /**
   * Reads the files again; where they do not parse, the old policy stays and an alarm is raised.
   */
  reload(): Promise<void>;
  stop(): void;
}

export interface PolicyWatch extends PolicyReading {
  /**
   * Told what becomes of the files: pino's methods. Records carry the messageId
   * `fairlead.policy.loaded`, `fairlead.policy.missing` or `fairlead.policy.broken`.
   */
  readonly log: Record<'info' | 'warn' | 'error', (record: object, message: string) => void>;
  /** Told after every reading whether the files say what is in force. */
  readonly onRead?: (inForce: boolean) => void;
  /**
   * Milliseconds between readings. The files are read, not watched: key files and mounted folders
   * change too.
   */
  readonly interval?: number;
}

/**
 * A change counts once it has stood for so long, in milliseconds: half of a file that is being
 * written may be a policy too, and a looser one.
 */
const settled = 200;

/**
 * Loads the policy of a file, where it was just changed when it has stood for a moment; throws
 * where it does not parse. Afterwards it is read again every ten seconds and on reload().
 */
export async function followPolicy(
  path: string,
  { log, onRead = () => undefined, interval = 10_000, ...reading }: PolicyWatch,
): Promise<PolicySource> {
  let current = await loadPolicy(path, reading);
  while (await changedJustNow(path)) {
    await delay(settled);
    current = await loadPolicy(path, reading);
  }
  let complaint: string | undefined;
  let begun = 0;
  let decided = 0;
  const inForce = (): boolean => complaint === undefined && !current.missing;
  const sayMissing = (): void =>
    log.warn(
      {
        messageId: 'fairlead.policy.missing',
        policy: path,
        hint: 'Create the file, or correct its path (`policy`).',
      },
      `the policy ${path} does not exist: everything is denied until it does`,
    );
  if (current.missing) sayMissing();
  onRead(inForce());

  async function reload(): Promise<void> {
    const turn = ++begun;
    /** Says that the files were read, unless those who began later have read newer ones already. */
    const isNews = (): boolean => {
      if (turn < decided) return false;
      decided = turn;
      return true;
    };
    try {
      const fresh = await loadSettled(path, current.revision, reading);
      if (!isNews()) return;
      // A file without a word has the revision of one that is missing.
      const changed = fresh.revision !== current.revision || fresh.missing !== current.missing;
      if (fresh.missing) {
        if (changed || complaint !== undefined) sayMissing();
      } else if (changed || complaint !== undefined) {
        log.info(
          { messageId: 'fairlead.policy.loaded', policy: fresh.source, revision: fresh.revision },
          'policy loaded',
        );
      }
      complaint = undefined;
      current = fresh;
      onRead(inForce());
    } catch (thrown) {
      if (!isNews()) return;
      const error = toFairleadError(thrown);
      onRead(false);
      if (error.message !== complaint) {
        log.error(
          { messageId: 'fairlead.policy.broken', hint: error.hint, revision: current.revision },
          `the policy cannot be used, the one before stays in force: ${error.message}`,
        );
      }
      complaint = error.message;
    }
  }

  let looking = false;
  const timer = setInterval(() => {
    // A file that does not answer, such as one on a lost network mount, must not take thread after
    // thread.
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
    get inForce() {
      return inForce();
    },
    reload,
    stop: () => clearInterval(timer),
  };
}

/** Says whether a file may still be being written. One that does not exist is not. */
async function changedJustNow(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  const age = Date.now() - (found?.mtimeMs ?? 0);
  return age >= 0 && age < settled;
}

/**
 * Loads a policy, and once more where it is another than the known one, until two readings agree.
 */
async function loadSettled(path: string, known: string, reading: PolicyReading): Promise<Policy> {
  let fresh = await loadPolicy(path, reading);
  for (let before = known; fresh.revision !== before && fresh.revision !== known; ) {
    before = fresh.revision;
    await delay(settled);
    fresh = await loadPolicy(path, reading);
  }
  return fresh;
}
