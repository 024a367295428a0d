import type { Logger } from 'pino';
import type { CatalogEntry } from '#lib/catalog/entry';
import { sizeOfCatalog } from '#lib/catalog/group-entries';
import { type Catalog, entriesOf, readCatalog } from '#lib/catalog/read-catalog';
import { CatalogSearch } from '#lib/catalog/search';
import { FairleadError, shownMessage, toFairleadError } from '#lib/errors';
import { formatReference, type Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import type { PolicySource } from '#lib/trust/policy/follow-policy';

/** Milliseconds from one reading of the catalogs to the next, and for one reading of a catalog. */
const readingInterval = 60_000;
const longestReading = 30_000;

/** What the catalogs work with. */
export interface CatalogsDependencies {
  readonly policy: Pick<PolicySource, 'current'>;
  readonly connect: (reference: Reference) => ReadTarget;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** One catalog that the service follows. */
export interface CatalogState {
  readonly reference: string;
  /** The catalog in force; undefined if it was never read. */
  readonly catalog: Catalog | undefined;
  /** Why the last reading failed: the catalog that was read before stays in force. */
  readonly problem: FairleadError | undefined;
}

/** The catalogs for those who only read them. */
export type FollowedCatalogs = Pick<Catalogs, 'current' | 'references' | 'states' | 'wereTried' | 'details'>;

/** A catalog, as it was read last. */
interface Followed {
  readonly reference: Reference;
  catalog?: Catalog | undefined;
  problem?: FairleadError | undefined;
}

/**
 * The catalogs that the service follows, read again every minute. If one cannot be read, the one
 * that was read before stays in force, unless the policy refuses it now.
 */
export class Catalogs {
  readonly #dependencies: CatalogsDependencies;
  readonly #followed: readonly Followed[];
  readonly #ended = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #search = new CatalogSearch([]);
  #wereTried = false;

  constructor(references: readonly Reference[], dependencies: CatalogsDependencies) {
    this.#dependencies = dependencies;
    this.#followed = references.map((reference) => ({ reference }));
  }

  /** The profiles of all catalogs. */
  current(): CatalogSearch {
    return this.#search;
  }

  get references(): readonly Reference[] {
    return this.#followed.map(({ reference }) => reference);
  }

  /** The state of each catalog, in the order of the configuration. */
  get states(): readonly CatalogState[] {
    return this.#followed.map(({ reference, catalog, problem }) => ({
      reference: formatReference(reference),
      catalog,
      problem,
    }));
  }

  /**
   * Whether each catalog was read once, or could not be read: a service that starts beside a
   * registry that is down serves what it can.
   */
  get wereTried(): boolean {
    return this.#wereTried || this.#followed.length === 0;
  }

  /** What the health of the service shows. */
  get details(): object {
    if (this.#followed.length === 0) return {};
    return {
      catalogs: this.states.map(({ reference, catalog, problem }) => ({
        reference,
        ...(catalog !== undefined && { digest: catalog.descriptor.digest, built: catalog.built }),
        ...(problem !== undefined && { problem: problem.kind }),
      })),
    };
  }

  /** Begins to follow the catalogs. Resolves when each was read, or could not be read. */
  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.read(), readingInterval);
    this.#timer.unref();
    await this.read();
  }

  /** Stops following: nothing is reported and nothing changes after it. */
  stop(): void {
    clearInterval(this.#timer);
    this.#ended.abort(new FairleadError('Unavailable', 'the service stops'));
  }

  /** Reads all catalogs again. */
  async read(): Promise<void> {
    const changed = await Promise.all(this.#followed.map((followed) => this.#readOne(followed)));
    if (this.#ended.signal.aborted) return;
    this.#wereTried = true;
    if (changed.includes(true)) this.#search = new CatalogSearch(this.#entries());
  }

  *#entries(): Generator<CatalogEntry, void, undefined> {
    for (const { catalog } of this.#followed) if (catalog !== undefined) yield* entriesOf(catalog);
  }

  /** Returns whether the catalog is another one now. */
  async #readOne(followed: Followed): Promise<boolean> {
    const { policy, connect, log } = this.#dependencies;
    const { reference, catalog: previous } = followed;
    const record = { messageId: 'fairlead.catalog.read', catalog: formatReference(reference) };
    try {
      const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(longestReading)]);
      const read = await readCatalog(reference, { policy: policy.current, connect, previous, signal });
      const isNew = read.descriptor.digest !== previous?.descriptor.digest;
      const hadProblem = followed.problem !== undefined;
      followed.catalog = read;
      followed.problem = undefined;
      const { digest } = read.descriptor;
      if (previous !== undefined && isOlder(read, previous)) {
        const times = { built: read.built, previousBuilt: previous.built };
        const text =
          'the tag names a catalog that was built before the previous one: it was set back, or its registry lies';
        log.warn({ ...record, messageId: 'fairlead.catalog.older', digest, ...times }, text);
      }
      if (isNew || hadProblem) log.info({ ...record, digest, ...sizeOfCatalog(entriesOf(read)) }, 'catalog read');
      return isNew;
    } catch (thrown) {
      if (this.#ended.signal.aborted) return false;
      const error = toFairleadError(thrown);
      const isRefused = error.kind === 'NotAllowed' || error.kind === 'SignatureInvalid';
      if (isRefused) followed.catalog = undefined;
      if (error.message !== followed.problem?.message) {
        const effect = followed.catalog === undefined ? 'it has no effect' : 'the previous one stays in force';
        const told = { ...record, messageId: 'fairlead.catalog.unread', hint: error.hint };
        log.warn(told, `the catalog cannot be read, ${effect}: ${shownMessage(error)}`);
      }
      followed.problem = error;
      return isRefused && previous !== undefined;
    }
  }
}

/** Reports whether a catalog states an earlier time than another one. */
function isOlder({ built }: Catalog, { built: other }: Catalog): boolean {
  return built !== undefined && other !== undefined && Date.parse(built) < Date.parse(other);
}
