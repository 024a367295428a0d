import { hash } from 'node:crypto';
import * as v from 'valibot';
import { FairleadError, toFairleadError } from '../errors.ts';
import { hasFewValues } from '../text/few-values.ts';
import { parseAnswer } from './answer.ts';

/**
 * The part of an object that is listed to decide something. Its status and the rest of its metadata
 * are not in it: they change often, for example with each pod that an object selects.
 */
export interface ListedObject {
  readonly metadata: { readonly namespace?: string | undefined; readonly name: string };
  readonly spec: unknown;
}

/** How the objects of a list are read. */
export interface SnapshotOptions<T> {
  /** What is done, for messages: `list the ArtifactBindings of namespace web`. */
  readonly title: string;
  /** The namespace that is listed; undefined for a list of the whole cluster. */
  readonly namespace: string | undefined;
  /** Most objects that are answered for a namespace. */
  readonly most: number;
  /** Returns an object as it is answered; the result depends on nothing else. */
  readonly parse: (object: ListedObject) => T;
}

/** An object, or why it cannot be read. */
export type Parsed<T> = T | FairleadError;

interface Entry<T> {
  readonly namespace: string;
  /** The object as JSON. */
  readonly content: string;
  readonly parsed: Parsed<T>;
}

/** One answer of the API server to a list. */
export interface ListPage<T> {
  /** Of all that is in it but the metadata of the list. */
  readonly digest: string;
  readonly characters: number;
  readonly entries: readonly Entry<T>[];
  /** The token of the next page; empty on the last one. */
  readonly next: string;
  /** How many objects are on later pages, as far as the API server reports it. */
  readonly remaining: number;
}

/** What is answered for a namespace: its objects, or why they cannot be known. */
export type Answer<T> = readonly T[] | FairleadError;

/** The objects of one list, by namespace. */
export interface Snapshot<T> {
  readonly pages: readonly ListPage<T>[];
  readonly answers: ReadonlyMap<string, Answer<T>>;
}

const mostValues = 100_000;

const metadataSchema = v.object({
  continue: v.optional(v.string(), ''),
  remainingItemCount: v.optional(v.number(), 0),
});
const listSchema = v.object({
  metadata: metadataSchema,
  // Go writes an empty list as null.
  items: v.nullable(v.array(v.unknown()), []),
});
const itemSchema = v.object({
  metadata: v.object({ namespace: v.optional(v.string()), name: v.string() }),
  spec: v.optional(v.unknown()),
});

/**
 * Reads an answer of the API server. If it is the same as that of `before`, except for the metadata
 * of the list, which has a new resourceVersion after any write to the cluster, nothing is parsed.
 * Of another one, only the objects are parsed that `before` does not have. Throws Unavailable if
 * the answer is not a list, and LimitExceeded if it has more than 100,000 values.
 */
export function readPage<T>(
  json: string,
  before: Snapshot<T> | undefined,
  options: SnapshotOptions<T> & { readonly index: number },
): ListPage<T> {
  const [objects, metadata] = splitMetadata(json);
  const digest = hash('sha256', objects, 'base64');
  const same = before?.pages[options.index];
  if (same?.digest === digest && metadata !== undefined) return { ...same, ...pageOf(metadata) };
  if (!hasFewValues(Buffer.from(json), mostValues)) {
    throw new FairleadError('LimitExceeded', `cannot ${options.title}: more than ${mostValues} JSON values`);
  }
  const list = v.safeParse(listSchema, parseAnswer(json, options.title));
  if (!list.success) throw notAList(options, v.summarize(list.issues));
  const known = new Map(
    before?.pages.flatMap(({ entries }) => entries.map((entry) => [entry.content, entry] as const)),
  );
  const entries = list.output.items.map((item, index) => readItem(item, index, { ...options, known }));
  return { digest, characters: json.length, entries, ...pageOf(list.output.metadata) };
}

/**
 * Returns the objects of pages by namespace. A namespace whose objects are those of `before` keeps
 * its array, so that what was derived from it can be kept as well.
 */
