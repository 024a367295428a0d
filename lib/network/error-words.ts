import { quote, shorten } from '#lib/text/quote';

/** The text of an error that a registry reported. */
export interface RegistryWords {
  /** Its error codes (distribution-spec, "Error Codes"), in capitals; [] if it has none. */
  readonly codes: readonly string[];
  /** Its text, safe to show; '' if it has none. */
  readonly text: string;
  /**
   * Whether the answer is JSON, as registries send it, not the text or page of something in
   * between.
   */
  readonly structured: boolean;
}

/**
 * What is shown of an answer at most: errors, parts of a detail, characters of one text and of all.
 */
const shownErrors = 3;
const shownParts = 4;
const textLimit = 300;
const allLimit = 900;

/**
 * Members with the message of an error, and members with details, of services of all kinds, in the
 * order of their precedence.
 */
const messageMembers = ['message', 'Message', 'error_description', 'title', 'description', 'reason'];
const detailMembers = ['detail', 'details'];

/**
 * Reads the text of an error from the start of a body in any form: `errors` of the
 * distribution-spec with `detail`, errors of OAuth2 and problem details, other JSON, pages of
 * proxies, plain text. The text is not trusted, and may echo what was sent: it is shortened,
 * control and format characters are escaped, and `secrets`, credentials and the queries of URLs are
 * removed.
 */
export function readWords(body: string, secrets: readonly string[] = []): RegistryWords {
  const json = parseJson(body);
  const show = (text: string): string => shownWords(text, secrets);
  if (json === undefined) {
    const text = plainText(body);
    return { codes: [], text: text === '' ? '' : show(text), structured: false };
  }
  const told = errorsIn(json).map((error) => ({ ...error, code: withoutSecretCode(error.code, secrets) }));
  const all = told.slice(0, shownErrors).map(({ code, message, details }) => {
    const extra = details.filter((detail) => !message.includes(detail)).slice(0, shownParts);
    return [
      code,
      ...(message === '' ? [] : [show(message)]),
      ...(extra.length === 0 ? [] : [`(${show(extra.join(', '))})`]),
    ]
      .filter((part) => part !== '')
      .join(' ');
  });
  const text = shorten(all.filter((each) => each !== '').join(', '), allLimit);
  return { codes: told.map(({ code }) => code.toUpperCase()).filter((code) => code !== ''), text, structured: true };
}

/**
 * Returns the text of the challenge in a refusal (RFC 6750, 3), which may be the only text, such as
 * in the answer to HEAD. Safe to show, as with readWords.
 */
export function challengeWords(parameters: Readonly<Record<string, string>>, secrets: readonly string[] = []): string {
  const { error = '', error_description: description = '' } = parameters;
  const parts = [withoutSecretCode(asCode(error), secrets), description && shownWords(description, secrets)];
  return parts.filter((part) => part !== '').join(' ');
}

/** Returns a text as it can be shown: without secrets, quoted, on one line and shortened. */
function shownWords(text: string, secrets: readonly string[]): string {
  return quote(withoutSecrets(text, secrets).replace(/\s+/g, ' '), textLimit);
}

/** One error, as far as it was understood. */
interface ToldError {
  readonly code: string;
  readonly message: string;
  readonly details: readonly string[];
}

/** Returns the errors in an answer: those of the list, or its replacement, or the answer itself. */
function errorsIn(json: unknown): ToldError[] {
  const errors = isRecord(json) ? (json['errors'] ?? (isRecord(json['error']) ? json['error'] : json)) : json;
  return (Array.isArray(errors) ? errors.slice(0, 100) : [errors]).map(readError);
}

function readError(value: unknown): ToldError {
  if (!isRecord(value)) return { code: '', message: goText(textOf(value)), details: [] };
  const message = goText(firstText(value, messageMembers));
  const details = detailMembers.flatMap((name) => detailsIn(value[name]));
  // A number only repeats the status.
  const named = [value['code'], value['error']].find((each) => typeof each === 'string' && each !== '');
  const code = asCode(textOf(named));
  const all = code === '' ? [message, textOf(named), ...details] : [message, ...details];
  const [first = '', ...rest] = all.filter((part) => part !== '');
  return { code, message: first, details: rest };
}

