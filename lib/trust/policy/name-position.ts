import { registryNames } from '#lib/registry/registry-name';

/** The hosts of Docker Hub. Rules use the first one. */
export const hubNames: readonly string[] = registryNames('docker.io');

/**
 * A position in `registry/repository` as rules see it: the registry by its normalized name
 * (registry-name.ts), the repository as in references. A position is the shortest text that can
 * continue in the same ways; the empty text is the beginning.
 */
export type NamePosition = string;

/** Every character that such a name can contain. */
export const nameCharacters: readonly string[] = [...'abcdefghijklmnopqrstuvwxyz0123456789./-_:[]'];

/** Returns whether a name may end at this position. */
export function isWholeName(position: NamePosition): boolean {
  return position === '/x';
}

/**
 * Returns the position after one more character; undefined if no name continues with it. Accepts
 * slightly more than there is: of numbers in addresses and ports only the digits are counted, and
 * an IPv6 address is any digits and colons in brackets.
 */
export function nextPosition(position: NamePosition, character: string): NamePosition | undefined {
  const step = `${position} ${character}`;
  if (!known.has(step)) known.set(step, after(position, character));
  return known.get(step);
}

/** A cache: there are few positions, and each is reached often. */
const known = new Map<string, NamePosition | undefined>();

function after(position: NamePosition, character: string): NamePosition | undefined {
  const text = position + character;
  if (character === '/') {
    const isRegistry = isWholeHost(position) || /^:[0-9]/.test(position);
    return isWholeName(position) || (isRegistry && !hubNames.slice(1).includes(position)) ? '/' : undefined;
  }
  if (position.startsWith('/')) return inRepository(text);
  if (position.startsWith('[')) return inBrackets(text);
  if (position.startsWith(':')) return /^:(?:0|[1-9][0-9]{0,4})$/.test(text) ? onlyDigitsCount(text) : undefined;
  if (character === '[') return position === '' ? text : undefined;
  if (character === ':') return isWholeHost(position) ? ':' : undefined;
  return inHost(text);
}

function inRepository(text: string): NamePosition | undefined {
  if (/^\/(?:x(?:\.|_|__|-)?)?[a-z0-9]$/.test(text)) return '/x';
  return /^\/x(?:\.|__?|--?)$/.test(text) ? text.replace('--', '-') : undefined;
}

function inBrackets(text: string): NamePosition | undefined {
  if (/^\[1?[0-9a-f:]$/.test(text)) return '[1';
  return text === '[1]' ? text : text === '[1]:' ? ':' : undefined;
}

const addressBeginning = /^(?:(?:0|[1-9][0-9]{0,2})\.){0,3}(?:0|[1-9][0-9]{0,2})?$/;

function inHost(text: string): NamePosition | undefined {
  if (!/^[a-z0-9.-]+$/.test(text) || /(?:^|[.-])\.$|(?:^|\.)-$/.test(text)) return undefined;
  if (hubNames.some((name) => name.startsWith(text))) return text;
  if (addressBeginning.test(text)) return onlyDigitsCount(text);
  // In other hosts only the last label matters: if it is a number, URLs treat the host as an
  // address.
  const label = text.slice(text.lastIndexOf('.') + 1);
  if (label === '' || label === '0') return `x.${label}`;
  if (/^[0-9]+$/.test(label)) return 'x.1';
  if (/^0x[0-9a-f]*$/.test(label)) return 'x.0x';
  return label.endsWith('-') ? 'x.x-' : 'x.x';
}

function isWholeHost(position: NamePosition): boolean {
  if (position === '[1]' || /^(?:[0-9]+\.){3}[0-9]+$/.test(position)) return true;
  return /^[a-z].*[a-z0-9]$|^[a-z]$/.test(position) && !/\.(?:[0-9]+|0x)$/.test(position);
}

function onlyDigitsCount(text: string): string {
  return text.replace(/[1-9][0-9]*/g, (digits) => '1'.repeat(digits.length));
}
