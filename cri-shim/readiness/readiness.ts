import { access, constants, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CriClient } from '#lib/cri/client';
import { isUnimplemented } from '#lib/cri/runtime-call';
import { toFairleadError } from '#lib/errors';
import type { PolicySource } from '#lib/trust/policy/follow-policy';

/** The parts that the shim needs to do its work. */
export const readinessChecks = ['runtime', 'policy', 'store'] as const;

/** The result of one check. */
export interface ReadinessCheck {
  readonly name: (typeof readinessChecks)[number];
  /** Why the shim cannot do its work; absent if it can. */
  readonly problem?: string;
}

/** The runtime, as it reports itself. */
export interface RuntimeVersion {
  readonly name: string;
  readonly version: string;
}

/** The dependencies of Readiness. */
export interface ReadinessDependencies {
  readonly runtime: Pick<CriClient, 'version'>;
  readonly policy: Pick<PolicySource, 'current' | 'problem'>;
  /** Whether the shim may work without a policy file, under a policy that denies everything. */
  readonly policyOptional: boolean;
  /** The state directory. */
  readonly state: string;
  /** Milliseconds that only increase. */
  readonly clock: () => number;
}

/** How long the runtime may take to answer, in milliseconds. */
const patience = 5_000;
/** What a profile needs on the disk: less is a full disk. In bytes. */
const leastSpace = 256 * 1024;
/** How long a result is cached, in milliseconds: clients of the metrics port can ask often. */
const freshness = 1_000;

/** Whether the shim can do its work: reach the runtime, decide by a policy, keep artifacts. */
export class Readiness {
  readonly #dependencies: ReadinessDependencies;
  #running: Promise<readonly ReadinessCheck[]> | undefined;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #version: RuntimeVersion | undefined;

  constructor(dependencies: ReadinessDependencies) {
    this.#dependencies = dependencies;
  }

  /** The runtime that answered last; undefined before its first answer. */
  get runtimeVersion(): RuntimeVersion | undefined {
    return this.#version;
  }

  /** Returns the result of each check, at most one second old. */
  check(): Promise<readonly ReadinessCheck[]> {
    const now = this.#dependencies.clock();
    if (this.#running === undefined || now - this.#checkedAt > freshness) {
      this.#checkedAt = now;
      this.#running = this.#checkAll();
    }
    return this.#running;
  }

  async #checkAll(): Promise<readonly ReadinessCheck[]> {
    const problems = {
      runtime: await this.#runtimeProblem(),
      policy: this.#policyProblem(),
      store: await this.#storeProblem(),
    };
    return readinessChecks.map((name) => {
      const problem = problems[name];
      return problem === undefined ? { name } : { name, problem };
    });
  }

  async #runtimeProblem(): Promise<string | undefined> {
    try {
      const { runtimeName, runtimeVersion } = await this.#dependencies.runtime.version(
        {},
        AbortSignal.timeout(patience),
      );
      this.#version = { name: runtimeName, version: runtimeVersion };
      return undefined;
    } catch (thrown) {
      // A runtime that serves only v1alpha2 answers, too.
      return isUnimplemented(thrown) ? undefined : toFairleadError(thrown).message;
    }
  }

  #policyProblem(): string | undefined {
    const { policy, policyOptional } = this.#dependencies;
    if (policy.problem !== undefined) return policy.problem;
    if (policy.current.missing && !policyOptional) return 'the policy file does not exist: everything is denied';
    return undefined;
  }

  async #storeProblem(): Promise<string | undefined> {
    const { state } = this.#dependencies;
    const usable = (path: string): Promise<void> => access(path, constants.W_OK | constants.X_OK);
    try {
      const directory = await usable(state).then(
        () => state,
        async (error: NodeJS.ErrnoException) => {
          // A directory that was removed is made again.
          if (error.code !== 'ENOENT') throw error;
          await usable(dirname(state));
          return dirname(state);
        },
      );
      const { bavail, bsize } = await statfs(directory);
      if (bavail * bsize >= leastSpace) return undefined;
      return `the file system of the state directory ${state} is full: it has ${bavail * bsize} free bytes, and needs ${leastSpace}`;
    } catch (thrown) {
      return `the state directory ${state} cannot be used: ${toFairleadError(thrown).message}`;
    }
  }
}

/** Reports whether no check found a problem. */
export function isReady(checks: readonly ReadinessCheck[]): boolean {
  return checks.every(({ problem }) => problem === undefined);
}