/** Returns the parts of a detail, or of several in a list. */
function detailsIn(detail: unknown): string[] {
  return Array.isArray(detail) ? detail.slice(0, shownParts).flatMap(partsOf) : partsOf(detail);
}

/**
 * Returns the parts of a detail: a text, the message of an object (Quay), or its members
 * (docker-registry).
 */
function partsOf(detail: unknown): string[] {
  if (!isRecord(detail)) return [goText(textOf(detail))];
  const message = firstText(detail, messageMembers);
  if (message !== '') return [goText(message)];
  const members = Object.entries(detail).map(([name, value]) => [name, textOf(value)] as const);
  return members
    .filter(([, text]) => text !== '')
    .slice(0, shownParts)
    .map(([name, text]) => `${name} ${text}`);
}

function firstText(record: Readonly<Record<string, unknown>>, names: readonly string[]): string {
  return names.map((name) => textOf(record[name])).find((text) => text !== '') ?? '';
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value.trim();
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/**
 * Returns a text without what Go's formatting adds if a proxy passes on the error of a registry:
 * `map[message:…]`.
 */
function goText(text: string): string {
  return /^map\[message:(.*)\]$/s.exec(text)?.[1] ?? text;
}

/** Returns a code that contains no secret; '' otherwise. */
function withoutSecretCode(code: string, secrets: readonly string[]): string {
  return withoutSecrets(code, secrets) === code ? code : '';
}

/** Returns a text that is a code; '' otherwise. */
function asCode(text: string): string {
  return /^[A-Za-z0-9_]{1,40}$/.test(text) ? text : '';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Returns the title of a page, the message in XML, or the text itself; '' for binary content. */
function plainText(body: string): string {
  if (/[\0\uFFFD]/.test(body)) return '';
  const markup = /^\s*<|<html/i.test(body);
  const named = markup ? (/<(title|message)\b[^<>]*>([^<]*)/i.exec(body)?.[2] ?? '') : '';
  const text = markup && named.trim() === '' ? body.replace(/<[^<>]*>/g, ' ') : named || body;
  return (markup ? text.replace(/&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-f]{1,6});/gi, readEntity) : text).trim();
}

const namedEntities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function readEntity(whole: string): string {
  const name = whole.slice(1, -1).toLowerCase();
  if (!name.startsWith('#')) return namedEntities[name] ?? whole;
  const code = Number(name.startsWith('#x') ? `0${name.slice(1)}` : name.slice(1));
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}

const left = '(secret)';
/**
 * Characters of each text that are searched for secrets: twelve times what is shown, since secrets
 * may be long.
 */
const searchedLimit = 4096;

/**
 * Removes the secrets that were sent, what looks like credentials, and users and queries of URLs.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const searched = text.length > searchedLimit ? text.slice(0, text.lastIndexOf(' ', searchedLimit)) : text;
  const longestFirst = [...new Set(secrets.flatMap(spellings))].toSorted((a, b) => b.length - a.length);
  return longestFirst
    .reduce(withoutSecret, searched)
    .replace(/\beyJ[\w-]{8,}(?:\.[\w-]*)*/g, left)
    .replace(/\bbearer\s+(?=\S*[\d._])[\w.~+/=-]{8,}/gi, `Bearer ${left}`)
    .replace(/\bbasic\s+([\w+/-]+={0,2})/gi, (whole, encoded: string) =>
      Buffer.from(encoded, 'base64').includes(':') ? `Basic ${left}` : whole,
    )
    .replace(/\b([a-z][a-z0-9+.-]{1,9}:\/\/)[^\s/?#@"'<>]*@/gi, '$1')
    .replace(/\b([a-z][a-z0-9+.-]{1,9}:\/\/[^\s?#"'<>]*)\?[^\s"'<>]*/gi, '$1?…');
}

/** Returns the spellings of a secret: as it is, in quoted text, and in URLs. */
function spellings(secret: string): readonly string[] {
  if (secret === '') return [];
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())];
}

/**
 * Removes a secret. A short one, such as a weak password, is removed only as a whole word: removed
 * from inside words it would be revealed.
 */
function withoutSecret(text: string, secret: string): string {
  if (secret.length >= 8) return text.replaceAll(secret, left);
  const word = secret.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return text.replace(new RegExp(`(?<![\\p{L}\\p{N}_])${word}(?![\\p{L}\\p{N}_])`, 'gu'), left);
}
