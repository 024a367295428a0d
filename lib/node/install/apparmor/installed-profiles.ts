import { FairleadError } from '#lib/errors';
import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import type { ProfileMode } from '#lib/profile/constraint';
import { Flights } from '../../../concurrency/flights.ts';
import { unlessAborted } from '../../../concurrency/unless-aborted.ts';
import { ExpensiveProfiles } from './expensive-profiles.ts';
import type { AppArmorLoader, RenderedAppArmor } from './loader.ts';
import { renderForNode } from './render.ts';

/** How long a profile stays loaded after it was last asked for, in milliseconds. */
const lifetime = 10 * 60 * 1000;

/** The dependencies of InstalledAppArmor. */
export interface InstalledAppArmorDependencies {
  readonly loader: Pick<AppArmorLoader, 'load' | 'unload'>;
  /** Returns the names of Fairlead's profiles that the kernel has. */
  readonly loaded: () => Promise<ReadonlySet<string>>;
  /** Returns milliseconds that only increase: the time of the node may jump. */
  readonly clock: () => number;
}

/** Fairlead's AppArmor profiles in the kernel of this node, from this process and earlier ones. */
export class InstalledAppArmor {
  readonly #dependencies: InstalledAppArmorDependencies;
  readonly #begun: number;
  /** When each profile was last asked for, by its name. */
  readonly #asked = new Map<string, number>();
  /** The profiles that are being loaded. */
  readonly #loads = new Flights<void>();
  readonly #expensive: ExpensiveProfiles;
  /** The profiles that are being unloaded. */
  readonly #unloading = new Map<string, Promise<void>>();

  constructor(dependencies: InstalledAppArmorDependencies) {
    this.#dependencies = dependencies;
    this.#begun = this.time;
    this.#expensive = new ExpensiveProfiles(dependencies.clock);
  }

  /**
   * Loads a profile unless the kernel has it, and returns its name. With mode Log, only the denials
   * of the runtime's default template are enforced. Callers that ask for the same profile at the
   * same time share one load. Throws as renderForNode and AppArmorLoader.load do; for some minutes
   * after LimitExceeded, the same without loading.
   */
  async put(profile: AppArmorProfile, mode: ProfileMode | undefined, signal: AbortSignal): Promise<string> {
    const rendered = renderForNode(profile, mode === 'Log' ? { enforceDefaults: true } : {});
    if (!(await this.holds(rendered.name))) {
      await this.#loads.join(rendered.name, signal, (ending) => this.#load(rendered, ending)).result;
    }
    return rendered.name;
  }

  async #load(rendered: RenderedAppArmor, signal: AbortSignal): Promise<void> {
    this.#expensive.check(rendered.name);
    try {
      await this.#dependencies.loader.load(rendered, signal);
    } catch (error) {
      this.#expensive.note(rendered.name, error);
      throw error;
    }
  }

  /** Reports whether the kernel has a profile. Keeps it then as {@link put} does. */
  async holds(name: string): Promise<boolean> {
    this.#asked.set(name, this.time);
    await this.#unloading.get(name);
    return (await this.#dependencies.loaded()).has(name);
  }

  /** The time by which requests for profiles are remembered, in milliseconds. */
  get time(): number {
    return this.#dependencies.clock();
  }

  /**
   * Unloads the profiles that no container uses and that were not asked for in the last ten
   * minutes, or another time in milliseconds. Returns their names. `inUse` must have those of
   * created containers: without its profile such a container does not start, or, if its process
   * waits for the start already, runs unconfined. `asOf` is the {@link time} before the containers
   * were listed, which may take long: those created since are not in `inUse`. Throws as
   * AppArmorLoader.unload does, except for a profile that confines a process: it stays. Rejects
   * with the reason of the signal.
   */
  async dropUnused(
    inUse: ReadonlySet<string>,
    signal: AbortSignal,
    { life = lifetime, asOf = this.time }: { readonly life?: number | undefined; readonly asOf?: number } = {},
  ): Promise<readonly string[]> {
    const oldest = asOf - life;
    const dropped: string[] = [];
    for (const name of await this.#dependencies.loaded()) {
      signal.throwIfAborted();
      if (inUse.has(name) || (this.#asked.get(name) ?? this.#begun) > oldest || this.#unloading.has(name)) continue;
      if (await unlessAborted(this.#unload(name), signal)) dropped.push(name);
    }
    return dropped;
  }

  /**
   * Unloads a profile; returns false for one that confines a process. From now on, requests for the
   * profile wait, and load it again. No caller can end that: the loader might unload the profile
   * all the same, after a request has found it loaded.
   */
  #unload(name: string): Promise<boolean> {
    this.#asked.delete(name);
    const { signal } = new AbortController();
    const unloading = this.#dependencies.loader.unload(name, signal).then(() => true, unlessConfined);
    const ended = unloading.then(
      () => undefined,
      () => undefined,
    );
    this.#unloading.set(
      name,
      ended.finally(() => this.#unloading.delete(name)),
    );
    return unloading;
  }
}

function unlessConfined(error: unknown): false {
  if (!(error instanceof FairleadError) || error.kind !== 'Conflict') throw error;
  return false;
}
