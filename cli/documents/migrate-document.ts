import * as v from 'valibot';
import { flag, list, meaning, number, text, texts } from './fields.ts';
import { failure } from './parts.ts';

const field = v.object({
  pointer: text('JSON pointer into the document in the file (RFC 6901)'),
  value: text('value, as JSON'),
});

const place = {
  file: text('file, or `stdin`'),
  line: number('line in the file as it was, counted from 1'),
  object: text('kind, namespace and name of the object'),
};

/** `fairlead migrate`. */
export const migrate = v.object({
  failed: flag('something must be decided, a file could not be read, or `--check` found a change'),
  files: list(
    v.object({
      file: text('file, or `stdin`'),
      status: meaning(
        v.picklist(['changed', 'unchanged', 'undecided']),
        '`undecided` if something must be decided: then `--in-place` leaves the file as it is',
      ),
      written: flag('`--in-place` has written the file'),
      content: v.optional(text('the file after the migration, without `--in-place` and `--check`')),
    }),
    'the files that were read',
  ),
  changes: list(
    v.object({
      ...place,
      from: v.nullable(meaning(field, 'field as it was; null if it is new')),
      to: v.nullable(meaning(field, 'field as it is; null if it was removed')),
      reason: text('why'),
    }),
    'what changed',
  ),
  decisions: list(
    v.object({
      ...place,
      code: text('stable code, such as `name-clash`'),
      pointer: text('JSON pointer into the document in the file (RFC 6901)'),
      message: text('what must be decided'),
      choices: texts('what can be done'),
    }),
    'what only a person can decide; these objects stay as they are',
  ),
  notices: list(
    v.object({
      ...place,
      code: text('stable code, such as `not-supported`'),
      pointer: text('JSON pointer into the document in the file (RFC 6901)'),
      message: text('what differs in a cluster with Fairlead'),
    }),
    'what differs in a cluster with Fairlead; the manifests need no decision',
  ),
  unread: list(
    v.object({ file: text('file, or `stdin`'), error: meaning(failure, 'why it could not be read') }),
    'files that could not be read',
  ),
});
