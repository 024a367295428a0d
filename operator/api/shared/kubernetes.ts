import * as v from 'valibot';
import type { JsonObject } from './json.ts';

/** A rule of the Common Expression Language, which the API server evaluates (1.25 and newer). */
export interface CelRule {
  readonly rule: string;
  /** What is wrong and what is expected, in words. */
  readonly message: string;
  /** The field at fault, from the value that has the rule: `.recorder`. */
  readonly fieldPath?: string;
}

/**
 * What the OpenAPI schema of a custom resource specifies, and a valibot schema has no word for. The
 * generator of the CRDs reads it.
 */
export interface KubernetesHints {
  readonly listType?: 'set' | 'map' | 'atomic';
  /** The fields that identify an item of a list of type `map`. */
  readonly listMapKeys?: readonly string[];
  readonly mapType?: 'atomic';
  readonly format?: 'int32' | 'int64' | 'date-time';
  readonly validations?: readonly CelRule[];
  /** The type of the value, where valibot's type of schema does not determine it. */
  readonly type?: JsonObject;
  /** The schema of each value, where the value is an object with any keys. */
  readonly values?: v.GenericSchema;
}

/** Returns an action that adds hints to a schema. */
export function kubernetes<T>(hints: KubernetesHints): v.MetadataAction<T, { readonly kubernetes: KubernetesHints }> {
  return v.metadata({ kubernetes: hints });
}

interface Rule<T> extends CelRule {
  /** Whether a value is valid: the same as `rule`, for those that know no such expressions. */
  readonly holds: (value: T) => boolean;
}

/**
 * Returns the actions of a rule that both the API server and Fairlead itself check. An API server
 * that is older than 1.25 does not know it; there the admission webhook refuses the same objects.
 */
export function rule<T>({ holds, ...cel }: Rule<T>) {
  return [v.check(holds, cel.message), kubernetes<T>({ validations: [cel] })] as const;
}

/** Returns a list without duplicates, which is merged by server-side apply. */
export function setOf<T extends v.GenericSchema<string>>(item: T) {
  return v.pipe(
    v.array(item),
    v.check((items) => new Set(items).size === items.length, 'must not have duplicates'),
    kubernetes({ listType: 'set' }),
  );
}

/** Returns a list that server-side apply replaces as a whole. */
export function atomicListOf<T extends v.GenericSchema>(item: T) {
  return v.pipe(v.array(item), kubernetes({ listType: 'atomic' }));
}

/** Returns a list of objects that are identified by the field `key`. */
export function listByKey<K extends string, T extends v.GenericSchema<{ [key in K]?: string | undefined }>>(
  key: K,
  item: T,
) {
  return v.pipe(
    v.array(item),
    v.check(
      (items) => new Set(items.map((each) => (each as { [key in K]: string })[key])).size === items.length,
      `must not have two items of the same ${key}`,
    ),
    kubernetes({ listType: 'map', listMapKeys: [key] }),
  );
}

/**
 * Returns an object with any keys. Not valibot's record, which drops the keys `constructor` and
 * `prototype`: they are names like any other, and what is checked must be what is installed.
 */
export function mapOf<T extends v.GenericSchema>(values: T) {
  return v.pipe(
    v.custom<Readonly<Record<string, v.InferOutput<T>>>>(isObject, 'must be an object'),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      for (const [key, value] of Object.entries(dataset.value)) {
        for (const issue of v.safeParse(values, value).issues ?? []) {
          addIssue({
            message: issue.message,
            path: [{ type: 'object', origin: 'value', input: dataset.value, key, value }, ...(issue.path ?? [])] as [
              v.IssuePathItem,
              ...v.IssuePathItem[],
            ],
          });
        }
      }
    }),
    kubernetes({ values }),
  );
}

function isObject(input: unknown): boolean {
  return typeof input === 'object' && input !== null && !Array.isArray(input);
}

/** Returns an integer of 32 bits that is at least `least`. */
export function int32(least: number) {
  return v.pipe(
    v.number(),
    v.integer(),
    v.minValue(least),
    v.check((value) => value < 2 ** 31, 'must be less than 2147483648'),
    kubernetes({ format: 'int32' }),
  );
}

/**
 * Returns an integer of 64 bits that is not negative. It is a bigint above 2^53, where a number of
 * JavaScript would be rounded.
 */
export function int64() {
  return v.pipe(
    v.custom<number | bigint>(
      (input) => (Number.isSafeInteger(input) || typeof input === 'bigint') && isUnsigned(input as number | bigint),
      'must be an integer from 0 to 9223372036854775807',
    ),
    kubernetes({ type: { type: 'integer', format: 'int64', minimum: 0 } }),
  );
}

function isUnsigned(value: number | bigint): boolean {
  return value >= 0 && value < 2n ** 63n;
}

/** Returns the schema of a number that counts something: an integer of at least 0. */
export function count(format: 'int32' | 'int64', description: string) {
  return v.pipe(v.number(), v.integer(), v.minValue(0), kubernetes({ format }), v.description(description));
}
