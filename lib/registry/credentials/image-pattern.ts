/**
 * Returns the pattern that matches an image and comes first in the order of the kubelet, which is
 * reverse alphabetical: longer names first. Returns undefined if none matches.
 */
export function closestPattern(patterns: readonly string[], image: string): string | undefined {
  return [...patterns]
    .sort()
    .reverse()
    .find((pattern) => matchesImage(pattern, image));
}

/**
 * Reports whether a pattern of the kubelet matches an image's name without tag: the same number of
 * labels in the host, each matching its glob (`*` and `?` within one label), the same port, and a
 * path that begins with the pattern's.
 */
export function matchesImage(pattern: string, image: string): boolean {
  const [wanted, actual] = [splitImage(pattern), splitImage(image)];
  if (wanted.port !== actual.port || wanted.labels.length !== actual.labels.length) return false;
  return (
    actual.path.startsWith(wanted.path) &&
    wanted.labels.every((glob, at) => matchesLabel(glob, actual.labels[at] ?? ''))
  );
}

function splitImage(text: string): { labels: string[]; port: string; path: string } {
  const name = text.replace(/^https?:\/\//, '');
  const slash = name.indexOf('/');
  const host = slash < 0 ? name : name.slice(0, slash);
  const port = /:([0-9]+)$/.exec(host)?.[1] ?? '';
  const bare = port === '' ? host : host.slice(0, -port.length - 1);
  return { labels: bare.split('.'), port, path: slash < 0 ? '' : name.slice(slash).replace(/\/+$/, '') };
}

/**
 * Matches by `*` and `?`. After a mismatch only the last star takes one more character: no pattern
 * takes long.
 */
function matchesLabel(glob: string, label: string): boolean {
  let at = 0;
  let star = -1;
  let taken = 0;
  for (let position = 0; position < label.length; ) {
    if (glob[at] === '*') {
      star = at++;
      taken = position;
    } else if (at < glob.length && (glob[at] === '?' || glob[at] === label[position])) {
      at++;
      position++;
    } else if (star >= 0) {
      at = star + 1;
      position = ++taken;
    } else return false;
  }
  while (glob[at] === '*') at++;
  return at === glob.length;
}
