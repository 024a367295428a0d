/** Where a profile is. */
export interface ProfileAddress {
  readonly registry: string;
  readonly repository: string;
}

/** Returns the path of a profile's page; `version` is a tag or a digest. */
export function profilePath({ registry, repository }: ProfileAddress, version?: string): string {
  const separator = version?.startsWith('sha256:') ? '@' : ':';
  return `/profiles/${inPath(`${registry}/${repository}`)}${version === undefined ? '' : inPath(`${separator}${version}`)}`;
}

/** Returns the path of an image's page. */
export function imagePath(image: string): string {
  return `/images/${inPath(image)}`;
}

/** Returns a text of several segments for a path: what would end the path is escaped. */
function inPath(text: string): string {
  return text
    .split('/')
    .map((part) => encodeURIComponent(part).replaceAll('%3A', ':').replaceAll('%40', '@'))
    .join('/');
}

/** Returns a path with the parameters that have a value. */
export function withQuery(path: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const set = Object.entries(parameters).flatMap(([name, value]) => (value ? [[name, value] as const] : []));
  return set.length === 0 ? path : `${path}?${new URLSearchParams(Object.fromEntries(set))}`;
}
