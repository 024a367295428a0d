import { equal, isObject, type Json, type JsonObject, textAt } from './value.ts';

/** A profile in the files. */
export interface KnownProfile {
  readonly kind: string;
  /** Undefined if the manifest has none. */
  readonly namespace: string | undefined;
  readonly name: string;
  /** As it is in v1. */
  readonly spec: Json;
  /** `file:line`. */
  readonly place: string;
}

/** What a reference to a profile, of a time when profiles had namespaces, leads to. */
export type Resolution =
  | { readonly outcome: 'known' | 'unknown' }
  | { readonly outcome: 'clash' | 'elsewhere'; readonly profiles: readonly KnownProfile[] };

/** All profiles in the files, by kind and name: cluster-scoped objects are told apart by these. */
export class Inventory {
  readonly #profiles = new Map<string, KnownProfile[]>();
  readonly #contested = new Map<string, string[]>();

  add(object: JsonObject, spec: Json, place: string): void {
    const kind = textAt(object, 'kind') ?? '';
    const name = textAt(object, 'metadata', 'name');
    if (name === undefined) return;
    const namespace = textAt(object, 'metadata', 'namespace');
    const key = `${kind}/${name}`;
    const known = this.#profiles.get(key) ?? [];
    this.#profiles.set(key, [...known, { kind, namespace, name, spec, place }]);
  }

  /** Returns the profiles of this name in other namespaces. */
  namesakes(kind: string, name: string, namespace: string | undefined): readonly KnownProfile[] {
    return this.#of(kind, name).filter((profile) => profile.namespace !== namespace);
  }

  /** Returns the profiles that would overwrite each other as cluster-scoped objects; [] if none. */
  clash(kind: string, name: string): readonly KnownProfile[] {
    const profiles = this.#of(kind, name);
    const isClash = profiles.some((one) =>
      profiles.some((other) => one.namespace !== other.namespace && !equal(one.spec, other.spec)),
    );
    return isClash ? profiles : [];
  }

  /** Returns what the name of a profile leads to; `namespace` is undefined if it had none. */
  resolve(kinds: readonly string[], name: string, namespace: string | undefined): Resolution {
    const profiles = kinds.flatMap((kind) => this.#of(kind, name));
    if (profiles.length === 0) return { outcome: 'unknown' };
    const clash = kinds.flatMap((kind) => this.clash(kind, name));
    if (clash.length > 0) return { outcome: 'clash', profiles: clash };
    const isHere = profiles.some((profile) => profile.namespace === undefined || profile.namespace === namespace);
    return namespace === undefined || isHere ? { outcome: 'known' } : { outcome: 'elsewhere', profiles };
  }

  /** Notes what refers to a profile of this name in a namespace that has no such profile. */
  contest(profiles: readonly KnownProfile[], reference: string): void {
    for (const { kind, name } of profiles) {
      const key = `${kind}/${name}`;
      this.#contested.set(key, [...(this.#contested.get(key) ?? []), reference]);
    }
  }

  /**
   * Returns what refers to another profile of this name: as long as that is undecided, the profile
   * must keep its namespace, or a later migration would take it for the one that is meant.
   */
  contested(kind: string, name: string): readonly string[] {
    return this.#contested.get(`${kind}/${name}`) ?? [];
  }

  #of(kind: string, name: string): readonly KnownProfile[] {
    return this.#profiles.get(`${kind}/${name}`) ?? [];
  }
}

/** Returns profiles as a message names them: `web/nginx (a.yaml:3) and shop/nginx (b.yaml:7)`. */
export function listed(profiles: readonly KnownProfile[]): string {
  return profiles
    .map(({ namespace, name, place }) => `${namespace === undefined ? '' : `${namespace}/`}${name} (${place})`)
    .join(' and ');
}

/** Returns kind, namespace and name of an object, or `document` of something else. */
export function describeObject(object: Json | undefined): string {
  if (!isObject(object)) return 'document';
  const kind = textAt(object, 'kind');
  if (kind === undefined) return 'document';
  const namespace = textAt(object, 'metadata', 'namespace');
  const name = textAt(object, 'metadata', 'name') ?? textAt(object, 'metadata', 'generateName') ?? '(no name)';
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}
