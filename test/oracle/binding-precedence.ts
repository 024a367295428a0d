/**
 * What bindings of all kinds make of a container, decided in another way than by operator/bind: the
 * objects as users write them are compared pair by pair, patterns are regular expressions, and
 * profiles are texts.
 */
export interface BindingObject {
  readonly kind: 'ArtifactBinding' | 'ClusterArtifactBinding' | 'ProfileBinding';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly podSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly namespaceSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly images?: readonly string[];
    readonly containers?: readonly string[];
    readonly reference?: string;
    readonly artifactRef?: { readonly kind: string; readonly name: string };
    readonly profileFrom?: string;
    readonly base?: string;
    readonly mode?: string;
    readonly image?: string;
    readonly profileRef?: { readonly kind: string; readonly name: string };
  };
}

/** What is asked about: a container, or the pod itself without a name. */
export interface Asked {
  readonly labels: Readonly<Record<string, string>>;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  readonly name?: string;
  readonly image?: string;
}

/** The profiles that names stand for. Absent ones are not known. */
export interface KnownProfiles {
  /** By kind and name: `ProfileArtifact/web`. */
  readonly artifacts: ReadonlyMap<string, string>;
  /** By kind and image: `ProfileArtifact/docker.io/library/nginx@sha256:…`. */
  readonly images: ReadonlyMap<string, string>;
  /** By name: paths of files. */
  readonly files: ReadonlyMap<string, string>;
}

/** The expected decision; `profile` is the path that a pod names. */
export type Expected =
  | { readonly is: 'unbound' }
  | { readonly is: 'profile'; readonly profile: string; readonly by: readonly string[] }
  | { readonly is: 'conflict'; readonly between: readonly string[] }
  | { readonly is: 'unknown' };

/** Returns what bindings make of a container. */
export function expectedDecision(bindings: readonly BindingObject[], asked: Asked, known: KnownProfiles): Expected {
  const matching = bindings.filter((binding) => matches(binding, asked));
  const deciding = matching.filter((one) => !matching.some((other) => isBeatenBy(one, other, asked)));
  if (deciding.length === 0) return { is: 'unbound' };
  const profiles = deciding.map((binding) => profileOf(binding, asked, known));
  const names = deciding.map(({ metadata }) => metadata.name);
  if (new Set(profiles.filter((profile) => profile !== undefined)).size > 1) return { is: 'conflict', between: names };
  const [profile] = profiles;
  return profile === undefined || profiles.includes(undefined)
    ? { is: 'unknown' }
    : { is: 'profile', profile, by: names };
}

/** Returns the full name of an image: `docker.io/library/nginx:latest`. */
export function fullName(image: string): string {
  const [, name = '', tag, digest] = /^([^@]*?)(:[^:@/]*)?(@.*)?$/.exec(image) ?? [];
  const isShort = !/^(localhost|[^/]*[.:][^/]*)\//.test(name);
  const complete = isShort ? `docker.io/${name.includes('/') ? '' : 'library/'}${name}` : name;
  return `${complete}${tag ?? (digest === undefined ? ':latest' : '')}${digest ?? ''}`;
}

/** The digest decides. */
function withoutRedundantTag(image: string): string {
  return image.replace(/:[^/@]*@/, '@');
}

function selected(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>> = {}): boolean {
  return Object.keys(wanted).every((key) => labels[key] === wanted[key]);
}

function matches({ kind, spec }: BindingObject, { labels, namespaceLabels, name, image }: Asked): boolean {
  if (!selected(labels, spec.podSelector?.matchLabels)) return false;
  if (kind === 'ClusterArtifactBinding' && !selected(namespaceLabels, spec.namespaceSelector?.matchLabels))
    return false;
  if (spec.containers !== undefined && (name === undefined || !spec.containers.includes(name))) return false;
  if (name === undefined && spec.profileFrom !== undefined) return false;
  const patterns = patternsOf(spec);
  if (patterns === undefined) return true;
  return image !== undefined && patterns.some((pattern) => expressionOf(pattern).test(fullName(image)));
}

/** Returns the patterns of a binding, as `images` has them; undefined if any image matches. */
function patternsOf({ images, image }: BindingObject['spec']): readonly string[] | undefined {
  if (images !== undefined) return images;
  if (image === undefined || image === '*') return undefined;
  return [withoutRedundantTag(fullName(image))];
}

function expressionOf(pattern: string): RegExp {
  const [name = '', digest] = pattern.split('@');
  const parts = /^(.*\/[^:/]*):([^:/]*)$/.exec(name);
  const text = (part: string) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&');
  const path = text(parts?.[1] ?? name)
    .replaceAll('**/', '(?:[^/:@]+(?::[0-9]+)?/)<any>')
    .replaceAll('**', '[^:@]+')
    .replaceAll('*', '[^/:@]*')
    .replaceAll('<any>', '*');
  const tag = parts?.[2] === undefined ? '(?::[^/@]*)?' : `:${text(parts[2]).replaceAll('*', '[^/@]*')}`;
  return new RegExp(`^${path}${tag}${digest === undefined ? '(?:@.*)?' : `@${digest}`}$`);
}

/** Reports whether the other binding is more specific, by the table in docs/guides/cluster.md. */
function isBeatenBy(one: BindingObject, other: BindingObject, { image }: Asked): boolean {
  const isEmpty = (spec: BindingObject['spec']) => Object.keys(spec.podSelector?.matchLabels ?? {}).length === 0;
  const columns = [
    ({ spec }: BindingObject) => (spec.containers === undefined ? 'b' : 'a'),
    ({ spec }: BindingObject) => imageColumn(spec, image),
    ({ spec }: BindingObject) => (isEmpty(spec) ? 'b' : 'a'),
    ({ kind }: BindingObject) => (kind.startsWith('Cluster') ? 'b' : 'a'),
  ];
  const [mine, others] = [one, other].map((binding) => columns.map((column) => column(binding)).join(''));
  return (others ?? '') < (mine ?? '');
}

function imageColumn(spec: BindingObject['spec'], image = ''): string {
  if (spec.image === '*') return 'z';
  const columns = (patternsOf(spec) ?? [])
    .filter((pattern) => expressionOf(pattern).test(fullName(image)))
    .map((pattern) => {
      if (pattern.includes('@')) return 'a';
      const [, tag] = /:([^/]*)$/.exec(pattern) ?? [];
      if (tag !== undefined) return tag.includes('*') ? 'c' : 'b';
      return pattern.includes('*') ? 'e' : 'd';
    });
  return columns.sort()[0] ?? 'f';
}

function profileOf({ kind, spec }: BindingObject, { image = '' }: Asked, known: KnownProfiles): string | undefined {
  if (spec.profileRef !== undefined) return known.files.get(spec.profileRef.name);
  const full = withoutRedundantTag(fullName(image));
  const holder = kind === 'ClusterArtifactBinding' ? 'ClusterProfileArtifact' : 'ProfileArtifact';
  const reference =
    spec.reference ??
    (spec.artifactRef === undefined
      ? known.images.get(`${holder}/${full}`)
      : known.artifacts.get(`${spec.artifactRef.kind}/${spec.artifactRef.name}`));
  if (reference === undefined) return undefined;
  const base = spec.base === undefined || spec.base === 'RuntimeDefault' ? spec.base : `localhost/${spec.base}`;
  const parameters = [...(base === undefined ? [] : [`base=${base}`]), ...(spec.mode === 'Log' ? ['mode=log'] : [])];
  return `oci/${reference}${parameters.length === 0 ? '' : `?${parameters.join('&')}`}`;
}
