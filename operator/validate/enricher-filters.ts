import * as v from 'valibot';
import { closest } from '#lib/text/closest';
import { quote } from '#lib/text/quote';
import { fieldOfSteps } from './field.ts';
import { plainText } from './plain-text.ts';
import { refusing, type Verdict, type Violation, type Warning } from './verdict.ts';

const limits = { characters: 65_536, filters: 256, keys: 64 };

const filterSchema = v.strictObject({
  priority: v.pipe(v.number(), v.integer()),
  level: v.picklist(['Metadata', 'None']),
  matchKeys: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(limits.keys)),
  matchValues: v.optional(v.pipe(v.array(v.union([v.string(), v.number()])), v.maxLength(limits.keys))),
});
const filtersSchema = v.pipe(v.array(filterSchema), v.maxLength(limits.filters));

/** What lines of the two enrichers have, by which filters can match. */
const keys: Readonly<Record<'log' | 'json', readonly string[]>> = {
  log: [
    ...['timestamp', 'type', 'node', 'namespace', 'pod', 'container', 'executable', 'pid', 'syscallID', 'syscallName'],
    ...['profile', 'perm', 'scontext', 'tcontext', 'tclass', 'apparmor', 'operation', 'name', 'extra_info'],
  ],
  json: [
    ...['version', 'auditID', 'executable', 'cmdLine', 'uid', 'gid', 'pid', 'syscalls', 'timestamp', 'requestUID'],
    ...['resource', 'resource/pod', 'resource/namespace', 'resource/container', 'node', 'node/name'],
  ],
};

const shape = '[{"priority": 100, "level": "Metadata", "matchKeys": ["namespace"], "matchValues": ["default"]}]';
const fix = `Write a list such as ${shape}; level is Metadata or None.`;

/**
 * Validates the filters of an enricher: text that holds a list in JSON. Filters are
 * tried in the order of their priority. The first one applies for which an event has one of the
 * keys with one of the values.
 */
export function validateFilters(field: string, text: string, enricher: 'log' | 'json'): Verdict {
  if (text.trim() === '') return refusing([]);
  if (text.length > limits.characters) {
    const problem = `has ${text.length} characters, more than ${limits.characters}`;
    return refusing([{ field, problem, fix: 'Use fewer filters.' }]);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    const reason = thrown instanceof Error ? plainText(thrown.message) : 'unreadable';
    return refusing([{ field, problem: `is not valid JSON: ${reason}`, fix }]);
  }
  const parsed = v.safeParse(filtersSchema, value);
  if (!parsed.success) {
    return refusing(
      parsed.issues.slice(0, 20).map((issue): Violation => {
        const place = fieldOfSteps((issue.path ?? []).map(({ key }) => key));
        return { field, problem: `${place === '' ? 'the list' : place}: ${plainText(issue.message)}`, fix };
      }),
    );
  }
  return { violations: [], warnings: [...filterWarnings(field, parsed.output, enricher)] };
}

function* filterWarnings(
  field: string,
  filters: v.InferOutput<typeof filtersSchema>,
  enricher: 'log' | 'json',
): Generator<Warning> {
  const priorities = new Map<number, number>();
  for (const [index, { priority, matchKeys }] of filters.entries()) {
    const other = priorities.get(priority);
    priorities.set(priority, index);
    if (other !== undefined) {
      const message = `[${index}] has the priority ${priority} of [${other}]: which of them decides is open`;
      yield { field, message };
    }
    for (const key of matchKeys) {
      if (keys[enricher].includes(key)) continue;
      const meant = closest(key, keys[enricher]);
      const suggestion = meant === undefined ? `lines have ${keys[enricher].join(', ')}` : `did you mean ${meant}?`;
      yield { field, message: `[${index}]: no line has the key ${quote(key, 64)}: ${suggestion}` };
    }
  }
}
