import { FairleadError } from '#lib/errors';
import { profileLimits } from '#lib/profile/read-profile';
import { hasFewValues } from '#lib/text/few-values';
import { parseObject } from './parse-object.ts';
import { refusing, type Verdict, type Violation } from './verdict.ts';

/**
 * Most bytes of an object. An API server stores 1.5 MiB: the rest is for its status, and for the
 * annotations of the operator. Without room for these, its fault would not be reported.
 */
const mostBytes = 1024 * 1024;

/**
 * Validates the JSON of an object by the validation of its kind, for the webhook and for the
 * controllers. One that is too large, or not valid JSON, is refused before anything else is
 * examined. Throws what `validate` throws, except that the object cannot be read.
 */
export async function validateJson(
  json: Uint8Array,
  validate: (object: unknown) => Verdict | Promise<Verdict>,
): Promise<Verdict> {
  try {
    refuseLarge(json);
    return await validate(parseObject(json));
  } catch (thrown) {
    return refusing([unreadable(thrown)]);
  }
}

/** The messages are the same for all sizes: an update may leave an object as large as it was. */
function refuseLarge(json: Uint8Array): void {
  if (json.length > mostBytes) {
    throw new FairleadError(
      'LimitExceeded',
      `the object has more than ${mostBytes} bytes, and leaves no room for its status`,
    );
  }
  if (hasFewValues(json, profileLimits.values)) return;
  throw new FairleadError('LimitExceeded', `the object has more than ${profileLimits.values} values`);
}

function unreadable(thrown: unknown): Violation {
  if (!(thrown instanceof FairleadError) && !(thrown instanceof SyntaxError)) throw thrown;
  return { field: '', problem: thrown.message, fix: 'Make the object smaller.' };
}
