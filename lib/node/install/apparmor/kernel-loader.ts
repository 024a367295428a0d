import { FairleadError } from '#lib/errors';
import { strayLine } from '#lib/profile/apparmor/rendered-policy';
import { shorten } from '#lib/text/quote';
import { KernelPolicies } from './kernel-policies.ts';
import type { AppArmorLoader, RenderedAppArmor } from './loader.ts';
import { mostText } from './lsm-protocol.ts';
import { isNamedByContent, isProfileName } from './profile-name.ts';
import { type ParserLimits, type ParserOutcome, runParser } from './run-parser.ts';

/** What loading one profile may take. A usual one takes some 50 ms and 20 MiB. */
export interface LoadLimits extends ParserLimits {
  /** Milliseconds. */
  readonly deadline: number;
}

const defaultLimits: LoadLimits = { deadline: 30_000, memory: 256 * 1024, processor: 30 };

/** Without jobs, it works in the process that was started: how that ends is seen. */
const options = ['--skip-cache', '--jobs=0'];

/**
 * The loader with the privilege: root with CAP_MAC_ADMIN. It does not trust its caller. What it
 * loads is one profile as Fairlead renders it, with the default rules of every container, under the
 * name of its content.
 */
export class KernelLoader implements AppArmorLoader {
  readonly #kernel: KernelPolicies;
  readonly #limits: LoadLimits;
  #last: Promise<unknown> = Promise.resolve();

  /** @param root the directory that has /proc, /sys and /sbin/apparmor_parser. */
  constructor({ root = '/', limits = {} }: { readonly root?: string; readonly limits?: Partial<LoadLimits> } = {}) {
    this.#kernel = new KernelPolicies(root);
    this.#limits = { ...defaultLimits, ...limits };
  }

  /** Verifies that this node has AppArmor. Throws NotFound that names what is missing. */
  async requireAppArmor(): Promise<void> {
    await this.#kernel.requireAppArmor();
  }

  async load(profile: RenderedAppArmor, signal: AbortSignal): Promise<void> {
    checkProfile(profile);
    const parser = await this.#kernel.requireAppArmor();
    await this.#inTurn(() => this.#checkAndReplace(parser, profile, signal), signal);
  }

  async unload(name: string, signal: AbortSignal): Promise<void> {
    if (!isProfileName(name)) throw notOurs(name);
    await this.#kernel.requireAppArmor();
    // No load of the same profile in between.
    await this.#inTurn(async () => {
      const process = await this.#kernel.confinedBy(name);
      if (process !== undefined) {
        throw new FairleadError('Conflict', `process ${process} is confined by the AppArmor profile ${name}`, {
          hint: 'Unload it when the containers with this profile are gone: it would leave them unconfined.',
        });
      }
      // A caller that has gone makes no container wait for the end of this any more.
      signal.throwIfAborted();
      await this.#kernel.remove(name).catch((cause: unknown) => {
        throw notPermitted(`cannot unload the AppArmor profile ${name}`, cause);
      });
    }, signal);
  }

  async list(): Promise<readonly string[]> {
    await this.#kernel.requireAppArmor();
    return this.#kernel.ours();
  }

  /** Loads a profile, if the parser finds nothing but this one profile in the text. */
  async #checkAndReplace(parser: string, profile: RenderedAppArmor, signal: AbortSignal): Promise<void> {
    const late = AbortSignal.timeout(this.#limits.deadline);
    const ending = AbortSignal.any([signal, late]);
    try {
      const { stdout } = await this.#parse([parser, ...options, '--names'], profile, ending);
      if (stdout !== `${profile.name}\n`) {
        throw new FairleadError('ProfileInvalid', `apparmor_parser reads other profiles than ${profile.name}`, {
          hint: 'Nothing was loaded. Report this with the profile: it is a bug in Fairlead.',
        });
      }
      await this.#parse([parser, ...options, '--replace'], profile, ending);
    } catch (error) {
      if (error !== late.reason) throw error;
      throw tooExpensive(profile.name, `did not compile it within ${this.#limits.deadline / 1000} s`);
    }
  }

  /** Runs the parser on a profile, and throws what it reports. */
  async #parse(command: readonly string[], profile: RenderedAppArmor, signal: AbortSignal): Promise<ParserOutcome> {
    const outcome = await runParser(command, profile.text, this.#limits, signal);
    if (outcome.code === 0) return outcome;
    throw refusal(profile.name, outcome);
  }

  /** Runs one piece of work after another: together they would exceed the memory of the service. */
  async #inTurn(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const turn = this.#last.then(async () => {
      signal.throwIfAborted();
      await work();
    });
    this.#last = turn.catch(() => undefined);
    await turn;
  }
}

function checkProfile({ name, text }: RenderedAppArmor): void {
  if (!isProfileName(name)) throw notOurs(name);
  if (text.length > mostText) {
    throw new FairleadError('LimitExceeded', `the AppArmor profile ${name} has more than ${mostText} characters`, {
      hint: 'Publish a profile with fewer paths.',
    });
  }
  const isNamed = isNamedByContent({ name, text });
  const stray = strayLine(text, name);
  if (isNamed && stray === undefined) return;
  const why = isNamed ? `Fairlead does not write its line ${stray}` : `its text has another name`;
  throw new FairleadError('InvalidInput', `the AppArmor profile ${name} is not as Fairlead renders it: ${why}`, {
    hint: 'Restart fairlead-shim.service and fairlead-lsm.service: both must be of the same version.',
  });
}

function notOurs(name: string): FairleadError {
  const shown = JSON.stringify(shorten(name, 100));
  return new FairleadError('InvalidInput', `the AppArmor profile ${shown} is not one that Fairlead has named`, {
    hint: 'Only profiles of the name fairlead/<64 hex digits> are loaded and unloaded here.',
  });
}

/** Returns the error for a run of the parser that failed. */
function refusal(name: string, { code, signal, stderr }: ParserOutcome): FairleadError {
  if (signal === 'SIGXCPU' || signal === 'SIGKILL') return tooExpensive(name, 'was ended while it compiled it');
  const said = shorten(stderr.trim().replace(/\s*\n\s*/g, '; '), 500) || `it ended with ${signal ?? code}`;
  if (/out of memory|bad_alloc|cannot allocate/i.test(stderr)) return tooExpensive(name, 'has no memory to compile it');
  const summary = `apparmor_parser cannot load the profile ${name}: ${said}`;
  // 1 is its own; 256 - errno is the kernel's answer.
  if (code === 1) return new FairleadError('ProfileInvalid', summary, { hint: 'Check the paths of the profile.' });
  return notPermitted(summary);
}

function notPermitted(summary: string, cause?: unknown): FairleadError {
  return new FairleadError('Unavailable', summary, {
    cause,
    hint: 'The loader needs root with CAP_MAC_ADMIN, and /sys/kernel/security to be writable. See the kernel log.',
    local: true,
  });
}

function tooExpensive(name: string, why: string): FairleadError {
  return new FairleadError('LimitExceeded', `the AppArmor profile ${name} is too expensive: apparmor_parser ${why}`, {
    hint: 'Publish a profile with fewer paths, and with fewer "**" in each.',
  });
}
