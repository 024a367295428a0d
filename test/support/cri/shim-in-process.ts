import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ShimLog } from '#cri-shim/report/shim-log';
import { type Shim, type ShimOptions, startShim } from '#cri-shim/shim';
import { BytesClient, type ScriptedMethods, startScriptedRuntime } from './scripted-runtime.ts';

/** A policy that allows nothing. */
export const denyingPolicy = 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules: []\n';

/** A directory with a scripted runtime and a policy, and the shims that a test starts in it. */
export class ShimInProcess {
  readonly directory: string;
  /** What the shims have logged. */
  records: Record<string, unknown>[] = [];
  readonly #methods: ScriptedMethods;
  readonly #steps: (() => Promise<unknown> | unknown)[] = [];
  #runtime: Awaited<ReturnType<typeof startScriptedRuntime>> | undefined;

  private constructor(directory: string, methods: ScriptedMethods) {
    this.directory = directory;
    this.#methods = methods;
  }

  /** Starts the runtime, and writes a policy that allows nothing. */
  static async prepare(methods: ScriptedMethods = {}): Promise<ShimInProcess> {
    const prepared = new ShimInProcess(await mkdtemp(join(tmpdir(), 'fairlead-shim-')), methods);
    await writeFile(prepared.at('policy.yaml'), denyingPolicy);
    await prepared.startRuntime();
    return prepared;
  }

  /** Returns the path of a file in the directory. */
  at(name: string): string {
    return join(this.directory, name);
  }

  async startRuntime(): Promise<void> {
    await rm(this.at('runtime.sock'), { force: true });
    this.#runtime = await startScriptedRuntime(this.at('runtime.sock'), this.#methods);
  }

  killRuntime(): void {
    this.#runtime?.kill();
  }

  /** Starts a shim; {@link end} stops it. Throws as startShim does. */
  async start(options: Partial<ShimOptions> = {}): Promise<Shim> {
    const shim = await startShim({
      listen: `unix://${this.at('shim.sock')}`,
      runtime: `unix://${this.at('runtime.sock')}`,
      policy: this.at('policy.yaml'),
      state: this.at('state'),
      log: this.#log(),
      build: { version: '1.2.3', commit: 'abc' },
      ...options,
    });
    this.onEnd(() => shim.stop());
    return shim;
  }

  /** Connects to the first shim as the kubelet does. */
  connect(): BytesClient {
    const client = new BytesClient(this.at('shim.sock'));
    this.onEnd(() => client.close());
    return client;
  }

  /** Has a step run at the end, before those that were added earlier. */
  onEnd(step: () => Promise<unknown> | unknown): void {
    this.#steps.push(step);
  }

  /** Ends all that was started, and removes the directory. */
  async end(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) await step();
    this.killRuntime();
    await rm(this.directory, { recursive: true });
  }

  #log(): ShimLog {
    const record = (level: string) => (fields: object | string, msg?: string) => {
      this.records.push({ level, ...(typeof fields === 'string' ? { msg: fields } : { ...fields, msg }) });
    };
    return { debug: record('debug'), info: record('info'), warn: record('warn'), error: record('error') } as ShimLog;
  }
}
