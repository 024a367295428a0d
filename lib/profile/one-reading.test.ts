import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { convertProfile, publishableForm } from './convert-profile.ts';
import { type ImportOptions, importProfile } from './import-profile.ts';
import type { Profile } from './profile.ts';
import { readProfile } from './read-profile.ts';

const host = { architecture: 'amd64', kernel: '6.1', capabilities: ['CAP_CHOWN'] } as const;
const bytes = (text: string) => new TextEncoder().encode(text);

/** Undefined where it is refused. */
function read(text: string): Profile | undefined {
  return orRefused(() => readProfile(bytes(text), 'p'));
}

function imported(text: string, options: ImportOptions = {}): Profile | undefined {
  return orRefused(() => importProfile(bytes(text), 'p', { host, ...options }));
}

function orRefused(reading: () => Profile): Profile | undefined {
  try {
    return reading();
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'ProfileInvalid') return undefined;
    throw error;
  }
}

/** A member's name: of the runtimes' form, of another one, or known in another letter case. */
const named = (names: readonly string[], ofDocker: readonly string[]) => {
  const known = fc.constantFrom(...names);
  const upper = known.map((name) => name.toUpperCase());
  const folded = known.map((name) => name.replace('s', '\u017f').replace('k', '\u212a'));
  return fc.oneof(
    { arbitrary: known, weight: 4 },
    { arbitrary: fc.constantFrom(...ofDocker), weight: 6 },
    fc.constantFrom('kind', 'network', 'x', '', 'Includes'),
    upper,
    folded,
  );
};
const conditions = fc.constantFrom(
  '{}',
  'null',
  '{"caps":["CAP_CHOWN"]}',
  '{"caps":["CAP_SYS_ADMIN"]}',
  '{"Caps":["CAP_CHOWN"]}',
);

/** A value that a member of this name may have, in some form. */
function valueFor(name: string): fc.Arbitrary<string> {
  switch (name.toLowerCase().replaceAll('\u017f', 's')) {
    case 'defaultaction':
    case 'action':
      return fc.constantFrom('"SCMP_ACT_ERRNO"', '"SCMP_ACT_ALLOW"');
    case 'names':
      return fc.constantFrom('["read"]', '["ptrace","chmod"]');
    case 'name':
      return fc.constantFrom('"read"', '""');
    case 'includes':
    case 'excludes':
      return conditions;
    case 'architectures':
    case 'flags':
      return fc.constantFrom('[]', 'null');
    case 'comment':
      return fc.constantFrom('""', '"why"');
    case 'archmap':
      return fc.constantFrom('[]', '[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}]');
    case 'args':
      return fc.constantFrom(
        '[]',
        'null',
        '[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]',
        '[{"Index":0,"value":1,"op":"SCMP_CMP_EQ"}]',
      );
    case 'errnoret':
    case 'defaulterrnoret':
      return fc.constantFrom('1', 'null');
    case 'kind':
      return fc.constantFrom('"SeccompProfile"', '"Pod"');
    default:
      return fc.constantFrom('null', '""', '1', '[]', '{}');
  }
}

const objectOf = (always: readonly string[], names: readonly string[], ofDocker: readonly string[]) =>
  fc
    .uniqueArray(named(names, ofDocker), { maxLength: 2 })
    .map((more) => [...always, ...more])
    .chain((chosen) =>
      fc.tuple(...chosen.map((name) => valueFor(name).map((value) => `${JSON.stringify(name)}:${value}`))),
    )
    .map((members) => members.join());

const document = fc
  .tuple(
    objectOf([], ['defaultErrnoRet', 'architectures', 'flags', 'defaultAction'], ['archMap']),
    fc.array(objectOf(['names', 'action'], ['errnoRet', 'args', 'names'], ['includes', 'excludes', 'comment']), {
      maxLength: 2,
    }),
  )
  .map(([root, entries]) => {
    const syscalls = `"syscalls":[${entries.map((entry) => `{${entry}}`).join()}]`;
    return `{${[root, syscalls, '"defaultAction":"SCMP_ACT_ERRNO"'].filter((part) => part !== '').join()}}`;
  });

describe('one file has one reading', () => {
  it('is read by commands as by services and nodes, or refused by the latter with what converts it', () => {
    const seen = { alike: 0, docker: 0, converted: 0 };
    fc.assert(
      fc.property(document, (text) => {
        const strict = read(text);
        const asked = imported(text);
        if (strict !== undefined) {
          assert.deepEqual(asked, strict);
          seen.alike += 1;
        } else if (asked !== undefined) {
          // What is read all the same says in which form, so that a command can tell.
          assert.ok(asked.docker !== undefined, text);
          seen.docker += 1;
        }
        const lenient = imported(text, { lenient: true });
        if (asked !== undefined) assert.deepEqual(lenient, asked);
        if (lenient === undefined) return;
        const converted = convertProfile(lenient, 'runtime', 'p');
        assert.deepEqual(read(converted), {
          kind: 'Seccomp',
          seccomp: 'seccomp' in lenient && publishableForm(lenient).seccomp,
        });
        seen.converted += 1;
      }),
      { numRuns: 5_000 },
    );
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 300, `${what}: ${count}`);
  });

  it('is refused with a command that works, wherever one is named', () => {
    const named = { count: 0 };
    fc.assert(
      fc.property(document, (text) => {
        try {
          readProfile(bytes(text), 'p');
        } catch (error) {
          assert.ok(error instanceof FairleadError);
          const { hint = '' } = error;
          if (!/fairlead convert --to runtime FILE/.test(hint) || /Remove one/.test(hint)) return;
          named.count += 1;
          const faults = (options: ImportOptions): string => {
            try {
              importProfile(bytes(text), 'p', { host, ...options });
              return '';
            } catch (fault) {
              return String(fault);
            }
          };
          // It may still find another fault, which it then says: one that no command could fix.
          const left = faults({ lenient: true });
          assert.doesNotMatch(left, /letter case|unknown member "\/|is of the form of|not JSON/, text);
        }
      }),
      { numRuns: 3_000 },
    );
    assert.ok(named.count > 300, `${named.count}`);
  });
});