export function takeSnapshot<T>(
  pages: readonly ListPage<T>[],
  before: Snapshot<T> | undefined,
  options: SnapshotOptions<T>,
): Snapshot<T> {
  const isSame =
    before?.pages.length === pages.length && before.pages.every((page, i) => page.entries === pages[i]?.entries);
  if (isSame) return { pages, answers: before.answers };
  const groups = Map.groupBy(
    pages.flatMap(({ entries }) => entries),
    ({ namespace }) => namespace,
  );
  const answers = new Map<string, Answer<T>>();
  for (const [namespace, group] of groups)
    answers.set(
      namespace,
      answerOf(
        group.map(({ parsed }) => parsed),
        before?.answers.get(namespace),
        options,
      ),
    );
  return { pages, answers };
}

/** Returns the objects of a namespace. Throws the reason why they cannot be known. */
export function objectsOf<T>({ answers }: Pick<Snapshot<T>, 'answers'>, namespace: string): readonly T[] {
  const answer = answers.get(namespace) ?? [];
  if (answer instanceof FairleadError) throw answer;
  return answer;
}

/**
 * Returns a list without its metadata, and its metadata if it is at the end, where API servers
 * write it for custom resources: a member of the outermost object, since that ends right after it.
 * Quotes in a text are escaped, so that the name of the member is found in no text.
 */
function splitMetadata(json: string): [objects: string, metadata: v.InferOutput<typeof metadataSchema> | undefined] {
  const at = json.lastIndexOf('"metadata":{');
  const [, members] = /^"metadata":(\{[^{}]*\})\}\s*$/.exec(json.slice(Math.max(0, at))) ?? [];
  if (at < 0 || members === undefined) return [json, undefined];
  const metadata = v.safeParse(metadataSchema, parseAnswer(members, 'read the metadata of a list'));
  return metadata.success ? [json.slice(0, at), metadata.output] : [json, undefined];
}

function pageOf(metadata: v.InferOutput<typeof metadataSchema>): Pick<ListPage<unknown>, 'next' | 'remaining'> {
  return { next: metadata.continue, remaining: metadata.remainingItemCount };
}

function readItem<T>(
  item: unknown,
  index: number,
  options: SnapshotOptions<T> & { readonly known: ReadonlyMap<string, Entry<T>> },
): Entry<T> {
  const object = v.safeParse(itemSchema, item);
  const namespace = options.namespace ?? (object.success ? object.output.metadata.namespace : undefined);
  if (!object.success || namespace === undefined)
    throw notAList(options, `item ${index} is not an object of a namespace`);
  const content = JSON.stringify(object.output);
  return options.known.get(content) ?? { namespace, content, parsed: parsedOf(object.output as ListedObject, options) };
}

/** Returns an object as it is answered, or why it cannot be read. */
export function parsedOf<T>(object: ListedObject, { parse }: Pick<SnapshotOptions<T>, 'parse'>): Parsed<T> {
  try {
    return parse(object);
  } catch (thrown) {
    return toFairleadError(thrown);
  }
}

/**
 * Returns what is answered for a namespace with these objects: `before`, if they are the same. One
 * that cannot be read is an error, for what it would have decided cannot be known.
 */
export function answerOf<T>(
  group: readonly Parsed<T>[],
  before: Answer<T> | undefined,
  { title, most }: Pick<SnapshotOptions<T>, 'title' | 'most'>,
): Answer<T> {
  if (group.length > most) return new FairleadError('LimitExceeded', `cannot ${title}: there are more than ${most}`);
  const objects: T[] = [];
  for (const parsed of group) {
    if (parsed instanceof FairleadError) return parsed;
    objects.push(parsed);
  }
  const isSame =
    Array.isArray(before) && before.length === objects.length && before.every((each, i) => each === objects[i]);
  return isSame ? before : objects;
}

function notAList({ title }: SnapshotOptions<unknown>, reason: string): FairleadError {
  return new FairleadError('Unavailable', `cannot ${title}: the answer is not a list: ${reason}`);
}
