import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ArtifactCall, ArtifactSource, type ArtifactSourceDependencies } from '#cri-shim/apply/artifact-source';
import { noMetrics } from '#cri-shim/report/metrics';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import { openStore, type Store } from '#lib/node/store/store';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { parsePinned } from '#lib/registry/pinned-reference';
import type { Policy } from '#lib/trust/policy/node-policy';

/** A policy that allows everything, with some settings of its own. */
export function openPolicy(settings: Partial<Policy> = {}): Policy {
  return {
    ...{ source: 'policy.yaml', rules: [{ match: '**', unsigned: true, require: [] }], revision: 'open' },
    ...{ baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' }, limits: defaultPublicationLimits },
    ...settings,
  };
}

/** A node that pulls artifacts as the shim does, without a runtime. */
export class PullingNode {
  policy: Policy;
  store: Store;
  source: ArtifactSource;
  readonly #directory: string;
  readonly #settings: Partial<ArtifactSourceDependencies>;

  private constructor(directory: string, store: Store, policy: Policy, settings: Partial<ArtifactSourceDependencies>) {
    this.#directory = directory;
    this.#settings = settings;
    this.policy = policy;
    this.store = store;
    this.source = this.#newSource();
  }

  /** Starts a node with an empty store. */
  static async start(policy = openPolicy(), settings: Partial<ArtifactSourceDependencies> = {}): Promise<PullingNode> {
    const directory = await mkdtemp(join(tmpdir(), 'fairlead-pulling-'));
    return new PullingNode(directory, await openStore(directory), policy, settings);
  }

  /** Pulls by the pull call of CRI. */
  pull(reference: string, call: Partial<ArtifactCall> = {}): Promise<PulledProfile> {
    const signal = AbortSignal.timeout(30_000);
    return this.source.pull({ reference: parsePinned(reference), kind: 'Seccomp' }, { signal, anew: true, ...call });
  }

  /** The path of a blob in the store. */
  blob(digest: string): string {
    return join(this.#directory, 'blobs', ...digest.split(':'));
  }

  /** Ends and starts with the same state. */
  async restart(): Promise<void> {
    await this.store.close();
    this.store = await openStore(this.#directory);
    this.source = this.#newSource();
  }

  async stop(): Promise<void> {
    await this.store.close();
    await rm(this.#directory, { recursive: true });
  }

  #newSource(): ArtifactSource {
    const node = this;
    const policy = {
      get current() {
        return node.policy;
      },
    };
    const own = { store: this.store, policy, env: {}, metrics: noMetrics, tidier: { grown: () => undefined } };
    return new ArtifactSource({ ...own, clock: () => performance.now(), ...this.#settings });
  }
}
