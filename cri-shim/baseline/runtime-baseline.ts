import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import { type CriClient, criClient } from '#lib/cri/client';
import type { RuntimeConnection } from '#lib/cri/runtime-connection';
import { FairleadError, toFairleadError } from '#lib/errors';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { ProfileHost } from '#lib/profile/seccomp/read/resolve-docker';
import { type MachineArchitecture, nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { type CapabilityChange, containerCapabilities } from '../../lib/profile/capabilities.ts';
import type { ShimLog } from '../report/shim-log.ts';
import { parseContainerReport } from './container-report.ts';
import { expectedDefault, type HandlerDefaults, handlerDefaults } from './handler-defaults.ts';
import { type Deviation, ReportedDefaults } from './reported-defaults.ts';
import type { RuntimeFacts } from './runtime-facts.ts';
import { askContainerInfo, askFacts, askHandler } from './runtime-questions.ts';

/** Maximum number of sandboxes whose handlers are remembered. */
const mostSandboxes = 2000;
/** Maximum number of resolved profiles that are kept. */
const mostProfiles = 64;
/** Maximum number of containers that are watched at a time, beside the calls of the kubelet. */
const mostWatched = 4;
/** Shortest time between two reports for the same capability set, in milliseconds. */
const freshFor = 10 * 60_000;
/** How long the runtime may take to answer, in milliseconds. */
const patience = 10_000;
/** Maximum number of syscall names that are logged for one deviation. */
const mostNames = 64;

export interface BaselineDependencies {
  readonly connection: Pick<RuntimeConnection, 'call' | 'current'>;
  readonly architecture: MachineArchitecture;
  /** The release of the kernel, as uname(2) returns it. */
  readonly kernel: string;
  readonly log: ShimLog;
  /** Returns a monotonic time in milliseconds. */
  readonly clock: () => number;
}

/** A container or sandbox, as far as the default profile of the runtime depends on it. */
export interface BaselineSubject {
  /** Its runtime handler, or the sandbox that specifies the handler. */
  readonly runtime: { readonly handler: string } | { readonly sandboxId: string };
  readonly capabilities: CapabilityChange | undefined;
}

/** To be called with the ID of the container that was watched, once it is created. */
export type Created = (containerId: string) => void;

interface KnownRuntime {
  readonly facts: RuntimeFacts;
  /** The connection over which the runtime reported them. */
  readonly connection: number;
}

/**
 * Determines the seccomp profile that the runtime behind the shim applies under RuntimeDefault. It
 * requests version and configuration of the runtime each time, since the runtime may be replaced
 * and CRI-O reads its configuration again at SIGHUP. A profile that the runtime reports of a
 * container under RuntimeDefault replaces the known default of its version.
 */
export class RuntimeBaseline {
  readonly #dependencies: BaselineDependencies;
  readonly #cri: CriClient;
  #known: KnownRuntime | undefined;
  /** By the key of HandlerDefaults. All are from one process of the runtime. */
  readonly #reports = new Map<string, ReportedDefaults>();
  readonly #profiles = new Map<string, SeccompProfile>();
  /** The handlers of sandboxes, by ID. */
  readonly #handlers = new LRUCache<string, string>({ max: mostSandboxes });
  readonly #logged = new Set<string>();
  readonly #watching = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(dependencies: BaselineDependencies) {
    this.#dependencies = dependencies;
    const { connection } = dependencies;
    this.#cri = criClient((method, request, signal) => connection.call(method, request, signal));
  }

  /**
   * Returns the profile that the runtime would apply to a container under RuntimeDefault. Rejects
   * with Unavailable or NotFound if the runtime does not answer, since then it creates no container
   * either, and with ProfileInvalid if a file that its configuration names cannot be used.
   */
  async profileFor({ runtime, capabilities }: BaselineSubject, signal: AbortSignal): Promise<SeccompProfile> {
    const defaults = await this.#defaultsOf(runtime, signal);
    if (defaults.assumption !== undefined) {
      this.#warnOnce('fairlead.baseline.assumed', defaults.assumption, { runtime: defaults.runtime });
    }
    return this.#resolve(defaults, containerCapabilities(capabilities, defaults.capabilities));
  }

  /**
   * Returns the machine and the capabilities of a container, for profiles that depend on them.
   * Rejects as profileFor.
   */
  async hostFor({ runtime, capabilities }: BaselineSubject, signal: AbortSignal): Promise<ProfileHost> {
    const { architecture, kernel } = this.#dependencies;
    const defaults = await this.#defaultsOf(runtime, signal);
    return { architecture, kernel, capabilities: containerCapabilities(capabilities, defaults.capabilities) };
  }

  /**
   * Watches the creation of a container under RuntimeDefault that the shim does not change. Never
   * waits for the runtime. Returns undefined if the container is not watched: the process of the
   * runtime was not known before the creation, or the maximum number of containers is watched.
   */
  watch(sandboxId: string, capabilities: CapabilityChange | undefined): Created | undefined {
    if (this.#watching.size >= mostWatched || this.#stopping.signal.aborted) return undefined;
    const known = this.#known;
    if (known === undefined || known.connection !== this.#dependencies.connection.current) {
      this.#inBackground(async (signal) => void (await this.#ask(signal)));
      return undefined;
    }
    return (containerId) => {
      if (this.#watching.size >= mostWatched) return;
      this.#inBackground((signal) => this.#learn({ known, sandboxId, capabilities, containerId }, signal));
    };
  }

  /** Remembers the handler of a sandbox, which never changes. */
  sandboxCreated(sandboxId: string, handler: string): void {
    this.#handlers.set(sandboxId, handler);
  }

  /** Stops watching. Leaves the connection open. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#watching);
  }

  async #learn(
    watched: {
      readonly known: KnownRuntime;
      readonly sandboxId: string;
      readonly capabilities: CapabilityChange | undefined;
      readonly containerId: string;
    },
    signal: AbortSignal,
  ): Promise<void> {
    const { architecture, kernel, clock } = this.#dependencies;
    const { known } = watched;
    const handler = await this.#handlerOf({ sandboxId: watched.sandboxId }, signal);
    const defaults = await handlerDefaults(known.facts, handler);
    const predicted = containerCapabilities(watched.capabilities, defaults.capabilities);
    const reportedAt = this.#reports.get(defaults.key)?.reportedAt(predicted);
    if (reportedAt !== undefined && clock() - reportedAt < freshFor) return;
    const report = parseContainerReport(await askContainerInfo(this.#cri, watched.containerId, signal));
    // A report counts only from the process that created the container, in the same configuration.
    const now = await this.#ask(signal);
    if (now.connection !== known.connection || !isDeepStrictEqual(now.facts, known.facts)) return;
    if ((await handlerDefaults(now.facts, handler)).key !== defaults.key) return;
    if ('unusable' in report) {
      const message = `cannot use the report of a container under RuntimeDefault: ${report.unusable}`;
      this.#warnOnce('fairlead.baseline.unreadable', message, { runtime: defaults.runtime, handler: defaults.handler });
      return;
    }
    const { profile, capabilities } = report;
    const expected = await expectedDefault(defaults, { architecture, kernel, capabilities });
    const isGuess = defaults.assumption !== undefined;
    const reports = this.#reportsOf(defaults);
    const context = { expected, isGuess, at: clock() };
    this.#logDeviation(defaults, capabilities, reports.add(capabilities, profile, context));
    // For ALL, a runtime grants the capabilities that it has itself. With fewer capabilities, a
    // default profile is stricter, never looser.
    const isPart = capabilities.every((name) => predicted.includes(name));
    if (isPart && capabilities.length < predicted.length) reports.add(predicted, profile, context);
  }

  async #resolve(defaults: HandlerDefaults, capabilities: readonly string[]): Promise<SeccompProfile> {
    const { architecture, kernel } = this.#dependencies;
    const reports = this.#reports.get(defaults.key);
    const key = JSON.stringify([defaults.key, capabilities, reports?.revision ?? 0]);
    const kept = this.#profiles.get(key);
    const profile = kept ?? (await resolve());
    // Deleting and setting moves the entry to the end: the first one is the least recently used.
    this.#profiles.delete(key);
    this.#profiles.set(key, profile);
    const [oldest] = this.#profiles.keys();
    if (this.#profiles.size > mostProfiles && oldest !== undefined) this.#profiles.delete(oldest);
    return profile;

    async function resolve(): Promise<SeccompProfile> {
      const expected = await expectedDefault(defaults, { architecture, kernel, capabilities });
      return reports?.profileFor(capabilities, { expected, mayBeLooser: defaults.mayBeLooser }) ?? expected;
    }
  }

  async #ask(signal: AbortSignal): Promise<KnownRuntime> {
    const { connection } = this.#dependencies;
    const known = this.#known;
    const keeps = () => known !== undefined && known.connection === connection.current;
    const facts = await askFacts(this.#cri, signal, known && { facts: known.facts, keeps });
    const { current } = connection;
    if (current === undefined) {
      throw new FairleadError(
        'Unavailable',
        'the container runtime closed the connection before it reported its configuration',
        {
          hint: 'The runtime may have restarted. The kubelet retries by itself.',
          local: true,
        },
      );
    }
    if (this.#known?.connection !== current) this.#reports.clear();
    this.#known = { facts, connection: current };
    return this.#known;
  }

  async #defaultsOf(runtime: BaselineSubject['runtime'], signal: AbortSignal): Promise<HandlerDefaults> {
    const limited = this.#limited(signal);
    const [{ facts }, handler] = await Promise.all([this.#ask(limited), this.#handlerOf(runtime, limited)]);
    return handlerDefaults(facts, handler);
  }

  async #handlerOf(runtime: BaselineSubject['runtime'], signal: AbortSignal): Promise<string> {
    if ('handler' in runtime) return runtime.handler;
    const { sandboxId } = runtime;
    const handler = this.#handlers.get(sandboxId) ?? (await askHandler(this.#cri, sandboxId, signal));
    this.#handlers.set(sandboxId, handler);
    return handler;
  }

  #reportsOf({ key }: HandlerDefaults): ReportedDefaults {
    const known = this.#reports.get(key);
    if (known !== undefined) return known;
    // Normally few: one for each handler and for each change of a file.
    if (this.#reports.size >= mostProfiles) this.#reports.clear();
    const reports = new ReportedDefaults(nativeArchitecture(this.#dependencies.architecture));
    this.#reports.set(key, reports);
    return reports;
  }

  #inBackground(work: (signal: AbortSignal) => Promise<void>): void {
    const running = work(this.#limited(this.#stopping.signal))
      .catch((thrown: unknown) => this.#logFailure(toFairleadError(thrown)))
      .finally(() => this.#watching.delete(running));
    this.#watching.add(running);
  }

  /**
   * Logs a failure of work in the background. A stopped runtime and a removed container are normal.
   * Other messages contain positions in reports, so only one for each kind of error is logged.
   */
  #logFailure({ kind, message }: FairleadError): void {
    if (kind === 'Unavailable' || kind === 'NotFound') {
      this.#dependencies.log.debug({ messageId: 'fairlead.baseline.unreadable' }, message);
    } else this.#warnOnce('fairlead.baseline.unreadable', message, {}, kind);
  }

  #limited(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  }

  #logDeviation(
    { runtime, handler }: HandlerDefaults,
    capabilities: readonly string[],
    deviation: Deviation | undefined,
  ): void {
    if (deviation === undefined) return;
    const [loosened, tightened] = [deviation.loosened.slice(0, mostNames), deviation.tightened.slice(0, mostNames)];
    const fields = { messageId: 'fairlead.baseline.reported', runtime, handler, capabilities, loosened, tightened };
    if (loosened.length + tightened.length === 0)
      this.#dependencies.log.debug(fields, 'the default profile of the runtime is as expected');
    else this.#dependencies.log.warn(fields, 'the default profile of the runtime differs from the expected one');
  }

  #warnOnce(messageId: string, message: string, fields: object, topic = message): void {
    const key = `${messageId} ${topic}`;
    if (this.#logged.has(key)) return;
    if (this.#logged.size >= mostProfiles) this.#logged.clear();
    this.#logged.add(key);
    this.#dependencies.log.warn({ messageId, ...fields }, message);
  }
}
