import * as v from 'valibot';
import { flag, list, meaning, number, text, texts } from './fields.ts';
import { differences, failure, finding, kind } from './parts.ts';

const architecture = text('architecture of the machine');
const kernel = text('release of the kernel');
const capabilities = texts('capabilities of the container');

/** `fairlead lint`. */
export const lint = v.object({
  failed: flag('a file could not be read, or has a finding of the severity of `--fail-on`'),
  profiles: list(
    v.object({ file: text('file, or `stdin`'), kind, findings: list(finding, 'findings') }),
    'the profiles that could be read',
  ),
  unread: list(
    v.object({ file: text('file, `stdin` or reference'), error: meaning(failure, 'why it could not be read') }),
    'files that could not be read, or hold no valid profile',
  ),
});

const diffOfTwo = v.object({
  from: v.nullable(text('old file; null for a new profile')),
  to: v.nullable(text('new file; null for a deleted profile')),
  kind,
  change: v.optional(meaning(v.picklist(['new', 'deleted']), 'set if there is only one profile')),
  loosened: flag('the new profile permits more'),
  ...differences,
  container: v.optional(
    meaning(
      v.object({ architecture, kernel, capabilities }),
      'the container for which profiles of Docker and Podman were compared',
    ),
  ),
});

const diffOfMany = v.object({
  loosened: flag('a profile permits more, or that cannot be decided'),
  summary: meaning(v.record(v.string(), v.number()), 'number of profiles for each outcome'),
  profiles: list(
    v.object({
      name: text('name of the profile'),
      change: meaning(v.picklist(['changed', 'renamed', 'new', 'deleted', 'invalid']), 'how its file changed'),
      from: v.nullable(text('old file; null for a new profile')),
      to: v.nullable(text('new file; null for a deleted profile')),
      kind: v.nullable(kind),
      loosened: flag('the new profile permits more, or that cannot be decided'),
      ...differences,
      undecided: v.optional(text('why it could not be compared')),
      error: v.optional(
        meaning(
          v.object({
            kind: text('kind of the error'),
            message: text('what is wrong'),
            pointer: v.optional(text('JSON pointer into the file (RFC 6901)')),
          }),
          'why the new file is invalid',
        ),
      ),
    }),
    'the profiles that differ',
  ),
  unchanged: number('files with the same bytes as before'),
  ignored: texts('files that contain no profile'),
});

/** `fairlead diff`. */
export const diff = v.union([
  meaning(diffOfTwo, 'Of two files, and with `--new` and `--deleted`:'),
  meaning(diffOfMany, 'Of directories, and with `--base`:'),
]);

/** `fairlead merge`. */
export const merge = v.object({
  kind,
  form: text('form of the result, as for `fairlead convert --to`'),
  inexact: texts('what is stricter (intersection) or laxer (union) than exact, because of the format'),
  content: text('the profile'),
});

const input = meaning(v.picklist(['baseline', 'base', 'artifact']), 'profile that causes it');

/** `fairlead explain`. */
export const explain = v.object({
  baseline: v.optional(text('source of the baseline')),
  base: v.optional(text('source of the base profile')),
  artifact: text('source of the artifact'),
  kind,
  constraints: list(
    v.object({
      subject: text('what is constrained'),
      input,
      from: text('what the artifact asks for'),
      to: text('what applies'),
      exact: flag('false if it is stricter than every profile, because of the format'),
    }),
    'respects in which the effective profile is stricter than the artifact',
  ),
  syscalls: v.optional(
    list(
      v.object({
        syscall: text('name of the system call'),
        inputs: list(v.object({ input, decision: text('what it does') }), 'what each profile does'),
        effective: text('what applies'),
        constrainedBy: list(input, 'profiles that made it stricter than the artifact'),
        exact: flag('false if it is stricter than every profile, because of the format'),
      }),
      'the system calls of `--syscall`',
    ),
  ),
});

/** `fairlead convert`. */
export const convert = v.object({
  kind,
  form: text('form of the result, as for `--to`'),
  content: text('the profile'),
});

/** `fairlead baseline`. */
export const baseline = v.object({
  kind,
  form: text('`runtime`'),
  runtime: meaning(
    v.object({
      name: text('container runtime'),
      releases: text('its releases'),
      sources: texts('where their profiles are defined'),
    }),
    'the runtime whose profile it is',
  ),
  architecture,
  kernel,
  capabilities,
  content: text('the profile'),
});

/** `fairlead healthcheck`. */
export const healthcheck = v.object({
  url: text('address that was asked'),
  status: number('status of HTTP'),
  body: text('answer'),
});
